//! What a run leaves behind: a page for people, a document for programs, a picture, and the histories.

pub mod document;
pub mod page;
pub mod timeline;

use crate::{
    args::RunArgs,
    check::{Findings, Unknown, Violation},
    fault::{Kind, log::Accident},
    history::{Counts, Nanos},
    run::out_directory,
    workload::{Fate, Judgement, Sample},
};
use anyhow::{Context as _, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Voters.
    pub nodes: u8,
    /// How long faults were to be dealt.
    pub minutes: f64,
    /// Draws the schedule.
    pub seed: u64,
    /// Promised faults.
    pub kinds: Vec<Kind>,
    /// Workloads.
    pub workloads: Vec<&'static str>,
    /// Whether nodes had networks of their own.
    pub with_network: bool,
    /// Mean pause between a client's operations.
    pub pace_ms: u64,
    /// Log entries between two snapshots.
    pub snapshot_every: u64,
    /// Log entries kept behind one.
    pub log_keep: u64,
    /// What the program under test calls itself.
    pub version: String,
    /// Where the report goes.
    pub out: PathBuf,
}

impl Setting {
    /// The setting of a run.
    pub fn of(
        args: &RunArgs,
        seed: u64,
        kinds: &[Kind],
        workloads: &[&'static str],
        version: String,
    ) -> Self {
        Setting {
            nodes: args.nodes,
            minutes: args.minutes,
            seed,
            kinds: kinds.to_vec(),
            workloads: workloads.to_vec(),
            with_network: args.inside.is_some(),
            pace_ms: args.pace_ms,
            snapshot_every: args.snapshot_every,
            log_keep: args.log_keep,
            version,
            out: out_directory(args, seed),
        }
    }

    /// Where nodes' logs and data are.
    pub fn nodes_directory(&self) -> PathBuf {
        self.out.join("nodes")
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Valid, no violation, nothing undecided.
    Clean,
    /// A promise was broken.
    Violated,
    /// It proves nothing.
    Invalid,
}

impl Outcome {
    /// The program's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Outcome::Clean => 0,
            Outcome::Violated => 1,
            Outcome::Invalid => 2,
        }
    }

    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Clean => "clean",
            Outcome::Violated => "violated",
            Outcome::Invalid => "invalid",
        }
    }
}

/// A run that is over.
#[derive(Debug)]
pub struct Report {
    /// What was asked for.
    pub setting: Setting,
    /// How long it took.
    pub elapsed: Duration,
    /// What went wrong on purpose.
    pub accidents: Vec<Accident>,
    /// What came of each workload.
    pub judgements: Vec<(&'static str, Judgement)>,
    /// What was found beside the workloads: processes that ended, nodes that did not recover, answers nobody promised.
    pub findings: Findings,
    /// Why it proves nothing, if it does not.
    pub invalid: Vec<String>,
    /// Lines of nodes' logs that somebody should read.
    pub log_lines: Vec<String>,
}

impl Report {
    /// Everything that was violated.
    pub fn violations(&self) -> Vec<&Violation> {
        let workloads = self
            .judgements
            .iter()
            .flat_map(|(_, judgement)| &judgement.findings.violations);
        self.findings.violations.iter().chain(workloads).collect()
    }

    /// Everything undecided.
    pub fn unknowns(&self) -> Vec<&Unknown> {
        let workloads = self
            .judgements
            .iter()
            .flat_map(|(_, judgement)| &judgement.findings.unknowns);
        self.findings.unknowns.iter().chain(workloads).collect()
    }

    /// How all operations ended.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.judgements
            .iter()
            .for_each(|(_, judgement)| counts.add(judgement.counts));
        counts
    }

    /// How it ended. A violation counts even in a run that is otherwise invalid: what was seen was seen.
    pub fn outcome(&self) -> Outcome {
        if !self.violations().is_empty() {
            Outcome::Violated
        } else if !self.invalid.is_empty() || !self.unknowns().is_empty() {
            Outcome::Invalid
        } else {
            Outcome::Clean
        }
    }

    /// Valid and clean.
    pub fn is_clean(&self) -> bool {
        self.outcome() == Outcome::Clean
    }

    /// The line that a script reads.
    pub fn last_line(&self) -> String {
        let counts = self.counts();
        let faults = self
            .accidents
            .iter()
            .filter(|accident| accident.happened())
            .count();
        format!(
            "{}: {} operations ({} ok, {} failed, {} unknown fate), {faults} faults, {} violations, {} unknown, seed {}",
            self.outcome().word(),
            counts.total(),
            counts.ok,
            counts.fail,
            counts.info,
            self.violations().len(),
            self.unknowns().len(),
            self.setting.seed
        )
    }

    /// Longest time without an acknowledged write that touches an accident.
    pub fn silence(&self, accident: &Accident) -> Option<Duration> {
        let mut acknowledged: Vec<Nanos> = self
            .samples()
            .filter(|sample| sample.is_write && sample.fate == Fate::Ok)
            .map(end)
            .collect();
        acknowledged.sort_unstable();
        let touching = acknowledged
            .windows(2)
            .filter(|pair| pair[1] > accident.began && pair[0] < accident.whole);
        touching.map(|pair| Duration::from_nanos(pair[1] - pair[0])).max()
    }

    fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.judgements
            .iter()
            .flat_map(|(_, judgement)| &judgement.samples)
    }

    /// Writes everything into a directory.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, out: &Path) -> Result<()> {
        let put = |name: &str, text: String| {
            let path = out.join(name);
            fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
        };
        put("report.md", page::write(self))?;
        put("report.json", format!("{:#}\n", document::write(self)))?;
        put("timeline.svg", timeline::draw(self))?;
        for (name, text) in self.judgements.iter().flat_map(|(_, judgement)| &judgement.files) {
            put(name, text.clone())?;
        }
        Ok(())
    }
}

fn end(sample: &Sample) -> Nanos {
    sample.at + sample.took
}

/// Milliseconds below which so many percent of the answered operations stayed.
fn percentile_ms<'s>(samples: impl Iterator<Item = &'s Sample>, percent: usize) -> f64 {
    let mut took: Vec<Nanos> = samples
        .filter(|sample| sample.fate == Fate::Ok)
        .map(|sample| sample.took)
        .collect();
    took.sort_unstable();
    let at = (took.len() * percent / 100).min(took.len().saturating_sub(1));
    took.get(at).map_or(0.0, |took| *took as f64 / 1e6)
}
