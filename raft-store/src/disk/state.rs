//! The card index: four column families of one RocksDB instance, replaceable as a whole.
//!
//! Applying writes one unsynced batch that also holds the place of the last applied entry, so that after any crash the
//! rows and that place agree; entries that are missing are applied again from the log.
//!
//! The catch: readers may hold the old state while a received snapshot becomes the new one. Each holds its own reference; the old
//! directory goes when the last of them does.

use super::{
    layout::{DiskError, Layout, bound_own_log, database, file},
    snapshot::SnapshotDir,
};
use crate::step::{self, Side, Step};
use bytes::Bytes;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DB, Direction, IteratorMode, ReadOptions, WriteBatch,
    checkpoint::Checkpoint,
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};
use troop_txn::{
    Image, ImageError, Revision, Table,
    image::{Changes, Pair},
    machine,
};

/// Cache of uncompressed blocks, shared by the column families. A gateway's hot records are a few megabytes; the rest
/// is the operating system's cache.
const BLOCK_CACHE_BYTES: usize = 16 << 20;
/// Memory per column family for writes not yet in tables.
const WRITE_BUFFER_BYTES: usize = 8 << 20;
/// Longest write-ahead log: what a start after a crash reads at most.
const WAL_MAX_BYTES: u64 = 64 << 20;
/// Bits per key in the filters that answer "not here" without reading a block (1 % false answers).
const BLOOM_BITS: f64 = 10.0;

/// The current state of a data directory. Clones share it.
#[derive(Clone)]
pub struct StateDb {
    current: Arc<RwLock<Arc<OpenState>>>,
    /// What readers see instead, while the current one is between two revisions.
    held: Arc<RwLock<Option<Arc<OpenState>>>>,
    // After `current`, so that the directory's lock goes once its database is closed.
    layout: Layout,
}

/// One opened state directory.
pub struct OpenState {
    db: DB,
    // After `db`, so that the directory is removed once it is closed.
    dir: SnapshotDir,
    /// A copy that nobody writes to.
    is_frozen: bool,
}

impl StateDb {
    /// Opens or makes the current state and removes what a crash left beside it.
    ///
    /// # Errors
    /// [`DiskError`] when the disk fails or the state is damaged.
    pub fn open(layout: &Layout) -> Result<Self, DiskError> {
        let path = layout.current_state()?;
        let open = OpenState::open(&path)?;
        layout.sweep(&path)?;
        Ok(StateDb {
            layout: layout.clone(),
            current: Arc::new(RwLock::new(Arc::new(open))),
            held: Arc::default(),
        })
    }

    /// The state as readers may see it: at a revision.
    pub fn shown(&self) -> Arc<OpenState> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.clone().unwrap_or_else(|| self.now())
    }

    /// Shows readers the state as it is at this moment, until [`StateDb::release`].
    ///
    /// # Errors
    /// [`DiskError`]; readers see the current state as before.
    pub fn hold(&self) -> Result<(), DiskError> {
        let frozen = OpenState::open_frozen(&self.checkpoint()?)?;
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        *held = Some(Arc::new(frozen));
        Ok(())
    }

    /// Shows readers the current state again.
    pub fn release(&self) {
        let old = self.held.write().unwrap_or_else(PoisonError::into_inner).take();
        // Closed and removed when its last reader is done: not while the readers' lock is held.
        drop(old);
    }

    /// The state as it is opened now. Only who applies sees it between two revisions.
    pub fn now(&self) -> Arc<OpenState> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until everything applied so far is on disk.
    ///
    /// # Errors
    /// [`DiskError::Database`].
    pub fn sync(&self) -> Result<(), DiskError> {
        let now = self.now();
        now.db.flush_wal(true).map_err(database("sync", now.dir.path()))
    }

    /// A frozen copy by hard links, consistent as of the last batch.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn checkpoint(&self) -> Result<SnapshotDir, DiskError> {
        self.reach(Step::Checkpoint, Side::Before)?;
        let now = self.now();
        let path = self.layout.fresh("checkpoint");
        let doing = "take a checkpoint";
        let checkpoint = Checkpoint::new(&now.db).map_err(database(doing, now.dir.path()))?;
        checkpoint
            .create_checkpoint(&path)
            .map_err(database(doing, now.dir.path()))?;
        let frozen = SnapshotDir::temporary(path);
        self.reach(Step::Checkpoint, Side::After)?;
        Ok(frozen)
    }

    /// This node comes to one side of a storage step.
    ///
    /// # Errors
    /// What a test asked for.
    pub(crate) fn reach(&self, step: Step, side: Side) -> Result<(), DiskError> {
        let root = self.layout.root();
        step::reach(step, side, root).map_err(file("work in", root))
    }

    /// An empty directory to receive a snapshot into.
    ///
    /// # Errors
    /// [`DiskError::File`].
    pub fn incoming(&self) -> Result<SnapshotDir, DiskError> {
        let path = self.layout.fresh("incoming");
        fs::create_dir(&path).map_err(file("create", &path))?;
        Ok(SnapshotDir::temporary(path))
    }

    /// Opens a received state beside the current one, to be looked at before [`StateDb::switch_to`] makes it count.
    ///
    /// # Errors
    /// [`DiskError`]; what was received is gone then.
    pub fn adopt(&self, received: &SnapshotDir) -> Result<OpenState, DiskError> {
        let path = self.layout.fresh("state");
        fs::rename(received.path(), &path).map_err(file("rename", received.path()))?;
        // Its name is free now, and the next snapshot may have taken it when this one is dropped.
        received.keep();
        OpenState::open_in(SnapshotDir::temporary(path))
    }

    /// Makes an adopted state the current one.
    ///
    /// # Errors
    /// [`DiskError`]; the old state is still the current one here, and perhaps the new one at the next start.
    pub fn switch_to(&self, new: OpenState) -> Result<(), DiskError> {
        new.dir.keep();
        self.layout.point_to(new.dir.path())?;
        let new = Arc::new(new);
        let old = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, new)
        };
        // Closed and removed when its last reader is done, which is mostly now: not while the readers' lock is held.
        old.dir.remove_when_dropped();
        Ok(())
    }
}

impl OpenState {
    /// Opens or makes a state directory that stays.
    ///
    /// # Errors
    /// [`DiskError::Database`].
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        Self::open_in(SnapshotDir::permanent(path.to_owned()))
    }

    fn open_in(dir: SnapshotDir) -> Result<Self, DiskError> {
        let mut options = rocksdb::Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_max_total_wal_size(WAL_MAX_BYTES);
        bound_own_log(&mut options);
        let db = DB::open_cf_descriptors(&options, dir.path(), families())
            .map_err(database("open the state", dir.path()))?;
        Ok(OpenState {
            db,
            dir,
            is_frozen: false,
        })
    }

    /// Opens a frozen copy for reading.
    ///
    /// # Errors
    /// [`DiskError::Database`].
    pub fn open_frozen(dir: &SnapshotDir) -> Result<Self, DiskError> {
        let options = rocksdb::Options::default();
        let db = DB::open_cf_descriptors_read_only(&options, dir.path(), families(), false)
            .map_err(database("open the snapshot", dir.path()))?;
        Ok(OpenState {
            db,
            dir: dir.clone(),
            is_frozen: true,
        })
    }

    /// Writes a batch whole, unsynced.
    ///
    /// # Errors
    /// [`DiskError::Database`].
    pub fn write(&self, changes: Changes) -> Result<(), DiskError> {
        let mut batch = WriteBatch::default();
        for ((table, key), value) in changes {
            match value {
                Some(value) => batch.put_cf(self.family(table), key, value),
                None => batch.delete_cf(self.family(table), key),
            }
        }
        self.db.write(batch).map_err(database("write", self.dir.path()))
    }

    /// Writes pairs of a snapshot, without a write-ahead log: [`OpenState::settle`] follows.
    ///
    /// # Errors
    /// [`DiskError::Database`].
    pub fn load(&self, table: Table, pairs: Vec<Pair>) -> Result<(), DiskError> {
        let mut batch = WriteBatch::default();
        for (key, value) in pairs {
            batch.put_cf(self.family(table), key, value);
        }
        let mut options = rocksdb::WriteOptions::default();
        options.disable_wal(true);
        self.db
            .write_opt(batch, &options)
            .map_err(database("write", self.dir.path()))
    }

    /// Waits until loaded pairs are on disk.
    ///
    /// # Errors
    /// [`DiskError::Database`].
    pub fn settle(&self) -> Result<(), DiskError> {
        for table in Table::ALL {
            self.db
                .flush_cf(self.family(table))
                .map_err(database("flush", self.dir.path()))?;
        }
        Ok(())
    }

    /// The pairs of a table after a key, in order, until they hold `bytes_max` bytes; at least one if there is one.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn stretch(
        &self,
        table: Table,
        after: Option<&[u8]>,
        bytes_max: usize,
    ) -> Result<Vec<Pair>, DiskError> {
        let from = after.unwrap_or_default();
        let mode = IteratorMode::From(from, Direction::Forward);
        let (mut out, mut bytes) = (Vec::new(), 0);
        for pair in self.db.iterator_cf(self.family(table), mode) {
            let (key, value) = pair.map_err(database("read", self.dir.path()))?;
            if Some(&key[..]) == after {
                continue;
            }
            bytes += key.len() + value.len();
            out.push((Bytes::from(key), Bytes::from(value)));
            if bytes >= bytes_max {
                break;
            }
        }
        Ok(out)
    }

    /// Runs `f` on the state as of this moment, whatever is written meanwhile.
    pub fn frozen<R>(&self, f: impl FnOnce(&dyn Image, Revision) -> R) -> R {
        let revision_of = |image: &dyn Image| {
            let notes = machine::notes(image);
            notes.map(|notes| notes.revision).unwrap_or_default()
        };
        if self.is_frozen {
            return f(self, revision_of(self));
        }
        let image = Frozen {
            state: self,
            snapshot: self.db.snapshot(),
        };
        f(&image, revision_of(&image))
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    fn family(&self, table: Table) -> &rocksdb::ColumnFamily {
        self.db
            .cf_handle(name_of(table))
            .expect("invariant: opened with this column family")
    }
}

impl Image for OpenState {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, ImageError> {
        let value = self
            .db
            .get_pinned_cf(self.family(table), key)
            .map_err(unreadable)?;
        Ok(value.map(|bytes| Bytes::copy_from_slice(&bytes)))
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, ImageError> {
        let from = first_key(prefix, after);
        let mode = IteratorMode::From(&from, Direction::Forward);
        collect(
            self.db.iterator_cf_opt(self.family(table), bounded(prefix), mode),
            after,
            limit,
        )
    }
}

/// The state at one moment.
struct Frozen<'a> {
    state: &'a OpenState,
    snapshot: rocksdb::Snapshot<'a>,
}

impl Image for Frozen<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, ImageError> {
        let value = self
            .snapshot
            .get_pinned_cf(self.state.family(table), key)
            .map_err(unreadable)?;
        Ok(value.map(|bytes| Bytes::copy_from_slice(&bytes)))
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, ImageError> {
        let from = first_key(prefix, after);
        let mode = IteratorMode::From(&from, Direction::Forward);
        collect(
            self.snapshot
                .iterator_cf_opt(self.state.family(table), bounded(prefix), mode),
            after,
            limit,
        )
    }
}

type RawPair = (Box<[u8]>, Box<[u8]>);

fn collect(
    pairs: impl Iterator<Item = Result<RawPair, rocksdb::Error>>,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<Pair>, ImageError> {
    pairs
        .filter(|pair| !matches!((pair, after), (Ok((key, _)), Some(after)) if key[..] == *after))
        .take(limit)
        .map(|pair| {
            pair.map(|(key, value)| (Bytes::from(key), Bytes::from(value)))
                .map_err(unreadable)
        })
        .collect()
}

fn first_key(prefix: &[u8], after: Option<&[u8]>) -> Vec<u8> {
    after.filter(|after| *after >= prefix).unwrap_or(prefix).to_vec()
}

/// Stops an iterator at the end of the prefix instead of reading on to the next table block.
fn bounded(prefix: &[u8]) -> ReadOptions {
    let mut options = ReadOptions::default();
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            options.set_iterate_upper_bound(end);
            break;
        }
    }
    options
}

fn unreadable(error: rocksdb::Error) -> ImageError {
    ImageError::Read(error.to_string())
}

fn families() -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(BLOCK_CACHE_BYTES);
    let describe = |table| {
        let mut blocks = BlockBasedOptions::default();
        blocks.set_block_cache(&cache);
        blocks.set_bloom_filter(BLOOM_BITS, false);
        let mut options = rocksdb::Options::default();
        options.set_block_based_table_factory(&blocks);
        options.set_write_buffer_size(WRITE_BUFFER_BYTES);
        options.set_compression_type(rocksdb::DBCompressionType::Lz4);
        options.set_bottommost_compression_type(rocksdb::DBCompressionType::Zstd);
        ColumnFamilyDescriptor::new(name_of(table), options)
    };
    Table::ALL.map(describe).into()
}

fn name_of(table: Table) -> &'static str {
    match table {
        Table::Rows => "rows",
        Table::Events => "events",
        Table::Sessions => "sessions",
        Table::Meta => "meta",
    }
}
