//! The program under test, and running it as a command.
//!
//! Where it is: `TROOP_BIN` names it, or it lies beside the test binaries as cargo puts it there. The catch: cargo does not know that
//! these tests run it, so it may be missing or older than its sources, and tests of yesterday's program prove nothing. Then it is built
//! first.

use crate::patience::try_within;
use serde_json::Value;
use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::OnceLock,
    time::Duration,
};

/// Longest a command may take before it counts as hanging; its own default timeout is a minute.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(90);

/// Path of the program.
///
/// # Panics
/// When it is not there and cannot be built.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(find)
}

fn find() -> PathBuf {
    if let Some(path) = env::var_os("TROOP_BIN") {
        // Nodes run in directories of their own.
        return fs::canonicalize(&path)
            .unwrap_or_else(|error| panic!("TROOP_BIN={}: {error}", path.display()));
    }
    let tests = env::current_exe().expect("a running test has a path");
    // target/<profile>/deps/it-<hash>
    let profile = tests
        .ancestors()
        .nth(2)
        .expect("cargo puts tests two directories deep");
    let path = profile.join("troop");
    if is_old(&path) {
        build(profile);
    }
    assert!(
        path.exists(),
        "there is no {}: set TROOP_BIN, or run `cargo build -p troop`",
        path.display()
    );
    path
}

/// Whether it is missing, or something that it may be made of was changed after it.
fn is_old(path: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let Some(built) = changed(path) else { return true };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut open = ["node", "raft-store", "proto", "Cargo.lock"]
        .map(|name| root.join(name))
        .to_vec();
    while let Some(path) = open.pop() {
        if let Ok(entries) = fs::read_dir(&path) {
            open.extend(entries.flatten().map(|entry| entry.path()));
        } else if changed(&path).is_some_and(|changed| changed > built) {
            return true;
        }
    }
    false
}

fn build(profile: &Path) {
    let target = profile.parent().expect("a profile lies in the target directory");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "-p", "troop"])
        .arg("--target-dir")
        .arg(target);
    if profile.file_name() == Some(OsStr::new("release")) {
        cargo.arg("--release");
    }
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "`cargo build -p troop` failed"
    );
}

/// The program with nothing of the caller's settings.
pub fn command() -> Command {
    let mut command = Command::new(program());
    let ours = |name: &str| name.starts_with("TROOP_") || name.starts_with("KONG_");
    for (name, _) in env::vars().filter(|(name, _)| ours(name)) {
        command.env_remove(name);
    }
    command
}

/// A command that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Finished {
    /// Its output as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("{error} in the output of {self:?}"),
        }
    }

    /// Itself, if it ended with this code.
    ///
    /// # Panics
    /// When it ended otherwise.
    #[track_caller]
    pub fn expecting(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

/// Runs a command of the program to its end.
///
/// # Panics
/// When it cannot be started or hangs.
#[track_caller]
pub fn run(arguments: &[&str]) -> Finished {
    let mut command = command();
    command.args(arguments);
    finish(command)
}

/// Runs a command to its end. Its output goes through files, so that much of it blocks nobody.
///
/// # Panics
/// When it cannot be started or hangs.
#[track_caller]
pub fn finish(command: Command) -> Finished {
    finish_within(command, COMMAND_TIMEOUT)
}

/// As [`finish`], with another idea of hanging.
///
/// # Panics
/// When it cannot be started or hangs.
#[track_caller]
pub fn finish_within(mut command: Command, timeout: Duration) -> Finished {
    let [mut stdout, mut stderr] = [(); 2].map(|()| tempfile::tempfile().expect("a temporary file"));
    let share = |file: &File| Stdio::from(file.try_clone().expect("a file can be shared"));
    command
        .stdin(Stdio::null())
        .stdout(share(&stdout))
        .stderr(share(&stderr));
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let status = wait(&mut child, timeout);
    if status.is_none() {
        end(&mut child);
    }
    let finished = Finished {
        code: status.and_then(|status| status.code()),
        stdout: text_of(&mut stdout),
        stderr: text_of(&mut stderr),
    };
    assert!(status.is_some(), "{command:?} hangs: {finished:?}");
    finished
}

/// Waits for the end of a process.
pub(crate) fn wait(child: &mut Child, within: Duration) -> Option<ExitStatus> {
    let look = || match child.try_wait() {
        Ok(Some(status)) => Ok(status),
        Ok(None) | Err(_) => Err(()),
    };
    try_within(within, look).ok()
}

/// Ends a process by `SIGKILL`. One that is gone already is fine.
pub(crate) fn end(child: &mut Child) {
    if child.kill().is_ok() {
        let _ = child.wait();
    }
}

fn text_of(file: &mut File) -> String {
    use std::io::Seek;
    let mut bytes = Vec::new();
    file.rewind()
        .and_then(|()| file.read_to_end(&mut bytes))
        .expect("a file of ours is readable");
    String::from_utf8_lossy(&bytes).into_owned()
}
