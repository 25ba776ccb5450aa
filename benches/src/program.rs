//! A process that the rig started.
//!
//! A dog on a lead: the rig knows its number, feeds it a log file, reads from the kernel what it has eaten, and takes it home at
//! the end. Processes that the rig did not start are none of its business; it never looks for one by name.
//!
//! The catch: CPU time must include threads and exclude what other processes did meanwhile. The kernel counts it per thread in
//! nanoseconds; the figures of `times` come in steps of 10 ms.

use crate::machine;
use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    env,
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::Write,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a process may take to end by itself. Under valgrind everything takes fifty times as long.
const END_TIMEOUT: Duration = Duration::from_secs(20);
/// Pause between two looks at something that is awaited.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// How much of a log is shown when its process ended before its time.
const LAST_WORDS_MAX_LINES: usize = 15;

/// Where a process may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the core that measured proxies have for themselves.
    ProxyCore,
    /// Wherever the kernel likes.
    Anywhere,
}

/// A running process; dropped, it is ended.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts `command`; what it prints goes to a file called after `name` in `dir`.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(name: &str, command: &[OsString], dir: &Path, place: Place) -> Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let out = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let mut words = placed(place);
        words.extend_from_slice(command);
        let (program, arguments) = words.split_first().context("a command has a first word")?;
        let child = bare(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("starting {name}: {}", program.display()))?;
        Ok(Program {
            name: name.to_owned(),
            child,
            log,
        })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// CPU time that all threads it has now have used.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn cpu_time(&self) -> Result<Duration> {
        self.cpu_time_of("")
    }

    /// CPU time of those of its threads whose name starts with `prefix`.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn cpu_time_of(&self, prefix: &str) -> Result<Duration> {
        let mut total = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid()))? {
            let thread = thread?.path();
            // A thread that ends while we look is not an error.
            let (Ok(name), Ok(line)) = (
                fs::read_to_string(thread.join("comm")),
                fs::read_to_string(thread.join("schedstat")),
            ) else {
                continue;
            };
            if !name.starts_with(prefix) {
                continue;
            }
            let nanos = line.split(' ').next().unwrap_or_default();
            total += nanos
                .parse::<u64>()
                .with_context(|| format!("schedstat says {line:?}"))?;
        }
        Ok(Duration::from_nanos(total))
    }

    /// Memory it has now in RAM, in MiB.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn rss_mib(&self) -> Result<f64> {
        self.mib_of("VmRSS")
    }

    /// The most memory it ever had in RAM, in MiB.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn rss_peak_mib(&self) -> Result<f64> {
        self.mib_of("VmHWM")
    }

    fn mib_of(&self, field: &'static str) -> Result<f64> {
        let text = machine::field_of(&format!("/proc/{}/status", self.pid()), field).context(field)?;
        let kib: f64 = text
            .trim_end_matches(" kB")
            .parse()
            .with_context(|| format!("{field} is {text:?}"))?;
        Ok(kib / 1024.0)
    }

    /// Waits until `ready` says so. An error of `ready` means not yet.
    ///
    /// # Errors
    /// When the process ends first, or the time is over: with the end of its log.
    pub fn wait_until(
        &mut self,
        what: &str,
        limit: Duration,
        mut ready: impl FnMut() -> Result<bool>,
    ) -> Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            let state = ready();
            if matches!(state, Ok(true)) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{}", self.name, self.last_words());
            }
            if Instant::now() > deadline {
                let reason = state
                    .err()
                    .map(|error| format!(": {error:#}"))
                    .unwrap_or_default();
                bail!(
                    "{}: {what}: not within {limit:?}{reason}\n{}",
                    self.name,
                    self.last_words()
                );
            }
            thread::sleep(LOOK_INTERVAL);
        }
    }

    fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(LAST_WORDS_MAX_LINES)..].join("\n")
    }

    fn end(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        if let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::TERM)?;
        }
        let deadline = Instant::now() + END_TIMEOUT;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                self.child.kill()?;
                self.child.wait()?;
                bail!("{} did not end within {END_TIMEOUT:?} and was killed", self.name);
            }
            thread::sleep(LOOK_INTERVAL);
        }
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            progress(&format!("{error:#}"));
        }
    }
}

/// A command that sees none of the settings that happen to be in our environment: each run measures the same.
fn bare(program: &OsStr) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let bytes = name.as_encoded_bytes();
        if bytes.starts_with(b"TROOP_") || bytes.starts_with(b"KONG_") {
            command.env_remove(name);
        }
    }
    command
}

/// `taskset` becomes the program it starts, so the number of the process stays ours.
fn placed(place: Place) -> Vec<OsString> {
    match place {
        Place::ProxyCore => words(["taskset", "--cpu-list", &machine::PROXY_CORE.to_string()]),
        Place::Anywhere => Vec::new(),
    }
}

/// Words of a command line.
pub fn words<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> Vec<OsString> {
    words.into_iter().map(|word| word.as_ref().to_owned()).collect()
}

/// Runs a program to its end and gives what it printed.
///
/// # Errors
/// When it cannot be started or fails.
pub fn output(command: &[OsString]) -> Result<String> {
    let (program, arguments) = command.split_first().context("a command has a first word")?;
    let shown = program.display();
    let done = bare(program).args(arguments).stdin(Stdio::null()).output();
    let done = done.with_context(|| format!("running {shown}"))?;
    ensure!(
        done.status.success(),
        "{shown}: {}: {}",
        done.status,
        String::from_utf8_lossy(&done.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// What the program says about itself.
///
/// # Errors
/// When it does not answer.
pub fn version(troop: &Path) -> Result<String> {
    let text = output(&words([troop.as_os_str(), OsStr::new("version")]))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// A port on loopback that was free just now. nginx cannot be asked which port it took, so it is told one.
///
/// # Errors
/// When there is none.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Says on standard error what is going on; a run takes minutes.
pub fn progress(text: &str) {
    // Nobody may be listening.
    let _ = writeln!(std::io::stderr(), "rig: {text}");
}
