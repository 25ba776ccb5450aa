//! The command line.

use crate::{
    fault::{KINDS, Kind, Means},
    workload,
};
use clap::{Parser, Subcommand, ValueEnum};
use std::{path::PathBuf, time::Duration};

/// Runs real clusters of troop under faults and judges what their clients saw.
#[derive(Debug, Parser)]
#[command(
    name = "troop-jepsen",
    after_help = "Exit codes: 0 valid and clean, 1 a promise was broken, 2 invalid, undecided or not run."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a cluster under faults
    Run(Box<RunArgs>),
    /// Run again what a seed's report says was run: same nodes, minutes, faults, workloads and schedule
    Replay(ReplayArgs),
    /// Name all faults and workloads
    List,
}

/// Whether nodes get networks of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Wires {
    /// If this machine and user can have them.
    Auto,
    /// Yes, or fail.
    On,
    /// No: all nodes share the loopback, and there are no network faults.
    Off,
}

/// How to run.
#[derive(Clone, Debug, clap::Args)]
pub struct RunArgs {
    /// Voters
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=7))]
    pub nodes: u8,
    /// How long faults are dealt
    #[arg(long, default_value_t = 2.0, value_parser = minutes)]
    pub minutes: f64,
    /// Draws the schedule; unset: one at random
    #[arg(long)]
    pub seed: Option<u64>,
    /// Faults by name, `all` (the default), or `none`; each of them must happen for the run to be valid; one named twice
    /// happens twice as often
    #[arg(long, value_delimiter = ',')]
    pub faults: Vec<String>,
    /// Workloads by name, or `all`
    #[arg(long, value_delimiter = ',', default_value = "all")]
    pub workloads: Vec<String>,
    /// Where the report goes; unset: `troop-jepsen/seed-N` in the directory for temporary files
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// The program under test; unset: `troop` beside this program
    #[arg(long)]
    pub troop: Option<PathBuf>,
    /// Plants a bug in a copy of the source and runs the program built from it: the run must find a violation. Without `--faults` those that
    /// bring the bug out
    #[arg(long, conflicts_with = "troop")]
    pub planted_bug: Option<String>,
    /// Networks of their own for the nodes
    #[arg(long, value_enum, default_value_t = Wires::Auto)]
    pub network: Wires,
    /// Mean pause between two operations of a client, in milliseconds
    #[arg(long, default_value_t = 40)]
    pub pace_ms: u64,
    /// Log entries between two snapshots
    #[arg(long, default_value_t = 500)]
    pub snapshot_every: u64,
    /// Log entries kept behind a snapshot: few, so that who was away is sent a snapshot
    #[arg(long, default_value_t = 100)]
    pub log_keep: u64,
    /// Keep data directories
    #[arg(long)]
    pub keep: bool,
    /// For the program's own use: it runs in the driver's namespace of this process
    #[arg(long, hide = true)]
    pub inside: Option<u32>,
}

/// What to run again.
#[derive(Clone, Debug, clap::Args)]
pub struct ReplayArgs {
    /// The seed of the report
    #[arg(long)]
    pub seed: u64,
    /// The directory of its report; unset: where a run of that seed puts it
    #[arg(long)]
    pub from: Option<PathBuf>,
    /// Where the new report goes; unset: `replay` below the old one
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// The program under test; unset: `troop` beside this program
    #[arg(long)]
    pub troop: Option<PathBuf>,
}

fn minutes(text: &str) -> Result<f64, String> {
    let minutes: f64 = text
        .parse()
        .map_err(|_| "expected a number of minutes".to_owned())?;
    if (0.05..=24.0 * 60.0).contains(&minutes) {
        Ok(minutes)
    } else {
        Err("expected 0.05 to 1440 minutes".into())
    }
}

impl RunArgs {
    /// How long faults are dealt.
    pub fn span(&self) -> Duration {
        Duration::from_secs_f64(self.minutes * 60.0)
    }

    /// The kinds of faults that are asked for. `all` means all that this run has the means for.
    ///
    /// # Errors
    /// An unknown name, or a fault without its means.
    pub fn kinds(&self, means: Means) -> Result<Vec<Kind>, String> {
        let mut kinds = Vec::new();
        let all = ["all".to_owned()];
        let names = if self.faults.is_empty() {
            &all[..]
        } else {
            &self.faults
        };
        for name in names {
            match name.as_str() {
                "none" => {}
                "all" => kinds.extend(
                    KINDS
                        .iter()
                        .map(|entry| entry.kind)
                        .filter(|kind| means.allow(*kind)),
                ),
                name => {
                    let kind = Kind::from_name(name);
                    kinds.push(kind.ok_or_else(|| format!("there is no fault {name}; `list` names them"))?);
                }
            }
        }
        match kinds.iter().find(|kind| !means.allow(**kind)) {
            Some(kind) => Err(format!(
                "this run has not the means for the fault {}: {:?}",
                kind.name(),
                kind.needs()
            )),
            None => Ok(kinds),
        }
    }

    /// The workloads that are asked for.
    ///
    /// # Errors
    /// An unknown name.
    pub fn workloads(&self) -> Result<Vec<&'static str>, String> {
        let mut names = Vec::new();
        for name in &self.workloads {
            match workload::NAMES.iter().find(|known| *known == name) {
                Some(known) => names.push(*known),
                None if name == "all" => names.extend(workload::NAMES),
                None => return Err(format!("there is no workload {name}; `list` names them")),
            }
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Means = Means {
        wires: true,
        disks: true,
        shim: true,
    };

    fn run(arguments: &[&str]) -> RunArgs {
        let all = ["troop-jepsen", "run"].iter().chain(arguments);
        match Cli::try_parse_from(all).unwrap().command {
            Command::Run(args) => *args,
            _ => panic!("not a run"),
        }
    }

    #[test]
    fn all_means_all_that_can_be_done() {
        let args = run(&[]);
        assert_eq!(args.kinds(ALL).unwrap().len(), KINDS.len());
        assert!(
            args.kinds(Means::default())
                .unwrap()
                .iter()
                .all(|kind| !kind.is_on_network())
        );
        assert_eq!(args.workloads().unwrap(), workload::NAMES);
    }

    #[test]
    fn names_are_checked() {
        let args = run(&["--faults", "kill-one,halves", "--workloads", "set"]);
        assert_eq!(args.kinds(ALL), Ok(vec![Kind::KillOne, Kind::Halves]));
        assert!(
            args.kinds(Means::default())
                .unwrap_err()
                .contains("means for the fault halves")
        );
        assert_eq!(args.workloads(), Ok(vec!["set"]));
        assert!(
            run(&["--faults", "flood"])
                .kinds(ALL)
                .unwrap_err()
                .contains("no fault flood")
        );
        assert!(
            run(&["--workloads", "bank"])
                .workloads()
                .unwrap_err()
                .contains("no workload bank")
        );
        assert_eq!(run(&["--faults", "none"]).kinds(ALL), Ok(vec![]));
    }
}
