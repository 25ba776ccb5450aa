//! The data directory: names, the pointer to the current state, and what a crash may leave behind.
//!
//! Replacing the state is one rename of a small file. Before it the old state is current and the new one is litter; after it
//! the other way round. There is no moment in which neither is.
//!
//! The catch: sweeping litter up is safe only while nobody else lives here, so the directory is locked first, and stays locked
//! until the last database in it is closed. RocksDB's own locks are per database and would come too late.

use crate::step::{Side, Step, reach};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use thiserror::Error;

const POINTER: &str = "STATE";
const LOCK: &str = "LOCK";

/// The disk did not do what was asked.
#[derive(Debug, Error)]
pub enum DiskError {
    /// A file operation failed.
    #[error("{doing} {path}: {source}")]
    File {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// How it failed.
        source: io::Error,
    },
    /// RocksDB failed.
    #[error("{doing} in {path}: {source}")]
    Database {
        /// What was tried.
        doing: &'static str,
        /// In which database.
        path: PathBuf,
        /// How it failed.
        source: rocksdb::Error,
    },
    /// Somebody else has it open.
    #[error(
        "{path} is in use: one data directory belongs to one running node. Stop the other process, or start this one with a \
         --data-dir of its own"
    )]
    InUse {
        /// Which directory.
        path: PathBuf,
    },
    /// What is there cannot be.
    #[error(
        "{path} is damaged: {what}. Nothing was changed. Remove this node from the cluster at another node \
         (`troop node remove`), then start it with an empty data directory and a new token."
    )]
    Damaged {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl From<DiskError> for io::Error {
    fn from(error: DiskError) -> Self {
        io::Error::other(error)
    }
}

/// Names inside a data directory. It is ours alone until the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
    _lock: Arc<File>,
}

impl Layout {
    /// The data directory, made if missing, and locked.
    ///
    /// # Errors
    /// [`DiskError::InUse`] when somebody else holds it, [`DiskError::File`] when it cannot be made.
    pub fn open(root: &Path) -> Result<Self, DiskError> {
        fs::create_dir_all(root).map_err(file("create", root))?;
        Ok(Layout {
            root: root.to_owned(),
            _lock: Arc::new(lock(root)?),
        })
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the log is.
    pub fn raft(&self) -> PathBuf {
        self.root.join("raft")
    }

    /// Where it is noted how far the log was synced.
    pub fn synced_note(&self) -> PathBuf {
        self.root.join("SYNCED")
    }

    /// The current state's directory; `state-1` on a new node.
    ///
    /// # Errors
    /// [`DiskError`] when the pointer cannot be read or written, or points nowhere.
    pub fn current_state(&self) -> Result<PathBuf, DiskError> {
        let pointer = self.root.join(POINTER);
        match fs::read_to_string(&pointer) {
            Ok(name) => {
                let path = self.root.join(name.trim());
                let names_a_state = name.trim().starts_with("state-") && !name.contains(['/', '\\']);
                if names_a_state && path.is_dir() {
                    return Ok(path);
                }
                Err(DiskError::Damaged {
                    path: pointer,
                    what: format!("it points to {:?}, which is not there", name.trim()),
                })
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let path = self.root.join("state-1");
                fs::create_dir_all(&path).map_err(file("create", &path))?;
                self.point_to(&path)?;
                Ok(path)
            }
            Err(e) => Err(file("read", &pointer)(e)),
        }
    }

    /// Makes `state` the current one, for good once this returns.
    ///
    /// # Errors
    /// [`DiskError::File`]; the old one is still current then.
    pub fn point_to(&self, state: &Path) -> Result<(), DiskError> {
        let name = state.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let pointer = self.root.join(POINTER);
        let draft = self.root.join("STATE.new");
        // The state's own name first: the pointer must not survive a power cut that its target does not.
        sync(&self.root)?;
        fs::write(&draft, name).map_err(file("write", &draft))?;
        sync(&draft)?;
        reach(Step::Rename, Side::Before, &self.root).map_err(file("rename", &draft))?;
        fs::rename(&draft, &pointer).map_err(file("rename", &draft))?;
        reach(Step::Rename, Side::After, &self.root).map_err(file("rename", &draft))?;
        sync(&self.root)
    }

    /// A directory name of this kind that nobody has.
    pub fn fresh(&self, kind: &str) -> PathBuf {
        let highest = self.numbered(kind).into_iter().map(|(n, _)| n).max().unwrap_or(0);
        self.root.join(format!("{kind}-{}", highest + 1))
    }

    /// Removes what an earlier process left unfinished: every state but the current one, checkpoints, half-received snapshots.
    ///
    /// # Errors
    /// [`DiskError::File`] when something cannot be removed.
    pub fn sweep(&self, current: &Path) -> Result<(), DiskError> {
        for kind in ["state", "checkpoint", "incoming"] {
            for (_, path) in self.numbered(kind) {
                if path != current {
                    fs::remove_dir_all(&path).map_err(file("remove", &path))?;
                }
            }
        }
        Ok(())
    }

    fn numbered(&self, kind: &str) -> Vec<(u64, PathBuf)> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let number = name.strip_prefix(kind)?.strip_prefix('-')?.parse().ok()?;
                Some((number, entry.path()))
            })
            .collect()
    }
}

/// The kernel lets go of it when the process ends, however it ends.
fn lock(root: &Path) -> Result<File, DiskError> {
    let path = root.join(LOCK);
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let opened = opened.map_err(file("open", &path))?;
    match opened.try_lock() {
        Ok(()) => Ok(opened),
        Err(TryLockError::WouldBlock) => Err(DiskError::InUse {
            path: root.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(file("lock", &path)(error)),
    }
}

/// Waits until a file or directory is on the disk.
///
/// # Errors
/// [`DiskError::File`].
pub fn sync(path: &Path) -> Result<(), DiskError> {
    fs::File::open(path)
        .and_then(|f| f.sync_all())
        .map_err(file("sync", path))
}

pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
    let path = path.to_owned();
    move |source| DiskError::File { doing, path, source }
}

/// RocksDB keeps a diary of what it does. Without a bound one file of it grows for as long as the process lives.
pub(super) fn bound_own_log(options: &mut rocksdb::Options) {
    options.set_max_log_file_size(1 << 20);
    options.set_keep_log_file_num(4);
}

/// What RocksDB says, with the way out where it found damage.
pub(super) fn database(doing: &'static str, path: &Path) -> impl FnOnce(rocksdb::Error) -> DiskError {
    let path = path.to_owned();
    move |source| match source.kind() {
        rocksdb::ErrorKind::Corruption => DiskError::Damaged {
            path,
            what: source.to_string(),
        },
        _ => DiskError::Database { doing, path, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_directory_gets_a_first_state_and_keeps_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = Layout::open(dir.path()).unwrap();
        let state = first.current_state().unwrap();
        assert!(state.ends_with("state-1"));
        drop(first);
        let second = Layout::open(dir.path()).unwrap();
        assert_eq!(second.current_state().unwrap(), state);
    }

    #[test]
    fn a_directory_in_use_is_refused_with_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Layout::open(dir.path()).unwrap();
        let error = Layout::open(dir.path()).unwrap_err();
        assert!(matches!(error, DiskError::InUse { .. }), "{error}");
        assert!(error.to_string().contains("--data-dir"), "{error}");
    }

    #[test]
    fn after_a_swap_only_the_new_state_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::open(dir.path()).unwrap();
        let old = layout.current_state().unwrap();
        let new = layout.fresh("state");
        fs::create_dir(&new).unwrap();
        fs::create_dir(layout.fresh("incoming")).unwrap();
        layout.point_to(&new).unwrap();
        assert_eq!(layout.current_state().unwrap(), new);
        layout.sweep(&new).unwrap();
        assert!(new.is_dir() && !old.exists() && !dir.path().join("incoming-1").exists());
    }

    #[test]
    fn a_pointer_to_nothing_is_reported_and_nothing_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(POINTER), "state-7").unwrap();
        let error = Layout::open(dir.path()).unwrap().current_state().unwrap_err();
        assert!(error.to_string().contains("state-7"), "{error}");
        assert_eq!(fs::read_to_string(dir.path().join(POINTER)).unwrap(), "state-7");
    }
}
