//! One process of the program under test.

use super::{Recipe, disk::Disk, machine::Machine};
use crate::shim::Page;
use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

/// Lines of a log that are worth quoting.
const LAST_LINES: usize = 12;
/// How often the kernel is asked whether a stopped process stands, and how long to wait in between.
const STAND_STILL: (u32, Duration) = (200, Duration::from_millis(2));

/// A node, running or not.
#[derive(Debug)]
pub struct Node {
    number: usize,
    machine_index: usize,
    machine: Machine,
    recipe: Recipe,
    join: Option<(String, String)>,
    id: Option<u64>,
    process: Option<Child>,
    disk: Option<Disk>,
    page: Option<Page>,
    paused: bool,
    told_to_end: bool,
}

impl Node {
    pub(super) fn new(
        number: usize,
        machine_index: usize,
        machine: &Machine,
        recipe: &Recipe,
        join: Option<(String, String)>,
    ) -> Result<Self> {
        fs::create_dir_all(&recipe.directory)
            .with_context(|| format!("making {}", recipe.directory.display()))?;
        let mount = recipe.directory.join(format!("node-{number}"));
        let disk = if recipe.own_disks {
            Some(Disk::make(&mount)?)
        } else {
            None
        };
        let page = recipe.shim.as_ref();
        let page = page.map(|shim| shim.page(&recipe.directory.join(format!("node-{number}.page"))));
        Ok(Node {
            page: page.transpose()?,
            number,
            machine_index,
            machine: machine.clone(),
            recipe: recipe.clone(),
            join,
            id: None,
            process: None,
            disk,
            paused: false,
            told_to_end: false,
        })
    }

    /// Which machine it lives on.
    pub fn machine(&self) -> usize {
        self.machine_index
    }

    /// What its kernel is made to say, in a run with such faults.
    pub fn page(&self) -> Option<&Page> {
        self.page.as_ref()
    }

    /// Where its Admin API listens.
    pub fn admin(&self) -> SocketAddr {
        self.machine.admin
    }

    /// Its id in the cluster, once it has said so.
    pub fn id(&self) -> Option<u64> {
        self.id
    }

    pub(super) fn set_id(&mut self, id: u64) {
        self.id = Some(id);
    }

    /// Its data directory.
    pub fn data_dir(&self) -> PathBuf {
        // Below the mount point: the root of a file system is not empty.
        self.recipe
            .directory
            .join(format!("node-{}", self.number))
            .join("data")
    }

    /// The file its messages go to.
    pub fn log_path(&self) -> PathBuf {
        self.recipe.directory.join(format!("node-{}.log", self.number))
    }

    /// Whether its process runs and is not paused.
    pub fn is_awake(&self) -> bool {
        self.process.is_some() && !self.paused
    }

    /// Whether its process is there.
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Whether its process is there and paused.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    pub(super) fn start(&mut self) -> Result<()> {
        if self.process.is_some() {
            return Ok(());
        }
        let log = File::options().create(true).append(true).open(self.log_path());
        let log = log.with_context(|| format!("opening {}", self.log_path().display()))?;
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.process = Some(command.spawn().with_context(|| format!("starting {command:?}"))?);
        self.told_to_end = false;
        Ok(())
    }

    fn command(&self) -> Command {
        let machine = &self.machine;
        let mut command = machine.command(&self.recipe.program);
        // The program refuses settings it does not know, and takes settings from the environment.
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.arg("start").arg("--data-dir").arg(self.data_dir());
        command.args([
            "--node-name",
            &format!("node-{}", self.number),
            "--proxy-access-log",
            "off",
        ]);
        for (flag, address) in [
            ("--proxy-listen", machine.proxy),
            ("--admin-listen", machine.admin),
            ("--status-listen", machine.status),
            ("--peer-listen", machine.peer),
        ] {
            command.arg(flag).arg(address.to_string());
        }
        if machine.namespace.is_some() {
            // Its network ends at the walls of the test.
            command.args(["--insecure-admin", "on"]);
        }
        if let Some((address, token)) = &self.join {
            // Not as an argument: everybody on the machine could read it.
            command.args(["--join", address]).env("TROOP_TOKEN", token);
        }
        command.args(&self.recipe.flags);
        if let Some(page) = &self.page {
            page.speak_to(&mut command, &self.data_dir());
        }
        command
    }

    pub(super) fn kill(&mut self) -> bool {
        let Some(mut child) = self.process.take() else {
            return false;
        };
        self.paused = false;
        // Both fail only for a process that has ended and been waited for; it is gone then.
        let killed = child.kill().is_ok();
        let _ = child.wait();
        killed
    }

    /// From now on it may end by itself.
    pub(super) fn expect_end(&mut self) {
        self.told_to_end = true;
    }

    pub(super) fn terminate(&mut self) {
        self.expect_end();
        self.signal(Signal::TERM);
    }

    /// After [`Node::terminate`].
    pub(super) fn has_ended(&mut self) -> bool {
        let ended = match &mut self.process {
            Some(child) => matches!(child.try_wait(), Ok(Some(_))),
            None => true,
        };
        if ended {
            self.process = None;
        }
        ended
    }

    pub(super) fn pause(&mut self) -> bool {
        self.paused = self.signal(Signal::STOP) && self.stands_still();
        self.paused
    }

    pub(super) fn resume(&mut self) {
        self.signal(Signal::CONT);
        self.paused = false;
    }

    /// The exit status of a process that ended although nobody told it to.
    pub(super) fn ended_by_itself(&mut self) -> Option<ExitStatus> {
        if self.told_to_end {
            return None;
        }
        let status = self.process.as_mut()?.try_wait().ok()??;
        self.process = None;
        Some(status)
    }

    pub(super) fn wipe(&self) {
        // What cannot be deleted is left for the eye.
        let _ = fs::remove_dir_all(self.data_dir());
        if let Some(disk) = &self.disk {
            disk.discard();
        }
    }

    /// Cuts the power of its disk. Whether it is off now. The process may live on for a while, and may end over it.
    pub(super) fn cut_power(&mut self) -> bool {
        self.expect_end();
        self.disk.as_ref().is_some_and(Disk::cut)
    }

    /// After [`Node::kill`].
    pub(super) fn restore_power(&self) -> Result<()> {
        self.disk.as_ref().map_or(Ok(()), Disk::restore)
    }

    /// Fills its disk until so many bytes are left. Whether they are. A process whose disk is full may end over it.
    pub(super) fn fill_disk(&mut self, left: u64) -> bool {
        if left == 0 {
            self.expect_end();
        }
        self.disk.as_ref().is_some_and(|disk| disk.fill(left))
    }

    pub(super) fn empty_disk(&self) {
        self.disk.iter().for_each(Disk::empty);
    }

    /// Copies what is on its disk beside it, for the eye.
    pub(super) fn keep_data(&self) {
        if self.disk.is_none() {
            return;
        }
        let (from, to) = (
            self.data_dir(),
            self.recipe.directory.join(format!("kept-{}", self.number)),
        );
        // Whoever wants to look will see what is missing.
        let _ = Command::new("cp").arg("-r").arg(from).arg(to).status();
    }

    fn signal(&self, signal: Signal) -> bool {
        let Some(child) = &self.process else { return false };
        kill_process(Pid::from_child(child), signal).is_ok()
    }

    /// The kernel's word that the process is stopped: `T` in `/proc/PID/stat`. The signal takes a moment to reach every thread.
    fn stands_still(&self) -> bool {
        let Some(child) = &self.process else { return false };
        let stat = PathBuf::from(format!("/proc/{}/stat", child.id()));
        let (times, pause) = STAND_STILL;
        (0..times).any(|_| {
            let stopped = fs::read_to_string(&stat).is_ok_and(|text| is_stopped(&text));
            if !stopped {
                thread::sleep(pause);
            }
            stopped
        })
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        last_lines(&self.log_path())
    }
}

fn is_stopped(stat: &str) -> bool {
    // The name of the program stands in parentheses and may contain anything.
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| rest.trim_start().starts_with('T'))
}

fn last_lines(path: &Path) -> String {
    let text = fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
        if let Some(disk) = &self.disk {
            disk.discard();
        }
    }
}
