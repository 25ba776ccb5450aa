//! Figures and the report they stand in.
//!
//! A figure may have a ceiling. Counts (instructions, memory) come out the same on a busy machine and fail the run when they
//! are above it; times do not, and are only marked, unless the run is strict.

use crate::{ceilings::Ceilings, machine, program};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{fmt::Write, fs, path::Path, time::SystemTime};

/// Whether the neighbours can change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steadiness {
    /// A count: the same on a busy machine.
    Count,
    /// A time, or a ratio of times.
    Time,
}

/// One measured number.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What was measured, in words.
    pub what: String,
    /// The number.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// Whether the neighbours can change it.
    pub steadiness: Steadiness,
    /// The name of its ceiling in `ceilings.toml`; empty when it has none.
    pub ceiling: &'static str,
    /// How it spreads, or what else to know.
    pub note: String,
}

/// Everything one run found.
#[derive(Debug)]
pub struct Report {
    ceilings: Ceilings,
    program: String,
    machine: String,
    taken: String,
    figures: Vec<Figure>,
    failures: Vec<String>,
}

impl Report {
    /// An empty report about the program at `troop`.
    ///
    /// # Errors
    /// When the program does not even tell its version.
    pub fn new(ceilings: Ceilings, troop: &Path) -> Result<Self> {
        Ok(Report {
            ceilings,
            program: program::version(troop)?,
            machine: machine::description(),
            taken: httpdate::fmt_http_date(SystemTime::now()),
            figures: Vec::new(),
            failures: Vec::new(),
        })
    }

    /// Adds a count.
    pub fn count(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        ceiling: &'static str,
        note: impl Into<String>,
    ) {
        self.add(Figure {
            what: what.into(),
            value,
            unit,
            steadiness: Steadiness::Count,
            ceiling,
            note: note.into(),
        });
    }

    /// Adds a time or a ratio of times.
    pub fn time(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        ceiling: &'static str,
        note: impl Into<String>,
    ) {
        self.add(Figure {
            what: what.into(),
            value,
            unit,
            steadiness: Steadiness::Time,
            ceiling,
            note: note.into(),
        });
    }

    fn add(&mut self, figure: Figure) {
        program::progress(&format!(
            "{}: {} {} ({})",
            figure.what,
            number(figure.value),
            figure.unit,
            figure.note
        ));
        self.figures.push(figure);
    }

    /// Notes that a part could not be measured.
    pub fn failed(&mut self, part: &str, error: &anyhow::Error) {
        program::progress(&format!("{part}: {error:#}"));
        self.failures.push(format!("{part}: {error:#}"));
    }

    /// Whether everything was measured and stays below its ceiling; times count when `strict`.
    pub fn passes(&self, strict: bool) -> bool {
        let high = self
            .figures
            .iter()
            .any(|figure| self.is_high(figure) && (strict || figure.steadiness == Steadiness::Count));
        self.failures.is_empty() && !high
    }

    fn ceiling_of(&self, figure: &Figure) -> Option<f64> {
        self.ceilings.of(figure.ceiling)
    }

    /// What is no number is above every ceiling.
    fn is_high(&self, figure: &Figure) -> bool {
        self.ceiling_of(figure)
            .is_some_and(|ceiling| figure.value.is_nan() || figure.value > ceiling)
    }

    /// The report for people.
    pub fn markdown(&self) -> String {
        let mut out = format!(
            "Taken {} with {}\non {}.\n\n",
            self.taken, self.program, self.machine
        );
        out.push_str("| figure | measured | ceiling | spread, circumstances |\n|---|---|---|---|\n");
        for figure in &self.figures {
            let ceiling = self.ceiling_of(figure).map(number).unwrap_or_default();
            let mark = if self.is_high(figure) { " **above**" } else { "" };
            let measured = format!("{} {}", number(figure.value), figure.unit);
            // Writing to a string cannot fail.
            let _ = writeln!(
                out,
                "| {} | {} | {ceiling}{mark} | {} |",
                figure.what,
                measured.trim(),
                figure.note
            );
        }
        for failure in &self.failures {
            let _ = writeln!(out, "\nNot measured: {failure}");
        }
        out
    }

    fn json(&self) -> Value {
        let figures = self.figures.iter().map(|figure| {
            json!({
                "figure": figure.what, "value": figure.value, "unit": figure.unit, "note": figure.note,
                "ceiling": self.ceiling_of(figure), "above": self.is_high(figure),
            })
        });
        json!({
            "taken": self.taken, "program": self.program, "machine": self.machine,
            "figures": figures.collect::<Vec<_>>(), "failures": self.failures,
        })
    }

    /// Writes the report to `out` with `.md` and with `.json` behind it.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn write(&self, out: &Path) -> Result<()> {
        let json = serde_json::to_string_pretty(&self.json())?;
        for (extension, text) in [("md", self.markdown()), ("json", json + "\n")] {
            let path = out.with_extension(extension);
            fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(())
    }
}

/// As many digits as mean something.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1_000.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        _ => format!("{value:.2}")
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(ceiling: &'static str, value: f64, steadiness: Steadiness) -> Report {
        let figure = Figure {
            what: "x".into(),
            value,
            unit: "",
            steadiness,
            ceiling,
            note: String::new(),
        };
        Report {
            ceilings: Ceilings::read().unwrap(),
            program: String::new(),
            machine: String::new(),
            taken: String::new(),
            figures: vec![figure],
            failures: Vec::new(),
        }
    }

    #[test]
    fn a_count_above_its_ceiling_fails_the_run() {
        let count = |value| report("instructions_per_request", value, Steadiness::Count);
        let ceiling = Ceilings::read().unwrap().of("instructions_per_request").unwrap();
        assert!(!count(ceiling + 1.0).passes(false));
        assert!(count(ceiling).passes(true));
    }

    #[test]
    fn a_time_above_its_ceiling_fails_a_strict_run_only() {
        let slow = report("write_p50_ms", 6.0, Steadiness::Time);
        assert!(slow.passes(false));
        assert!(!slow.passes(true));
        assert!(slow.markdown().contains("**above**"));
    }

    #[test]
    fn what_could_not_be_computed_is_above_its_ceiling() {
        assert!(!report("idle_rss_mib", f64::NAN, Steadiness::Count).passes(false));
    }

    #[test]
    fn a_figure_without_ceiling_never_fails() {
        assert!(report("", 1e9, Steadiness::Count).passes(true));
    }

    #[test]
    fn numbers_have_the_digits_that_mean_something() {
        let shown = [0.0, 1.5, 1.149, 123.45, 25_679.4].map(number);
        assert_eq!(shown, ["0", "1.5", "1.15", "123.5", "25679"]);
    }
}
