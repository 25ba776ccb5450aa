//! The load rig: what troop costs, measured beside something that everybody can measure.
//!
//! A weighing room. A kilogram read off a spring balance depends on the town it hangs in; what stays true anywhere is that this
//! sack is lighter than that one, on the same scales, one after the other. So every figure here is taken in pairs within one
//! run (troop and nginx, a replicated write and a bare `fdatasync`), or is a count that does not depend on the neighbours at
//! all (instructions, memory).
//!
//! ```text
//!  own cores           first core
//!  load ──────────────► proxy (troop | nginx …) ──────► origin (own cores)
//! ```
//!
//! | file | subject |
//! |---|---|
//! | `proxy.rs`, `instructions.rs`, `writes.rs`, `memory.rs`, `connections.rs`, `document.rs`, `churn.rs`, `handshakes.rs` | one measurement each |
//! | `compare.rs` | which of them are asked for |
//! | `callgrind.rs`, `hot.rs` | counting, and where the counts come from |
//! | `program.rs`, `node.rs`, `rival.rs`, `certificate.rs` | processes that are measured |
//! | `load.rs`, `http2.rs`, `pace.rs`, `origin.rs`, `answer.rs`, `admin.rs` | both ends of the conversation |
//! | `disk.rs` | the measure of writes |
//! | `figure.rs`, `ceilings.rs`, `spread.rs`, `machine.rs` | what a number is, and where it was taken |
//!
//! It starts the release program and ends what it started, and nothing else. It does not build anything, and it does not
//! measure single functions: `cargo bench --bench micro` does.

mod admin;
mod answer;
mod callgrind;
mod ceilings;
mod certificate;
mod churn;
mod compare;
mod connections;
mod disk;
mod document;
mod figure;
mod handshakes;
mod hot;
mod http2;
mod instructions;
mod load;
mod machine;
mod memory;
mod node;
mod origin;
mod pace;
mod program;
mod proxy;
mod rival;
mod spread;
mod writes;

use crate::{ceilings::Ceilings, figure::Report, rival::Rival};
use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use std::{env, io::Write, path::PathBuf, process::ExitCode, time::Duration};

/// Measures troop in pairs: each figure is a ratio within one run, or a count.
#[derive(Parser)]
#[command(name = "rig", version)]
struct Cli {
    /// The program to measure [default: the release build in the target directory of ./ci].
    #[arg(long, env = "TROOP_BIN", global = true)]
    troop: Option<PathBuf>,
    /// Write the report there too: FILE.md for people and FILE.json for programs.
    #[arg(long, value_name = "FILE", global = true)]
    out: Option<PathBuf>,
    /// Fail on times above their ceiling too, not only on counts: for a machine that does nothing else.
    #[arg(long, global = true)]
    strict: bool,
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Subcommand)]
enum Subject {
    /// CPU time per request of troop and of other proxies, in short alternating rounds.
    Proxy(ProxyArgs),
    /// Instructions per request in user space, of troop and of nginx.
    Instructions(InstructionsArgs),
    /// Three nodes: how long a write takes, and how soon every node acts on it.
    Writes(WritesArgs),
    /// Resident memory of an idle node, and of three nodes with a configuration; whether writes get slower with it.
    Memory(MemoryArgs),
    /// Three nodes: a document with very many consumers, by `troop config apply`.
    Document(DocumentArgs),
    /// Whether the slowest answers get slower while the configuration changes.
    Churn(ChurnArgs),
    /// CPU time per TLS handshake of troop and of nginx.
    Handshakes(HandshakesArgs),
    /// What idle connections of clients cost.
    Connections(ConnectionsArgs),
    /// Instructions, memory, CPU and writes.
    Compare(CompareArgs),
}

/// How to measure CPU time per request.
#[derive(Args, Clone, Debug)]
struct ProxyArgs {
    /// What to measure beside.
    #[arg(long, value_delimiter = ',', default_value = "nginx")]
    rivals: Vec<Rival>,
    /// Rounds per proxy and request head.
    #[arg(long, default_value_t = 16)]
    rounds: usize,
    /// Length of a round in milliseconds; short, so that both proxies of a pair meet the same neighbours.
    #[arg(long, default_value_t = 1_000)]
    round_ms: u64,
    /// Connections of the load.
    #[arg(long, default_value_t = 64)]
    connections: usize,
}

impl ProxyArgs {
    fn round(&self) -> Duration {
        Duration::from_millis(self.round_ms)
    }
}

/// How to count instructions.
#[derive(Args, Clone, Debug)]
struct InstructionsArgs {
    /// Requests that are counted; as many again are the difference.
    #[arg(long, default_value_t = 2_000)]
    requests: usize,
    /// Count troop only.
    #[arg(long)]
    without_nginx: bool,
    /// Keep callgrind's files in this directory, and tables of where the instructions went.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// How to measure writes.
#[derive(Args, Clone, Copy, Debug)]
struct WritesArgs {
    /// Sequential writes, and routes whose effect is awaited.
    #[arg(long, default_value_t = 500)]
    samples: usize,
    /// Writers at once in the last part.
    #[arg(long, default_value_t = 16)]
    writers: usize,
    /// Writes of each of them.
    #[arg(long, default_value_t = 200)]
    writes_each: usize,
}

/// How to measure memory.
#[derive(Args, Clone, Copy, Debug)]
struct MemoryArgs {
    /// Services, each with one route, in the cluster's configuration.
    #[arg(long, default_value_t = 10_000)]
    services: usize,
}

/// How to measure a document.
#[derive(Args, Clone, Copy, Debug)]
struct DocumentArgs {
    /// Consumers in it, each with one key.
    #[arg(long, default_value_t = 100_000)]
    consumers: usize,
}

/// How to change the configuration under load.
#[derive(Args, Clone, Copy, Debug)]
struct ChurnArgs {
    /// Routes that are there.
    #[arg(long, default_value_t = 10_000)]
    routes: usize,
    /// Between two changes, in milliseconds.
    #[arg(long, default_value_t = 20)]
    every_ms: u64,
    /// Laps with changes, each beside one without.
    #[arg(long, default_value_t = 12)]
    laps: usize,
    /// Length of a lap in milliseconds.
    #[arg(long, default_value_t = 5_000)]
    lap_ms: u64,
}

impl ChurnArgs {
    fn every(self) -> Duration {
        Duration::from_millis(self.every_ms)
    }

    fn lap(self) -> Duration {
        Duration::from_millis(self.lap_ms)
    }
}

/// How to measure handshakes.
#[derive(Args, Clone, Copy, Debug)]
struct HandshakesArgs {
    /// Rounds per proxy.
    #[arg(long, default_value_t = 16)]
    rounds: usize,
    /// Length of a round in milliseconds.
    #[arg(long, default_value_t = 1_000)]
    round_ms: u64,
}

impl HandshakesArgs {
    fn round(self) -> Duration {
        Duration::from_millis(self.round_ms)
    }
}

/// How to measure idle connections.
#[derive(Args, Clone, Copy, Debug)]
struct ConnectionsArgs {
    /// How many.
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
}

/// How to measure everything.
#[derive(Args, Clone, Debug)]
struct CompareArgs {
    #[command(flatten)]
    proxy: ProxyArgs,
    #[command(flatten)]
    instructions: InstructionsArgs,
    #[command(flatten)]
    writes: WritesArgs,
    #[command(flatten)]
    memory: MemoryArgs,
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let troop = match cli.troop {
        Some(path) => path,
        None => release_build()?,
    };
    let mut report = Report::new(Ceilings::read()?, &troop)?;
    compare::measure(&troop, &cli.subject, &mut report);
    let text = report.markdown();
    std::io::stdout().lock().write_all(text.as_bytes())?;
    if let Some(out) = cli.out {
        report.write(&out)?;
    }
    Ok(if report.passes(cli.strict) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn release_build() -> Result<PathBuf> {
    let target = match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(env::var_os("HOME").context("HOME is not set")?).join(".cache/troop/target"),
    };
    Ok(target.join("release/troop"))
}
