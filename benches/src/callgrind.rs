//! Counting instructions with valgrind's callgrind.
//!
//! The program runs on a simulated processor that counts. The tool is told from outside to write down what it has counted since
//! the last time and to start again at nothing, so starting and warming up do not count. It keeps a count per thread: the
//! worker's tells what requests cost, the others' what the node does beside them.
//!
//! The catch: a dump is written while the program runs on, and its files appear one after the other; `callgrind_control` returns when
//! the program has acknowledged.

use crate::program::{self, words};
use anyhow::{Context, Result, ensure};
use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// A program's counts, wherever it is started with [`Callgrind::prefix`].
#[derive(Debug)]
pub struct Callgrind {
    dir: PathBuf,
    dumps: usize,
}

/// Instructions since the dump before.
#[derive(Clone, Debug)]
pub struct Dump {
    /// Each thread's, with the file that says where.
    threads: Vec<(PathBuf, u64)>,
}

impl Callgrind {
    /// Counts go to files in `dir`.
    pub fn new(dir: &Path) -> Self {
        Callgrind {
            dir: dir.to_owned(),
            dumps: 0,
        }
    }

    /// What to put in front of a command.
    pub fn prefix(&self) -> Vec<OsString> {
        let mut out = OsString::from("--callgrind-out-file=");
        out.push(self.dir.join("callgrind.out"));
        // Without fair turns a busy thread starves the others on the one lock that valgrind has.
        let mut prefix = words([
            "valgrind",
            "--tool=callgrind",
            "--separate-threads=yes",
            "--fair-sched=yes",
        ]);
        prefix.push(out);
        prefix
    }

    /// Starts again at nothing.
    ///
    /// # Errors
    /// When the program does not react.
    pub fn zero(&mut self, pid: u32) -> Result<()> {
        control("--zero", pid)
    }

    /// Writes down what was counted, and starts again at nothing.
    ///
    /// # Errors
    /// When the program does not react, or nothing was counted.
    pub fn dump(&mut self, pid: u32) -> Result<Dump> {
        control("--dump", pid)?;
        self.dumps += 1;
        let prefix = format!("callgrind.out.{}-", self.dumps);
        let mut threads = Vec::new();
        for file in fs::read_dir(&self.dir)? {
            let path = file?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if name.starts_with(&prefix) {
                let count = total(&fs::read_to_string(&path)?).with_context(|| path.display().to_string())?;
                threads.push((path, count));
            }
        }
        ensure!(!threads.is_empty(), "callgrind wrote no {prefix}*");
        Ok(Dump { threads })
    }
}

impl Dump {
    /// The busiest thread, which is the worker's, and its file.
    pub fn busiest(&self) -> (&Path, u64) {
        let busiest = self.threads.iter().max_by_key(|(_, count)| *count);
        busiest.map_or((Path::new(""), 0), |(path, count)| (path.as_path(), *count))
    }

    /// All threads together.
    pub fn total(&self) -> u64 {
        self.threads.iter().map(|(_, count)| count).sum()
    }
}

fn control(order: &str, pid: u32) -> Result<()> {
    program::output(&words(["callgrind_control", order, &pid.to_string()])).map(drop)
}

/// The sum that stands in a dump.
fn total(dump: &str) -> Result<u64> {
    let line = dump.lines().find_map(|line| {
        line.strip_prefix("totals:")
            .or_else(|| line.strip_prefix("summary:"))
    });
    let number = line.context("there is no sum in it")?.trim();
    number.parse().with_context(|| format!("{number:?} is no sum"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_a_dump_is_found() {
        assert_eq!(
            total("version: 1\nfn=(1) main\n1 7\ntotals: 123456\n").unwrap(),
            123_456
        );
        assert!(total("version: 1\n").is_err());
    }

    #[test]
    fn the_busiest_thread_is_told_from_the_rest() {
        let dump = Dump {
            threads: vec![("a".into(), 5), ("b".into(), 90), ("c".into(), 5)],
        };
        assert_eq!(dump.busiest(), (Path::new("b"), 90));
        assert_eq!(dump.total(), 100);
    }
}
