//! The directory that makes a node itself again after a restart.
//!
//! A flat with one tenant. The key hangs on a hook by the door (`node.lock`): while somebody holds it, nobody else
//! moves in. In the drawer lies the tenant's passport (`identity/node.json`), and a note on the door (`removed.json`) says that the
//! tenant has moved out for good.
//!
//! The catch is the lock: a file that merely exists would survive a crash and lock the owner out. The kernel holds
//! ours and drops it with the process; the number in the file is for the message only.
//!
//! Every error names the path and the way out, and nothing is written before everything was looked at. What lies in the
//! directory besides (Raft's log, the state) belongs to the store.

use crate::{
    durable::{create_private_dir, write_private},
    fingerprint::Fingerprint,
    identity::{IdentityError, NodeIdentity},
    peer::PeerIdentity,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process,
};
use thiserror::Error;
use uuid::Uuid;

const LOCK_FILE: &str = "node.lock";
const IDENTITY_DIR: &str = "identity";
const IDENTITY_FILE: &str = "node.json";
const REMOVAL_FILE: &str = "removed.json";
/// Nobody outside owner and group. The group is let in because container platforms give a volume to a group.
const OTHERS: u32 = 0o007;

/// Why a data directory is not used.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// The file system refuses.
    #[error("cannot {action} {}: check that it exists and that this user may", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// Another process lives there.
    #[error(
        "data directory {} is in use by {holder}: stop it first (`troop stop`), or give this node its own --data-dir",
        path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Who, as far as known.
        holder: String,
    },
    /// A newer program wrote it.
    #[error("{} was written by a newer version of troop (format {found}): start that version or a newer one", path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
    },
    /// It does not make sense.
    #[error(
        "{} is damaged: restore it from a backup, or move the data directory away and join the node anew",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: IdentityError,
    },
    /// Anybody on the machine could read the private key.
    #[error("{} is open to every user (mode {mode:o}): run `chmod 600` on it", path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another cluster or another node.
    #[error("{} belongs to {found}, not to {wanted}: give this node its own --data-dir, or leave out --join", path.display())]
    OtherOwner {
        /// The directory.
        path: PathBuf,
        /// Who is there.
        found: PeerIdentity,
        /// What was wanted.
        wanted: String,
    },
    /// Its node was removed from the cluster.
    #[error(
        "{} belongs to {node}, which was removed from its cluster: to join again as a new node, give it an empty --data-dir",
        path.display()
    )]
    Removed {
        /// The directory.
        path: PathBuf,
        /// Who was removed.
        node: PeerIdentity,
    },
}

/// The note a removed node leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// From which cluster.
    pub cluster_id: Uuid,
    /// Which node it was.
    pub node_id: u64,
    /// When it learned of it.
    pub removed_at_ms: u64,
}

/// A data directory that no other process uses while this value lives.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Opens it, and makes it first if it is not there.
    ///
    /// # Errors
    /// [`DataDirError::InUse`], [`DataDirError::Io`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, DataDirError> {
        let path = path.into();
        create_private_dir(&path).map_err(io_error("create", &path))?;
        let lock = lock(&path)?;
        Ok(DataDir { path, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Who lives here; `None` in a fresh directory.
    ///
    /// # Errors
    /// [`DataDirError`]: somebody does, and cannot be started.
    pub fn load_identity(&self) -> Result<Option<NodeIdentity>, DataDirError> {
        if let Some(removal) = self.removal()? {
            return Err(DataDirError::Removed {
                path: self.path.clone(),
                node: PeerIdentity {
                    cluster_id: removal.cluster_id,
                    node_id: removal.node_id,
                },
            });
        }
        self.stored_identity()
    }

    /// As [`DataDir::load_identity`], when a join token says which cluster is meant.
    ///
    /// # Errors
    /// [`DataDirError::OtherOwner`] when a node of another cluster lives here.
    pub fn load_identity_of(&self, ca: Fingerprint) -> Result<Option<NodeIdentity>, DataDirError> {
        let Some(found) = self.load_identity()? else {
            return Ok(None);
        };
        if found.ca_fingerprint() == ca {
            Ok(Some(found))
        } else {
            Err(self.other_owner(&found, "the cluster of the join token".into()))
        }
    }

    /// Moves in. Saving the same node again (a new certificate, a new name) replaces what is there.
    ///
    /// # Errors
    /// [`DataDirError::OtherOwner`] when another node lives here.
    pub fn save_identity(&self, identity: &NodeIdentity) -> Result<(), DataDirError> {
        if let Some(found) = self.load_identity()?
            && found.peer_identity() != identity.peer_identity()
        {
            return Err(self.other_owner(&found, identity.peer_identity().to_string()));
        }
        let dir = self.path.join(IDENTITY_DIR);
        create_private_dir(&dir).map_err(io_error("create", &dir))?;
        let file = dir.join(IDENTITY_FILE);
        write_private(&file, identity.to_json().expose()).map_err(io_error("write", &file))
    }

    /// The note on the door, if there is one.
    ///
    /// # Errors
    /// [`DataDirError`] when it cannot be read.
    pub fn removal(&self) -> Result<Option<Removal>, DataDirError> {
        let file = self.path.join(REMOVAL_FILE);
        read(&file)?.map(|text| parse(&file, &text)).transpose()
    }

    /// Leaves the note: this node never starts from this directory again.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub fn mark_removed(&self, removal: Removal) -> Result<(), DataDirError> {
        let file = self.path.join(REMOVAL_FILE);
        let text = serde_json::to_vec_pretty(&removal).expect("invariant: numbers and ids are JSON");
        write_private(&file, &text).map_err(io_error("write", &file))
    }

    fn stored_identity(&self) -> Result<Option<NodeIdentity>, DataDirError> {
        let file = self.path.join(IDENTITY_DIR).join(IDENTITY_FILE);
        let Some(text) = read(&file)? else { return Ok(None) };
        let mode = fs::metadata(&file)
            .map_err(io_error("look at", &file))?
            .permissions()
            .mode()
            & 0o777;
        if mode & OTHERS != 0 {
            return Err(DataDirError::OpenToOthers { path: file, mode });
        }
        NodeIdentity::from_json(&text)
            .map(Some)
            .map_err(|source| not_readable(&file, source))
    }

    fn other_owner(&self, found: &NodeIdentity, wanted: String) -> DataDirError {
        DataDirError::OtherOwner {
            path: self.path.clone(),
            found: found.peer_identity(),
            wanted,
        }
    }
}

fn lock(dir: &Path) -> Result<File, DataDirError> {
    let path = dir.join(LOCK_FILE);
    // Not truncated: until the lock is ours, the number inside is somebody else's.
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(io_error("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(DataDirError::InUse {
                path: dir.to_owned(),
                holder: holder(&path),
            });
        }
        Err(TryLockError::Error(source)) => return Err(io_error("lock", &path)(source)),
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", process::id()))
        .map_err(io_error("write", &path))?;
    Ok(file)
}

fn holder(lock_file: &Path) -> String {
    let pid = fs::read_to_string(lock_file).unwrap_or_default();
    match pid.trim().parse::<u32>() {
        Ok(pid) => format!("process {pid}"),
        Err(_) => "another process".into(),
    }
}

fn read(file: &Path) -> Result<Option<Vec<u8>>, DataDirError> {
    match fs::read(file) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(io_error("read", file)(e)),
    }
}

fn parse<T: DeserializeOwned>(file: &Path, text: &[u8]) -> Result<T, DataDirError> {
    serde_json::from_slice(text).map_err(|e| not_readable(file, e.into()))
}

fn not_readable(file: &Path, source: IdentityError) -> DataDirError {
    let path = file.to_owned();
    match source {
        IdentityError::NewerFormat { found } => DataDirError::NewerFormat { path, found },
        source => DataDirError::Damaged { path, source },
    }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.to_owned();
    move |source| DataDirError::Io { action, path, source }
}

#[cfg(test)]
mod tests;
