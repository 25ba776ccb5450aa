//! What is left of a run that does not come to its end: nothing.
//!
//! Interrupted it puts everything away itself. Killed it cannot; then the kernel ends its processes, and with the last of them go the mounts and the
//! disks, and the next run clears away the names of the networks.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// A run of one node that would last for long.
struct Run {
    outer: Child,
    dir: TempDir,
}

impl Run {
    /// Has begun when its node has something to say.
    fn begin() -> Run {
        let dir = tempfile::tempdir().unwrap();
        let outer = jepsen(dir.path(), &["--minutes", "60"]);
        let run = Run { outer, dir };
        let log = run.dir.path().join("nodes/node-1.log");
        until("its node runs", || {
            fs::read_to_string(&log).is_ok_and(|text| !text.is_empty())
        });
        assert!(!run.processes().is_empty());
        let has_disks = !run.namespaces().is_empty() && troop_jepsen::run::means(true).disks;
        assert_eq!(!run.loop_devices().is_empty(), has_disks);
        run
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.outer), signal).unwrap();
    }

    /// Processes that work in its directory.
    fn processes(&self) -> Vec<String> {
        let wanted = self.dir.path().to_str().unwrap();
        let lines = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
            let words = fs::read(entry.path().join("cmdline")).ok()?;
            Some(String::from_utf8_lossy(&words).replace('\0', " "))
        });
        lines.filter(|line| line.contains(wanted)).collect()
    }

    /// Loop devices whose files lie, or lay, in its directory.
    fn loop_devices(&self) -> Vec<PathBuf> {
        let wanted = self.dir.path().to_str().unwrap();
        let devices = fs::read_dir("/sys/block").into_iter().flatten().flatten();
        let files = devices.map(|entry| entry.path().join("loop/backing_file"));
        files
            .filter(|file| fs::read_to_string(file).is_ok_and(|file| file.contains(wanted)))
            .collect()
    }

    /// Mounts that this process can see below its directory.
    fn mounts(&self) -> Vec<String> {
        let wanted = self.dir.path().to_str().unwrap();
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        mounts
            .lines()
            .filter(|line| line.contains(wanted))
            .map(str::to_owned)
            .collect()
    }

    /// Names of its networks.
    fn namespaces(&self) -> Vec<String> {
        let wanted = format!("troop-jepsen-{}-", self.outer.id());
        let names = fs::read_dir("/run/netns").into_iter().flatten().flatten();
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| name.starts_with(&wanted)).collect()
    }

    fn must_be_gone(&self) {
        until("its processes are gone", || self.processes().is_empty());
        until("its disks are gone", || self.loop_devices().is_empty());
        assert_eq!(self.mounts(), Vec::<String>::new());
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Both fail only for a process that has been waited for.
        let _ = self.outer.kill();
        let _ = self.outer.wait();
    }
}

fn jepsen(out: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_troop-jepsen"));
    command.args([
        "run",
        "--nodes",
        "1",
        "--seed",
        "1",
        "--workloads",
        "order",
        "--out",
    ]);
    command.arg(out).args(arguments);
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        sleep(PAUSE);
    }
}

#[test]
fn a_run_that_is_interrupted_puts_everything_away() {
    let mut run = Run::begin();
    run.send(Signal::INT);
    let status = run.outer.wait().unwrap();
    assert_eq!(status.code(), Some(2), "it proves nothing");
    run.must_be_gone();
    assert_eq!(run.namespaces(), Vec::<String>::new());
}

#[test]
fn a_run_that_is_killed_leaves_names_of_networks_and_the_next_one_clears_them() {
    let mut run = Run::begin();
    run.send(Signal::KILL);
    run.outer.wait().unwrap();
    run.must_be_gone();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut next = jepsen(elsewhere.path(), &["--minutes", "0.05", "--faults", "none"]);
    next.wait().unwrap();
    assert_eq!(run.namespaces(), Vec::<String>::new());
}
