//! Lies between a node and its kernel: a sync that fails, a disk that is full for one write, a clock that jumps.
//!
//! A prompter in the stage's floor whom only one actor hears. A small library (`shim/shim.c`) is loaded into each node before the C library
//! and passes every call on, until the page that it shares with this program says otherwise. The disk and the clock of the machine
//! are never touched, and no other process notices.
//!
//! The catch: it is C, for our own crates forbid `unsafe`, and is compiled when a run begins. Without a compiler these faults are left out.
//! With a refused sync goes what it should have saved, as with a real one: who relies on it finds a hole.

use anyhow::{Context as _, Result, ensure};
use rand::Rng as _;
use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::{self, Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

const SOURCE: &str = include_str!("shim/shim.c");
/// Numbers on the page, each eight bytes.
const NUMBERS: usize = 6;
/// How far a clock jumps, in seconds: from what a leap or a hasty administrator does to what a wrong time zone does.
const JUMP_SECONDS: std::ops::RangeInclusive<i64> = 1..=3_600;

/// Numbers on the page, by place. The library counts what it did, so that a fault is proven by it.
#[derive(Clone, Copy, Debug)]
enum Place {
    Syncs = 0,
    Writes = 1,
    Ahead = 2,
    Refused = 3,
    Shifted = 4,
    Loaded = 5,
}

/// What a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A sync, with `EIO`.
    Sync,
    /// A write, with `ENOSPC`.
    Write,
}

/// The library, compiled.
#[derive(Clone, Debug)]
pub struct Shim {
    library: PathBuf,
}

impl Shim {
    /// Whether this machine can have it; else why not.
    ///
    /// # Errors
    /// What is missing.
    pub fn is_possible() -> Result<(), String> {
        let mut compiler = Command::new("cc");
        compiler
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match compiler.status() {
            Ok(status) if status.success() => Ok(()),
            _ => Err("lies about disks and clocks need the program `cc`".into()),
        }
    }

    /// Compiles it into a directory.
    ///
    /// # Errors
    /// The compiler refuses, with its words.
    pub fn build(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
        let (source, library) = (directory.join("shim.c"), directory.join("shim.so"));
        fs::write(&source, SOURCE).with_context(|| format!("writing {}", source.display()))?;
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O2", "-o"]);
        compiler.arg(&library).arg(&source).arg("-ldl");
        let output = compiler.output().context("running `cc`")?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "compiling {}: {words}", source.display());
        let library = library.canonicalize().context("the path of the library")?;
        Ok(Shim { library })
    }

    /// A page for one node, who is told nothing yet.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn page(&self, path: &Path) -> Result<Page> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path);
        let file = file.with_context(|| format!("making {}", path.display()))?;
        file.set_len((NUMBERS * size_of::<i64>()) as u64)
            .context("the size of a page")?;
        Ok(Page {
            file,
            path: path.to_owned(),
            library: self.library.clone(),
        })
    }
}

/// What one node is told.
#[derive(Debug)]
pub struct Page {
    file: File,
    path: PathBuf,
    library: PathBuf,
}

impl Page {
    /// Lets a node hear it, whose data directory this is.
    pub fn speak_to(&self, command: &mut Command, data_dir: &Path) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("JEPSEN_SHIM_PAGE", &self.path)
            // The kernel names open files from the root.
            .env(
                "JEPSEN_SHIM_ROOT",
                path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned()),
            );
    }

    /// The next call of this kind is refused.
    ///
    /// # Errors
    /// The page cannot be written.
    pub fn refuse_one(&self, what: Refusal) -> io::Result<()> {
        self.set(place_of(what), 1)
    }

    /// Nothing is refused any more.
    ///
    /// # Errors
    /// The page cannot be written.
    pub fn refuse_none(&self) -> io::Result<()> {
        self.set(Place::Syncs, 0)?;
        self.set(Place::Writes, 0)
    }

    /// Calls refused so far.
    pub fn refused(&self) -> i64 {
        self.get(Place::Refused)
    }

    /// From now on the wall clock is so much ahead, or behind.
    ///
    /// # Errors
    /// The page cannot be written.
    pub fn shift_clock(&self, seconds: i64) -> io::Result<()> {
        self.set(Place::Ahead, seconds * Duration::from_secs(1).as_nanos() as i64)
    }

    /// Clock readings that were shifted so far.
    pub fn shifted(&self) -> i64 {
        self.get(Place::Shifted)
    }

    /// Whether any process has heard it: a program that needs no C library hears nothing.
    pub fn is_heard(&self) -> bool {
        self.get(Place::Loaded) > 0
    }

    fn set(&self, place: Place, value: i64) -> io::Result<()> {
        self.file.write_all_at(&value.to_ne_bytes(), at(place))
    }

    fn get(&self, place: Place) -> i64 {
        let mut bytes = [0; size_of::<i64>()];
        // A page that cannot be read proves nothing, and a fault without proof did not happen.
        self.file
            .read_exact_at(&mut bytes, at(place))
            .map_or(0, |()| i64::from_ne_bytes(bytes))
    }
}

fn at(place: Place) -> u64 {
    (place as usize * size_of::<i64>()) as u64
}

fn place_of(what: Refusal) -> Place {
    match what {
        Refusal::Sync => Place::Syncs,
        Refusal::Write => Place::Writes,
    }
}

/// How far a clock jumps: each order of magnitude as often as another, ahead as often as back.
pub fn jump(random: &mut impl rand::RngCore) -> i64 {
    let (least, most) = (
        (*JUMP_SECONDS.start() as f64).ln(),
        (*JUMP_SECONDS.end() as f64).ln(),
    );
    let seconds = random.random_range(least..=most).exp().round() as i64;
    if random.random_bool(0.5) {
        seconds
    } else {
        -seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng as _, rngs::StdRng};

    #[test]
    fn jumps_go_both_ways_and_stay_within_an_hour() {
        let mut random = StdRng::seed_from_u64(1);
        let jumps: Vec<i64> = (0..1_000).map(|_| jump(&mut random)).collect();
        assert!(jumps.iter().all(|jump| JUMP_SECONDS.contains(&jump.abs())));
        let counted = |wanted: fn(i64) -> bool| jumps.iter().filter(|jump| wanted(**jump)).count();
        assert!(counted(|jump| jump > 0) > 400 && counted(|jump| jump < 0) > 400);
        assert!(counted(|jump| jump.abs() < 60) > 300 && counted(|jump| jump.abs() > 60) > 300);
    }

    /// A process that hears the page is refused a write to its log, once, and reads the clock it is told.
    #[test]
    fn the_library_does_what_the_page_says_and_counts_it() {
        if Shim::is_possible().is_err() {
            // Runs on such a machine leave these faults out, too.
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let page = Shim::build(dir.path())
            .unwrap()
            .page(&dir.path().join("page"))
            .unwrap();
        fs::create_dir(dir.path().join("raft")).unwrap();
        let run = |program: &str, argument: String| {
            let mut command = Command::new(program);
            page.speak_to(&mut command, dir.path());
            command.arg(argument).output().unwrap()
        };
        let log = format!("of={}", dir.path().join("raft/000001.log").display());
        let copy = || {
            let mut command = Command::new("dd");
            page.speak_to(&mut command, dir.path());
            let arguments = ["if=/dev/zero", "count=1", "conv=fsync", &log];
            command.args(arguments).output().unwrap().status.success()
        };
        assert!(copy() && page.is_heard() && page.refused() == 0);
        page.refuse_one(Refusal::Sync).unwrap();
        assert!(!copy() && page.refused() == 1);
        assert!(copy(), "it is refused once");
        page.refuse_one(Refusal::Write).unwrap();
        assert!(!copy() && page.refused() == 2);
        page.refuse_one(Refusal::Write).unwrap();
        page.refuse_none().unwrap();
        assert!(copy());

        let clock = || -> i64 {
            let output = run("date", "+%s".into()).stdout;
            String::from_utf8(output).unwrap().trim().parse().unwrap()
        };
        let before = clock();
        assert_eq!(page.shifted(), 0);
        page.shift_clock(-3_000).unwrap();
        assert!((clock() - before + 3_000).abs() < 100 && page.shifted() > 0);
    }
}
