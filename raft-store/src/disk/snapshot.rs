//! A directory that goes when nobody needs it any more.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// A state's directory: a checkpoint, a received snapshot or the current state. Clones share it; the last one dropped removes a
/// temporary one from the disk.
#[derive(Clone, Debug)]
pub struct SnapshotDir {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    temporary: AtomicBool,
}

impl SnapshotDir {
    /// One that is removed when dropped.
    pub fn temporary(path: PathBuf) -> Self {
        SnapshotDir {
            inner: Arc::new(Inner {
                path,
                temporary: AtomicBool::new(true),
            }),
        }
    }

    /// One that stays.
    pub fn permanent(path: PathBuf) -> Self {
        SnapshotDir {
            inner: Arc::new(Inner {
                path,
                temporary: AtomicBool::new(false),
            }),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// From now on it stays.
    pub fn keep(&self) {
        self.inner.temporary.store(false, Ordering::Release);
    }

    /// From now on it goes with its last user.
    pub fn remove_when_dropped(&self) {
        self.inner.temporary.store(true, Ordering::Release);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.temporary.load(Ordering::Acquire)
            && let Err(error) = fs::remove_dir_all(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            // Only litter: the next start sweeps it.
            tracing::warn!(path = %self.path.display(), %error, "could not remove a directory that is no longer needed");
        }
    }
}
