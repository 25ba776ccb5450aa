//! The program: reads the command line, and makes sure that nothing is left behind.
//!
//! With networks of their own for the nodes two processes share the work: this one makes the namespaces, starts itself again
//! inside, waits, and unmakes them, however the inner one ended.

use anyhow::{Context as _, Result, anyhow};
use clap::Parser as _;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    env,
    io::{self, Write as _},
    path::PathBuf,
    process::{Child, Command as Process, ExitCode},
};
use tokio::signal::unix::{SignalKind, signal};
use troop_jepsen::{
    args::{Cli, Command, ReplayArgs, RunArgs, Wires},
    fault::{KINDS, Needs},
    network::namespaces::Namespaces,
    planted::{self, BUGS},
    report::{Outcome, document},
    run, workload,
};

fn main() -> ExitCode {
    match begin(Cli::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            say(&format!("not run: {error:#}"));
            ExitCode::from(Outcome::Invalid.exit_code())
        }
    }
}

fn begin(cli: Cli) -> Result<u8> {
    match cli.command {
        Command::List => {
            list();
            Ok(0)
        }
        Command::Run(args) => start(*args),
        Command::Replay(args) => start(replayed(args)?),
    }
}

fn list() {
    say("faults:");
    for entry in &KINDS {
        say(&format!("  {}{}", entry.name, needs(entry.needs)));
    }
    say("workloads:");
    workload::NAMES.iter().for_each(|name| say(&format!("  {name}")));
    say("planted bugs:");
    for bug in &BUGS {
        say(&format!("  {}: {}", bug.name, bug.about));
    }
}

fn needs(needs: Needs) -> &'static str {
    match needs {
        Needs::Nothing => "",
        Needs::Wires => " (a network of its own for each node)",
        Needs::Disks => " (a disk of its own for each node)",
        Needs::Shim => " (a C compiler)",
    }
}

/// The arguments of the run that is to be run again.
fn replayed(args: ReplayArgs) -> Result<RunArgs> {
    let from = args.from.unwrap_or_else(|| run::default_directory(args.seed));
    let Command::Run(blank) = Cli::parse_from(["troop-jepsen", "run"]).command else {
        return Err(anyhow!("the command line does not parse itself"));
    };
    let blank = RunArgs {
        out: Some(args.out.unwrap_or_else(|| from.join("replay"))),
        troop: args.troop,
        ..*blank
    };
    document::read_setting(&from, blank)
}

fn start(mut args: RunArgs) -> Result<u8> {
    if let Some(name) = args.planted_bug.take() {
        plant(&name, &mut args)?;
    }
    let seed = *args.seed.get_or_insert_with(|| rand::random::<u32>().into());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("a runtime")?;
    let is_outer = args.inside.is_none() && wants_wires(args.network)?;
    if is_outer {
        // Wrong names are told before anything is made.
        args.kinds(run::means(true)).map_err(|reason| anyhow!(reason))?;
        return runtime.block_on(outer(&args));
    }
    runtime.block_on(async {
        let out = run::out_directory(&args, seed);
        say(&format!(
            "seed {seed}, {} nodes, {} minutes, report in {}",
            args.nodes,
            args.minutes,
            out.display()
        ));
        let report = run::run(&args, seed).await?;
        for violation in report.violations().iter().take(20) {
            say(&format!(
                "violation: {}: {}: {}",
                violation.checker, violation.subject, violation.text
            ));
        }
        report
            .invalid
            .iter()
            .for_each(|reason| say(&format!("invalid: {reason}")));
        say(&report.last_line());
        Ok(report.outcome().exit_code())
    })
}

/// From now on the program under test is the one with the bug.
fn plant(name: &str, args: &mut RunArgs) -> Result<()> {
    let bug =
        planted::by_name(name).ok_or_else(|| anyhow!("there is no planted bug {name}; `list` names them"))?;
    say(&format!("building a program with the bug {name}: {}", bug.about));
    args.troop = Some(planted::build(bug)?);
    if args.faults.is_empty() {
        args.faults = bug.faults.iter().map(|fault| (*fault).to_owned()).collect();
    }
    if bug.snapshots_often {
        (args.snapshot_every, args.log_keep) = planted::OFTEN;
    }
    Ok(())
}

fn wants_wires(wires: Wires) -> Result<bool> {
    match (wires, Namespaces::are_possible()) {
        (Wires::Off, _) => Ok(false),
        (_, Ok(())) => Ok(true),
        (Wires::On, Err(reason)) => Err(anyhow!(reason)),
        (Wires::Auto, Err(reason)) => {
            say(&format!("without network faults: {reason}"));
            Ok(false)
        }
    }
}

/// Makes the namespaces, runs inside, unmakes them.
async fn outer(args: &RunArgs) -> Result<u8> {
    let owner = std::process::id();
    let namespaces = Namespaces::of(owner, run::machines(args));
    let made = namespaces.make();
    let code = match made {
        Ok(()) => run_inside(&namespaces, owner, args).await,
        Err(error) => Err(error),
    };
    namespaces.unmake();
    code
}

async fn run_inside(namespaces: &Namespaces, owner: u32, args: &RunArgs) -> Result<u8> {
    let me: PathBuf = env::current_exe().context("this program's own path")?;
    // The child dies with this process, also when this one is killed; its own children die with it.
    let mut command = namespaces.driver_command("setpriv".as_ref());
    command
        .args(["--pdeathsig", "KILL", "--"])
        .arg(me)
        .args(arguments(args, owner));
    let child = spawn(command)?;
    wait(child).await
}

fn spawn(mut command: Process) -> Result<Child> {
    command.spawn().with_context(|| format!("starting {command:?}"))
}

/// Waits for the inner process and passes signals on to it.
async fn wait(mut child: Child) -> Result<u8> {
    let pid = Pid::from_child(&child);
    let (mut int, mut term) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut waiting = tokio::task::spawn_blocking(move || child.wait());
    loop {
        tokio::select! {
            ended = &mut waiting => {
                let status = ended.context("waiting for the inner process")??;
                let code = status.code().and_then(|code| u8::try_from(code).ok());
                return code.ok_or_else(|| anyhow!("the inner process ended with {status}"));
            }
            _ = int.recv() => pass_on(pid, Signal::INT),
            _ = term.recv() => pass_on(pid, Signal::TERM),
        }
    }
}

fn pass_on(pid: Pid, signal: Signal) {
    // It fails for a process that has just ended; then there is nobody to tell.
    let _ = kill_process(pid, signal);
}

/// The same command line, for the inner process.
fn arguments(args: &RunArgs, owner: u32) -> Vec<String> {
    let mut all = vec!["run".to_owned()];
    let mut add = |flag: &str, value: String| all.extend([format!("--{flag}"), value]);
    add("nodes", args.nodes.to_string());
    add("minutes", args.minutes.to_string());
    add("seed", args.seed.unwrap_or_default().to_string());
    if !args.faults.is_empty() {
        add("faults", args.faults.join(","));
    }
    add("workloads", args.workloads.join(","));
    add("pace-ms", args.pace_ms.to_string());
    add("snapshot-every", args.snapshot_every.to_string());
    add("log-keep", args.log_keep.to_string());
    add("inside", owner.to_string());
    for (flag, path) in [("out", &args.out), ("troop", &args.troop)] {
        if let Some(path) = path {
            add(flag, path.display().to_string());
        }
    }
    if args.keep {
        all.push("--keep".to_owned());
    }
    all
}

/// A line for people and scripts.
fn say(line: &str) {
    // Nobody listens: the exit code still tells.
    let _ = writeln!(io::stdout(), "{line}");
}
