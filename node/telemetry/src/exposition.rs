//! Prometheus's text format.
//!
//! A price list: each kind of thing has a heading, and below it its prices, all in one place. The catch is the names on it: clients choose
//! some of what goes into a label, and a quotation mark of theirs must not end ours.

use crate::metric::Metric;
use std::fmt::{Display, Write as _};

/// What a number does over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often it was how large.
    Histogram,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

/// A text in the making.
#[derive(Debug, Default)]
pub struct Exposition {
    families: Vec<Family>,
    current: usize,
}

/// A heading and what stands below it.
#[derive(Debug)]
struct Family {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    samples: String,
}

/// Labels of a sample: names and values.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

impl Exposition {
    /// Begins the family of one of our own metrics.
    pub fn metric(&mut self, metric: Metric) {
        self.family(metric.name, metric.kind, metric.help());
    }

    /// One of our own metrics that has one number.
    pub fn number(&mut self, metric: Metric, value: impl Display) {
        self.metric(metric);
        self.sample(&[], value);
    }

    /// Begins a family, or goes on with one that somebody else began: what follows belongs to it.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) {
        let begun = self.families.iter().position(|family| family.name == name);
        self.current = begun.unwrap_or_else(|| {
            self.families.push(Family {
                name,
                kind,
                help,
                samples: String::new(),
            });
            self.families.len() - 1
        });
    }

    /// One number of the family.
    pub fn sample(&mut self, labels: Labels<'_>, value: impl Display) {
        self.sample_of("", labels, value);
    }

    /// One number of a part of the family, such as `_sum`.
    pub fn sample_of(&mut self, part: &str, labels: Labels<'_>, value: impl Display) {
        let Some(family) = self.families.get_mut(self.current) else {
            return;
        };
        let text = &mut family.samples;
        // Writing to a string does not fail.
        _ = write!(text, "{}{part}", family.name);
        let mut before = '{';
        for (label, value) in labels {
            _ = write!(text, "{before}{label}=\"{}\"", escaped(value));
            before = ',';
        }
        if before == ',' {
            text.push('}');
        }
        _ = writeln!(text, " {value}");
    }

    /// The text.
    pub fn finish(self) -> String {
        let written = |family: Family| {
            let Family {
                name,
                kind,
                help,
                samples,
            } = family;
            format!("# HELP {name} {help}\n# TYPE {name} {}\n{samples}", kind.as_str())
        };
        self.families.into_iter().map(written).collect()
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_stay_together_and_labels_cannot_break_out() {
        let mut text = Exposition::default();
        text.family("a_total", Kind::Counter, "What it counts.");
        text.sample(&[], 1);
        text.family("b", Kind::Histogram, "How long.");
        text.sample_of("_sum", &[], 3);
        text.family("a_total", Kind::Counter, "What it counts.");
        text.sample(&[("x", "1"), ("y", "\"}\n\\")], 2);
        assert_eq!(
            text.finish(),
            "# HELP a_total What it counts.\n# TYPE a_total counter\na_total 1\na_total{x=\"1\",y=\"\\\"}\\n\\\\\"} 2\n\
             # HELP b How long.\n# TYPE b histogram\nb_sum 3\n"
        );
    }
}
