//! One run, from an empty directory to a verdict.
//!
//! Found a cluster, let the clients in, deal accidents, mend everything, ask the last questions, end the processes, judge. The order at
//! the end matters: judges work when nothing else competes for the machine, and when no process is left that could be forgotten.

use crate::{
    args::RunArgs,
    check::Findings,
    cluster::{Cluster, Recipe, disk::Disk},
    fault::{Kind, Means, Needs, log, nemesis::Nemesis, schedule::Schedule},
    history::recorder::Clock,
    network::{Network, namespaces::Namespaces},
    report::{Report, Setting},
    shim::Shim,
    workload::{self, Fate, Workload, field::Field},
};
use anyhow::{Context as _, Result, anyhow, ensure};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

/// Clients alone, before the first accident: without any there is nothing an accident could spoil.
const WARM_UP: Duration = Duration::from_secs(2);
/// How long clients may take to come to an end: a little more than one of them waits for an answer.
const CLIENTS_END: Duration = Duration::from_secs(20);
/// Acknowledged operations per minute below which nothing was tested.
const OK_PER_MINUTE_MIN: f64 = 200.0;
/// Lines of nodes' logs that a report quotes at most.
const LOG_LINES_MAX: usize = 40;

/// The machines of a run: one more than voters, for a learner that comes and goes.
pub fn machines(args: &RunArgs) -> usize {
    usize::from(args.nodes) + 1
}

/// Where a run of that seed puts its report.
pub fn out_directory(args: &RunArgs, seed: u64) -> PathBuf {
    args.out.clone().unwrap_or_else(|| default_directory(seed))
}

/// Where a run puts its report when not told.
pub fn default_directory(seed: u64) -> PathBuf {
    env::temp_dir().join("troop-jepsen").join(format!("seed-{seed}"))
}

/// What a run can break: with namespaces it has wires, and mounts of its own for disks.
pub fn means(with_namespaces: bool) -> Means {
    Means {
        wires: with_namespaces,
        disks: with_namespaces && Disk::are_possible().is_ok(),
        shim: Shim::is_possible().is_ok(),
    }
}

/// Runs and writes the report.
///
/// # Errors
/// The run could not begin: no program, no cluster. What goes wrong later is in the report.
pub async fn run(args: &RunArgs, seed: u64) -> Result<Report> {
    let kinds = args
        .kinds(means(args.inside.is_some()))
        .map_err(|reason| anyhow!(reason))?;
    let names = args.workloads().map_err(|reason| anyhow!(reason))?;
    let out = out_directory(args, seed);
    let program = program(args.troop.as_deref())?;
    let network = match args.inside {
        Some(owner) => Some(Network::lay(Namespaces::of(owner, machines(args)))?),
        None => None,
    };
    // An earlier report of the same name would be mixed with this one.
    if out.join("report.json").exists() || out.join("nodes").exists() {
        fs::remove_dir_all(&out).with_context(|| format!("clearing {}", out.display()))?;
    }
    fs::create_dir_all(&out).with_context(|| format!("making {}", out.display()))?;
    let setting = Setting::of(args, seed, &kinds, &names, version(&program));
    let need = |means| kinds.iter().any(|kind| kind.needs() == means);
    let recipe = Recipe {
        program,
        directory: out.join("nodes"),
        flags: flags(args),
        own_disks: need(Needs::Disks),
        shim: match need(Needs::Shim) {
            true => Some(Shim::build(&out)?),
            false => None,
        },
    };
    if recipe.own_disks {
        Disk::prepare()?;
    }
    let voters = usize::from(args.nodes);
    let cluster = Cluster::found(recipe, voters, network)
        .await
        .context("founding the cluster")?;
    let mut act = Act::prepare(cluster, args, seed, &names);
    act.perform(&kinds, args.span()).await;
    let report = act.judge(setting, &kinds, args.minutes);
    report.write(&out)?;
    if !args.keep && report.is_clean() {
        clear_data(&out.join("nodes"));
    }
    Ok(report)
}

/// The program under test.
fn program(given: Option<&Path>) -> Result<PathBuf> {
    let path = match given {
        Some(path) => path.to_owned(),
        None => env::current_exe()
            .context("this program's own path")?
            .with_file_name("troop"),
    };
    ensure!(
        path.is_file(),
        "there is no program {}; build it, or name it with --troop",
        path.display()
    );
    path.canonicalize()
        .with_context(|| format!("the path {}", path.display()))
}

fn version(program: &Path) -> String {
    let output = Command::new(program).arg("--version").env_clear().output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}

fn flags(args: &RunArgs) -> Vec<String> {
    let flags = [
        ("--raft-snapshot-every", args.snapshot_every.to_string()),
        ("--raft-log-keep", args.log_keep.to_string()),
        ("--drain-timeout", "2s".to_owned()),
        ("--workers", "1".to_owned()),
        ("--log-level", "info".to_owned()),
    ];
    flags
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect()
}

/// The data directories of a clean run; logs stay.
fn clear_data(nodes: &Path) {
    for entry in fs::read_dir(nodes).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            // What cannot be deleted is left for the eye.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A run in progress.
struct Act {
    cluster: Cluster,
    field: Field,
    stop: watch::Sender<bool>,
    workloads: Vec<Box<dyn Workload>>,
    voters: usize,
    seed: u64,
    diary: log::Diary,
    findings: Findings,
    invalid: Vec<String>,
}

impl Act {
    fn prepare(cluster: Cluster, args: &RunArgs, seed: u64, names: &[&'static str]) -> Act {
        let (stop, stopped) = watch::channel(false);
        let field = Field {
            clock: Clock::start(),
            board: cluster.board(),
            stop: stopped,
            seed,
            pace: Duration::from_millis(args.pace_ms),
            numbers: Arc::new(AtomicU64::new(1)),
            oddities: Arc::default(),
        };
        Act {
            cluster,
            workloads: names
                .iter()
                .filter_map(|name| workload::by_name(name, &field))
                .collect(),
            field,
            stop,
            voters: usize::from(args.nodes),
            seed,
            diary: log::Diary::default(),
            findings: Findings::default(),
            invalid: Vec::new(),
        }
    }

    async fn perform(&mut self, kinds: &[Kind], span: Duration) {
        let mut clients = JoinSet::new();
        for workload in &self.workloads {
            workload
                .clients(&self.field)
                .into_iter()
                .for_each(|task| drop(clients.spawn(task)));
        }
        sleep(WARM_UP).await;
        tokio::select! {
            () = self.deal(kinds, WARM_UP + span) => {}
            () = interrupted() => self.invalid.push("it was interrupted".into()),
        }
        self.stop.send_replace(true);
        // Who interrupts does not want to wait for the slowest client.
        let patience = if self.invalid.is_empty() {
            CLIENTS_END
        } else {
            Duration::ZERO
        };
        if timeout(patience, async { while clients.join_next().await.is_some() {} })
            .await
            .is_err()
        {
            self.invalid.push("clients did not come to an end".into());
        }
        if self.findings.is_clean() && self.invalid.is_empty() {
            for workload in &self.workloads {
                workload.finish(&self.field).await;
            }
        }
        self.cluster.look_for_casualties();
        for number in self.cluster.numbers() {
            self.cluster.kill(number);
        }
    }

    /// Accidents until the time is over; without any, peace until then.
    async fn deal(&mut self, kinds: &[Kind], until: Duration) {
        let mut stop = self.field.stop.clone();
        let mut nemesis = Nemesis::new(
            &mut self.cluster,
            self.field.clock,
            self.voters,
            self.diary.clone(),
        );
        let played = nemesis
            .play(Schedule::new(self.seed, kinds), kinds, until, &mut stop)
            .await;
        match played {
            Ok(()) => sleep(until.saturating_sub(self.field.clock.elapsed())).await,
            Err(reason) => {
                let now = self.field.clock.now();
                self.findings.violated("recovery", "cluster", now, reason);
            }
        }
    }

    fn judge(mut self, setting: Setting, promised: &[Kind], minutes: f64) -> Report {
        for text in std::mem::take(&mut self.cluster.casualties) {
            self.findings.violated("processes", "cluster", 0, text);
        }
        for (text, times) in self.field.oddities.all() {
            self.findings
                .violated("answers", "Admin API", 0, format!("{times} times: {text}"));
        }
        let accidents = self.diary.all();
        if self.invalid.is_empty() {
            self.invalid.extend(log::broken_promises(promised, &accidents));
        }
        let judgements: Vec<_> = self
            .workloads
            .iter()
            .map(|workload| (workload.name(), workload.judge()))
            .collect();
        let ok: u64 = judgements.iter().map(|(_, judgement)| judgement.counts.ok).sum();
        if (ok as f64) < OK_PER_MINUTE_MIN * minutes {
            self.invalid.push(format!(
                "only {ok} operations were acknowledged: nothing was tested"
            ));
        }
        for (name, judgement) in &judgements {
            if judgement.findings.checked == 0 || !has_success(judgement) {
                self.invalid.push(format!("the workload {name} got nothing done"));
            }
        }
        let log_lines = alarming_lines(&setting.nodes_directory());
        let report = Report {
            setting,
            elapsed: self.field.clock.elapsed(),
            accidents,
            judgements,
            findings: std::mem::take(&mut self.findings),
            invalid: std::mem::take(&mut self.invalid),
            log_lines,
        };
        if !report.is_clean() {
            // Disks go with the nodes.
            self.cluster.keep_data();
        }
        report
    }
}

fn has_success(judgement: &workload::Judgement) -> bool {
    judgement.samples.is_empty() || judgement.samples.iter().any(|sample| sample.fate == Fate::Ok)
}

/// SIGINT or SIGTERM.
async fn interrupted() {
    let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = int.recv() => {}
        _ = term.recv() => {}
    }
}

/// Lines of nodes' logs that somebody should read: errors and panics, each with the first place it was found.
fn alarming_lines(nodes: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut logs: Vec<PathBuf> = fs::read_dir(nodes)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    logs.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    logs.sort();
    for path in logs {
        let text = fs::read(&path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let alarming = text
            .lines()
            .filter(|line| line.contains(" ERROR ") || line.contains("panicked at"));
        lines.extend(alarming.take(LOG_LINES_MAX).map(|line| format!("{name}: {line}")));
    }
    lines.truncate(LOG_LINES_MAX);
    lines
}
