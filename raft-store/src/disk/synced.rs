//! How far the log is on disk, noted beside the log.
//!
//! The mark that a flood leaves on a wall: whatever is found below it later must have been there. After each sync the log's own
//! count of operations is noted in a small file. A log that is opened and has fewer operations has lost something that somebody was told
//! about: an entry that counted towards a majority, or a vote.
//!
//! The catch it is for: RocksDB takes a broken last record of its write-ahead log for an append that the power cut
//! short, and drops it and what follows. Mostly that is right. When the record was synced and the disk lost it, it is not, and nothing
//! but a count kept elsewhere can tell.
//!
//! The note itself is not synced: an old one claims less than is true, never more.

use super::layout::{self, DiskError, file};
use rocksdb::DB;
use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use troop_txn::{codec, frame::Kind};

const KEY: &[u8] = b"synced";

/// Syncs the log and notes how far.
pub struct Syncer {
    db: Arc<DB>,
    note: File,
    noted: Mutex<u64>,
}

impl Syncer {
    /// For the log `db`, with the note at `path`.
    ///
    /// # Errors
    /// [`DiskError::Damaged`] when the log ends before what was synced, [`DiskError::File`] when the note cannot be read or made.
    pub fn open(db: Arc<DB>, path: &Path) -> Result<Self, DiskError> {
        let (note, noted) = open_note(path)?;
        let found = db.latest_sequence_number();
        if found < noted {
            return Err(DiskError::Damaged {
                path: PathBuf::from(db.path()),
                what: format!(
                    "{noted} operations of the log were synced and {found} are there; the disk lost its end"
                ),
            });
        }
        let syncer = Syncer {
            db,
            note,
            noted: Mutex::new(noted),
        };
        syncer.note_down(found).map_err(file("write", path))?;
        layout::sync(path)?;
        Ok(syncer)
    }

    /// Waits until everything written so far is on disk.
    ///
    /// # Errors
    /// When the disk fails; nothing is known then of what is on it.
    pub fn sync(&self) -> io::Result<()> {
        // Read before the sync: what is written meanwhile may or may not be in it.
        let upto = self.db.latest_sequence_number();
        self.db
            .flush_wal(true)
            .map_err(|e| io::Error::other(format!("syncing the log: {e}")))?;
        self.note_down(upto)
    }

    fn note_down(&self, upto: u64) -> io::Result<()> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if upto > *noted || upto == 0 {
            let bytes = codec::encode(Kind::RaftMeta, KEY, &upto).map_err(io::Error::other)?;
            self.note.write_all_at(&bytes, 0)?;
            *noted = upto;
        }
        Ok(())
    }
}

fn open_note(path: &Path) -> Result<(File, u64), DiskError> {
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    let mut note = opened.map_err(file("open", path))?;
    let mut bytes = Vec::new();
    note.read_to_end(&mut bytes).map_err(file("read", path))?;
    // One that was never finished claims nothing.
    let noted = codec::decode(Kind::RaftMeta, KEY, &bytes).unwrap_or_default();
    Ok((note, noted))
}
