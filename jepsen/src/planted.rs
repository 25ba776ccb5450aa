//! Bugs planted on purpose: does the suite find what it is there to find?
//!
//! A smoke alarm is tried with smoke. Each bug is a line or two of the program's source exchanged for worse ones in a copy of the tree,
//! which is built and run like any other program. The program itself carries no switch for it, so none can be left on.
//!
//! The catch: sources change and a bug may no longer fit. Then planting fails and says so, and a test tells at once.

use anyhow::{Context as _, Result, bail, ensure};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// One exchange.
#[derive(Debug)]
pub struct Edit {
    /// File, from the root of the tree.
    pub file: &'static str,
    /// What stands there, exactly once.
    pub good: &'static str,
    /// What shall stand there.
    pub bad: &'static str,
}

/// A bug.
#[derive(Debug)]
pub struct Bug {
    /// Its name on the command line.
    pub name: &'static str,
    /// What goes wrong.
    pub about: &'static str,
    /// Faults that bring it out.
    pub faults: &'static [&'static str],
    /// Whether it needs snapshots all the time to come out.
    pub snapshots_often: bool,
    /// How it is made.
    pub edits: &'static [Edit],
}

/// Log entries between two snapshots, and kept behind one, for bugs that need snapshots all the time.
pub const OFTEN: (u64, u64) = (5, 100);

/// All bugs.
pub const BUGS: [Bug; 10] = [
    Bug {
        name: "acknowledge-before-sync",
        about: "entries count as durable before they are synced",
        faults: &["power-majority", "power-all"],
        snapshots_often: false,
        edits: &[Edit {
            file: "raft-store/src/disk/log.rs",
            good: "        self.flusher.call_back(callback)\n",
            bad: "        callback.io_completed(Ok(()));\n        Ok(())\n",
        }],
    },
    Bug {
        name: "read-without-quorum",
        about: "a leader answers reads without asking whether it still leads",
        faults: &["pause-leader", "leader-alone"],
        snapshots_often: false,
        edits: &[Edit {
            file: "raft-store/src/store/local.rs",
            good: "        match self.raft.get_read_log_id(ReadPolicy::ReadIndex).await {\n",
            bad: "        let status = self.status();\n        if status.leader == Some(self.node_id()) {\n            \
                  return Ok(status.applied_index);\n        }\n        \
                  match self.raft.get_read_log_id(ReadPolicy::ReadIndex).await {\n",
        }],
    },
    Bug {
        name: "dropped-apply",
        about: "one node leaves out an entry now and then",
        faults: &["none"],
        snapshots_often: false,
        edits: &[Edit {
            file: "raft-store/src/machine.rs",
            good: "            let answer = apply_one(&mut batch, &entry.log_id, &entry.payload, txn.as_ref())?;\n",
            bad: "            let drops = entry.log_id.index % 101 == 0 && std::env::args().any(|word| word == \"node-2\");\n            \
                  let answer = if drops { Answer(None) } else { apply_one(&mut batch, &entry.log_id, &entry.payload, txn.as_ref())? };\n",
        }],
    },
    Bug {
        name: "applied-twice",
        about: "after a kill the last entries are applied again, and requests are not recognised",
        faults: &["kill-one", "kill-all"],
        snapshots_often: false,
        edits: &[
            Edit {
                file: "raft-store/src/machine.rs",
                good: "        put_note(&mut batch, APPLIED, &StoredLogId::from(last))?;\n",
                bad: "        if last.index % 16 == 0 {\n            \
                      put_note(&mut batch, APPLIED, &StoredLogId::from(last))?;\n        }\n",
            },
            Edit {
                file: "raft-store/txn/src/machine.rs",
                good: "    if let Some(answered) = answer(batch, txn)? {\n        return Ok(answered);\n    }\n",
                bad: "",
            },
            Edit {
                file: "raft-store/txn/src/machine.rs",
                good: "    debug_assert!(\n        index > before.revision.get(),\n        \
                       \"entries are applied in order, each once\"\n    );\n",
                bad: "",
            },
        ],
    },
    Bug {
        name: "forgotten-answers",
        about: "a request that is sent again after a leader was lost is taken for a new one",
        faults: &["kill-leader", "pause-leader", "leader-alone", "loss"],
        snapshots_often: false,
        edits: &[Edit {
            file: "raft-store/txn/src/machine.rs",
            good: "    if let Some(answered) = answer(batch, txn)? {\n        return Ok(answered);\n    }\n",
            bad: "",
        }],
    },
    Bug {
        name: "unique-check-not-atomic",
        about: "who plans with a free name gets it, whoever was faster",
        faults: &["none"],
        snapshots_often: false,
        edits: &[Edit {
            file: "node/catalog/src/unique.rs",
            good: "                None => plan.guards.push(Guard::Absent(key)),\n",
            bad: "                None => {}\n",
        }],
    },
    Bug {
        name: "event-lost-on-install",
        about: "a node that is sent a snapshot lacks an event",
        faults: &["kill-one", "replace"],
        snapshots_often: false,
        edits: &[Edit {
            file: "raft-store/src/disk/stream.rs",
            good: "        self.state.load(table, block.pairs)\n",
            bad: "        let lost = usize::from(table == Table::Events);\n        \
                  self.state.load(table, block.pairs.into_iter().skip(lost).collect())\n",
        }],
    },
    Bug {
        name: "notes-lost-on-install",
        about: "a node that is sent a snapshot does not know at which revision it is",
        faults: &["kill-one", "replace"],
        snapshots_often: false,
        edits: &[Edit {
            file: "raft-store/src/disk/stream.rs",
            good: "        self.state.load(table, block.pairs)\n",
            bad: "        let kept = block.pairs.into_iter().filter(|(key, _)| key[..] != *b\"machine\");\n        \
                  self.state.load(table, kept.collect())\n",
        }],
    },
    Bug {
        name: "answers-lost-on-snapshot",
        about: "a node that takes a snapshot forgets which requests were answered",
        faults: &["kill-leader", "pause-leader", "leader-alone", "loss"],
        snapshots_often: true,
        edits: &[Edit {
            file: "raft-store/src/disk/state.rs",
            good: "        let frozen = SnapshotDir::temporary(path);\n",
            bad: "        let frozen = SnapshotDir::temporary(path);\n        \
                  let _ = now.db.delete_range_cf(now.family(Table::Sessions), [0_u8], [u8::MAX]);\n",
        }],
    },
    Bug {
        name: "failed-sync-forgiven",
        about: "a sync that failed counts as one that did not",
        faults: &["fsync-fails", "fsync-fails-leader"],
        snapshots_often: false,
        edits: &[Edit {
            file: "raft-store/src/disk/synced.rs",
            good: "            .map_err(|e| io::Error::other(format!(\"syncing the log: {e}\")))?;\n",
            bad: "            .ok();\n",
        }],
    },
];

/// The bug of that name.
pub fn by_name(name: &str) -> Option<&'static Bug> {
    BUGS.iter().find(|bug| bug.name == name)
}

/// Builds the program with the bug in it and says where it is. Its builds have a target directory of their own, beside those of this
/// program, so that a sick program never takes the place of a healthy one.
///
/// # Errors
/// There is no source tree, the bug does not fit it, or the build fails.
pub fn build(bug: &Bug) -> Result<PathBuf> {
    let root = root();
    ensure!(
        root.join("Cargo.toml").is_file(),
        "there is no source tree at {}",
        root.display()
    );
    let exe = env::current_exe().context("this program's own path")?;
    let target = exe
        .ancestors()
        .nth(2)
        .context("cargo puts programs two directories deep")?
        .join("planted");
    let tree = target.join("tree");
    copy_tree(&root, &tree)?;
    plant(bug, &tree)?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet", "--locked", "-p", "troop"])
        .current_dir(&tree)
        .env("CARGO_TARGET_DIR", &target);
    let built = cargo.status().context("running cargo")?;
    ensure!(
        built.success(),
        "the program with the bug {} does not build",
        bug.name
    );
    Ok(target.join("debug").join("troop"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What git knows of the tree, as it stands there now. Files that did not change keep their time, so that little is built anew.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    let listed = Command::new("git")
        .arg("-C")
        .arg(from)
        .args(["ls-files", "-z"])
        .output()
        .context("running git")?;
    ensure!(
        listed.status.success(),
        "git does not know the tree {}",
        from.display()
    );
    let listed = String::from_utf8(listed.stdout).context("names of files")?;
    for name in listed.split('\0').filter(|name| !name.is_empty()) {
        let (source, copy) = (from.join(name), to.join(name));
        // One that was deleted and is still known.
        let Ok(bytes) = fs::read(&source) else { continue };
        if fs::read(&copy).is_ok_and(|present| present == bytes) {
            continue;
        }
        let directory = copy.parent().context("a file lies in a directory")?;
        fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
        fs::write(&copy, bytes).with_context(|| format!("writing {}", copy.display()))?;
    }
    Ok(())
}

fn plant(bug: &Bug, tree: &Path) -> Result<()> {
    for edit in bug.edits {
        let path = tree.join(edit.file);
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        fs::write(&path, exchanged(bug, edit, &text)?)
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

fn exchanged(bug: &Bug, edit: &Edit, text: &str) -> Result<String> {
    match text.matches(edit.good).count() {
        1 => Ok(text.replace(edit.good, edit.bad)),
        count => bail!(
            "the bug {} no longer fits: its place is {count} times in {}",
            bug.name,
            edit.file
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Kind;

    #[test]
    fn every_planted_bug_fits_the_source() {
        for bug in &BUGS {
            for edit in bug.edits {
                let text = fs::read_to_string(root().join(edit.file)).unwrap();
                exchanged(bug, edit, &text).unwrap();
            }
        }
    }

    #[test]
    fn every_planted_bug_names_faults_that_exist() {
        for fault in BUGS.iter().flat_map(|bug| bug.faults) {
            assert!(*fault == "none" || Kind::from_name(fault).is_some(), "{fault}");
        }
    }
}
