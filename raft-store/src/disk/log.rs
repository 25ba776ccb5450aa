//! The daybook: log entries, the vote and three marks.
//!
//! An append is written without sync, so that it can be read and replicated at once, and is acknowledged by the
//! [`Flusher`] after its fsync. A vote is synced before anybody hears of it: a node that forgot whom it voted for could vote twice.
//!
//! The catch: the state beside this log is never synced by applying. So before entries are purged the state is
//! synced; otherwise a power cut could take entries from the state that the log no longer has.

use super::{
    flusher::Flusher,
    layout::{self, DiskError, Layout, database},
    log_reader::LogReader,
    state::StateDb,
    stored::{StoredEntry, StoredLogId, StoredVote},
    synced::Syncer,
};
use crate::{
    step::{Side, Step, reach},
    types::{
        Types,
        alias::{Entry, LogId, Vote},
    },
};
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DB, DBRecoveryMode, IteratorMode, WriteBatch,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{io, path::PathBuf, sync::Arc};
use troop_txn::{codec, frame::Kind};

pub(super) const LOG: &str = "log";
const META: &str = "meta";
const VOTE: &[u8] = b"vote";
const COMMITTED: &[u8] = b"committed";
const PURGED: &[u8] = b"purged";

/// Memory for entries not yet in tables. Larger means fewer, larger tables to drop when entries are purged; a follower that keeps up
/// reads what it needs from here.
const LOG_BUFFER_BYTES: usize = 16 << 20;
/// Memory for marks not yet in tables: `committed` is written with each commit and only its last value matters.
const META_BUFFER_BYTES: usize = 1 << 20;
/// Cache of uncompressed blocks: entries are read twice, once to send and once to apply, mostly before they leave the buffer.
const BLOCK_CACHE_BYTES: usize = 4 << 20;

/// The log on disk. Clones share it.
#[derive(Clone)]
pub struct LogStore {
    db: Arc<DB>,
    root: PathBuf,
    path: PathBuf,
    flusher: Flusher,
    syncer: Arc<Syncer>,
    state: StateDb,
}

impl LogStore {
    /// Opens or makes the log of a data directory and checks it from the first entry to the last.
    ///
    /// # Errors
    /// [`DiskError`] when the disk fails or the log is damaged.
    pub fn open(layout: &Layout, state: StateDb) -> Result<Self, DiskError> {
        let path = layout.raft();
        let mut options = rocksdb::Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        layout::bound_own_log(&mut options);
        // A torn record at the very end is an append that nobody was told about. Anything else stops the opening.
        options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
        let db =
            DB::open_cf_descriptors(&options, &path, families()).map_err(database("open the log", &path))?;
        let db = Arc::new(db);
        let syncer = Arc::new(Syncer::open(Arc::clone(&db), &layout.synced_note())?);
        let flusher = Flusher::start(Arc::clone(&syncer), layout.root().to_owned())
            .map_err(layout::file("start the sync thread of", &path))?;
        let store = LogStore {
            db,
            root: layout.root().to_owned(),
            path,
            flusher,
            syncer,
            state,
        };
        store.check()?;
        Ok(store)
    }

    /// The log must reach back to where the state ends, and a state that was written to has a log that voted.
    ///
    /// A crash cannot make it otherwise: the state is synced before entries are purged, and a vote before anything is appended. A
    /// person who removes one of the two directories can.
    ///
    /// # Errors
    /// [`DiskError::Damaged`].
    pub fn must_continue(&self, applied: Option<LogId>) -> Result<(), DiskError> {
        if applied.is_some() && self.vote()?.is_none() {
            return Err(self.damaged("it is empty, and the state beside it is not".into()));
        }
        match (self.purged()?, applied) {
            (Some(purged), None) => Err(self.damaged(format!(
                "it starts after entry {}, and the state is empty",
                purged.index
            ))),
            (Some(purged), Some(applied)) if applied.index < purged.index => Err(self.damaged(format!(
                "it starts after entry {}, and the state ends with entry {}",
                purged.index, applied.index
            ))),
            _ => Ok(()),
        }
    }

    /// A cheap reader for replication.
    pub fn reader(&self) -> LogReader {
        LogReader::new(self.clone())
    }

    /// The last entry's place, be it still kept or purged.
    ///
    /// # Errors
    /// [`DiskError`] when the disk fails.
    pub fn last_log_id(&self) -> Result<Option<LogId>, DiskError> {
        let mut newest = self.db.iterator_cf(self.family(LOG), IteratorMode::End);
        match newest.next() {
            None => self.purged(),
            Some(pair) => {
                let (key, bytes) = pair.map_err(database("read", &self.path))?;
                Ok(Some(self.decode(&key, &bytes)?.log_id))
            }
        }
    }

    fn purged(&self) -> Result<Option<LogId>, DiskError> {
        Ok(self.mark::<StoredLogId>(PURGED)?.map(Into::into))
    }

    pub(super) fn vote(&self) -> Result<Option<Vote>, DiskError> {
        Ok(self.mark::<StoredVote>(VOTE)?.map(Into::into))
    }

    /// Every entry must open and follow the one before it.
    fn check(&self) -> Result<(), DiskError> {
        let mut expected = self.purged()?.map(|id| id.index + 1);
        for pair in self.db.iterator_cf(self.family(LOG), IteratorMode::Start) {
            let (key, bytes) = pair.map_err(database("read", &self.path))?;
            let entry = self.decode(&key, &bytes)?;
            if let Some(index) = expected.filter(|index| *index != entry.log_id.index) {
                return Err(self.missing(index));
            }
            expected = Some(entry.log_id.index + 1);
        }
        Ok(())
    }

    pub(super) fn decode(&self, key: &[u8], bytes: &[u8]) -> Result<Entry, DiskError> {
        let stored: StoredEntry = codec::decode(Kind::LogEntry, key, bytes)
            .map_err(|e| self.damaged(format!("entry {}: {e}", index_of(key))))?;
        stored
            .into_entry()
            .map_err(|e| self.damaged(format!("entry {}: {e}", index_of(key))))
    }

    pub(super) fn database(&self) -> &DB {
        &self.db
    }

    pub(super) fn failed(&self, source: rocksdb::Error) -> DiskError {
        database("read the log", &self.path)(source)
    }

    pub(super) fn missing(&self, index: u64) -> DiskError {
        self.damaged(format!("entry {index} is missing"))
    }

    fn damaged(&self, what: String) -> DiskError {
        DiskError::Damaged {
            path: self.path.clone(),
            what,
        }
    }

    pub(super) fn family(&self, name: &str) -> &rocksdb::ColumnFamily {
        self.db
            .cf_handle(name)
            .expect("invariant: opened with this column family")
    }

    fn mark<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, DiskError> {
        let bytes = self
            .db
            .get_cf(self.family(META), key)
            .map_err(database("read", &self.path))?;
        bytes
            .map(|bytes| codec::decode(Kind::RaftMeta, key, &bytes))
            .transpose()
            .map_err(|e| self.damaged(format!("{}: {e}", String::from_utf8_lossy(key))))
    }

    fn set_mark<T: Serialize>(&self, batch: &mut WriteBatch, key: &[u8], value: &T) -> Result<(), DiskError> {
        let bytes = codec::encode(Kind::RaftMeta, key, value).map_err(|e| self.damaged(e.to_string()))?;
        batch.put_cf(self.family(META), key, bytes);
        Ok(())
    }

    fn write(&self, batch: WriteBatch) -> Result<(), DiskError> {
        self.db.write(batch).map_err(database("write", &self.path))
    }
}

fn families() -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(BLOCK_CACHE_BYTES);
    let describe = |(name, buffer)| {
        let mut blocks = BlockBasedOptions::default();
        blocks.set_block_cache(&cache);
        let mut options = rocksdb::Options::default();
        options.set_block_based_table_factory(&blocks);
        options.set_write_buffer_size(buffer);
        ColumnFamilyDescriptor::new(name, options)
    };
    [(LOG, LOG_BUFFER_BYTES), (META, META_BUFFER_BYTES)]
        .map(describe)
        .into()
}

/// Key of an entry: its index, so that the table is in order.
pub(super) fn key_of(index: u64) -> [u8; 8] {
    index.to_be_bytes()
}

fn index_of(key: &[u8]) -> u64 {
    key.try_into().map(u64::from_be_bytes).unwrap_or_default()
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = LogReader;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, io::Error> {
        Ok(LogState {
            last_purged_log_id: self.purged()?,
            last_log_id: self.last_log_id()?,
        })
    }

    async fn get_log_reader(&mut self) -> LogReader {
        self.reader()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        reach(Step::Vote, Side::Before, &self.root)?;
        let mut batch = WriteBatch::default();
        self.set_mark(&mut batch, VOTE, &StoredVote::from(vote))?;
        self.write(batch)?;
        self.syncer.sync()?;
        reach(Step::Vote, Side::After, &self.root)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        let mut batch = WriteBatch::default();
        match committed {
            Some(id) => self.set_mark(&mut batch, COMMITTED, &StoredLogId::from(id))?,
            None => batch.delete_cf(self.family(META), COMMITTED),
        }
        // Only a hint that shortens recovery: not worth a sync.
        Ok(self.write(batch)?)
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.mark::<StoredLogId>(COMMITTED)?.map(Into::into))
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + Send,
        I::IntoIter: Send,
    {
        reach(Step::Append, Side::Before, &self.root)?;
        let mut batch = WriteBatch::default();
        for entry in entries {
            let key = key_of(entry.log_id.index);
            let bytes = codec::encode(Kind::LogEntry, &key, &StoredEntry::from(&entry))
                .map_err(|e| self.damaged(format!("entry {}: {e}", entry.log_id.index)))?;
            batch.put_cf(self.family(LOG), key, bytes);
        }
        self.write(batch)?;
        reach(Step::Append, Side::After, &self.root)?;
        self.flusher.call_back(callback)
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> Result<(), io::Error> {
        let from = last_log_id.map_or(0, |id| id.index + 1);
        let mut batch = WriteBatch::default();
        batch.delete_range_cf(self.family(LOG), key_of(from), key_of(u64::MAX));
        Ok(self.write(batch)?)
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), io::Error> {
        reach(Step::Purge, Side::Before, &self.root)?;
        self.state.sync()?;
        let mut batch = WriteBatch::default();
        self.set_mark(&mut batch, PURGED, &StoredLogId::from(log_id))?;
        batch.delete_range_cf(self.family(LOG), key_of(0), key_of(log_id.index + 1));
        self.write(batch)?;
        reach(Step::Purge, Side::After, &self.root)
    }
}
