//! A state as a stream of blocks: what snapshots are on the wire.
//!
//! Rows and not RocksDB's files, so that a node with another version of RocksDB, or of us, can read it; checksummed per block, with
//! the block's place in the checksum, so that a lost or swapped block is found out.

use super::{layout::DiskError, snapshot::SnapshotDir, state::OpenState};
use crate::options::SNAPSHOT_BLOCK_BYTES;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use troop_txn::{Table, codec, frame::Kind, image::Pair};

/// Layout of the blocks; a receiver refuses another one.
pub const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Block {
    table: u8,
    pairs: Vec<Pair>,
}

/// Reads a frozen state block by block.
pub struct BlockReader {
    state: OpenState,
    tables: Vec<Table>,
    after: Option<Bytes>,
    ordinal: u64,
    rows: u64,
}

impl BlockReader {
    /// Over a frozen copy.
    ///
    /// # Errors
    /// [`DiskError`] when it cannot be opened.
    pub fn open(dir: &SnapshotDir) -> Result<Self, DiskError> {
        let tables = Table::ALL.into_iter().rev().collect();
        Ok(BlockReader {
            state: OpenState::open_frozen(dir)?,
            tables,
            after: None,
            ordinal: 0,
            rows: 0,
        })
    }

    /// Blocks and rows given so far.
    pub fn totals(&self) -> (u64, u64) {
        (self.ordinal, self.rows)
    }

    /// The next block with its ordinal, or none after the last.
    ///
    /// # Errors
    /// [`DiskError`] when reading fails.
    pub fn next_block(&mut self) -> Result<Option<(u64, Vec<u8>)>, DiskError> {
        while let Some(table) = self.tables.last().copied() {
            let pairs = self
                .state
                .stretch(table, self.after.as_deref(), SNAPSHOT_BLOCK_BYTES)?;
            if pairs.is_empty() {
                self.tables.pop();
                self.after = None;
                continue;
            }
            self.after = pairs.last().map(|(key, _)| key.clone());
            self.rows += pairs.len() as u64;
            let ordinal = self.ordinal;
            self.ordinal += 1;
            let block = Block {
                table: number_of(table),
                pairs,
            };
            let frame = codec::encode(Kind::SnapshotBlock, &ordinal.to_be_bytes(), &block)
                .map_err(|e| self.damaged(e.to_string()))?;
            return Ok(Some((ordinal, frame)));
        }
        Ok(None)
    }

    fn damaged(&self, what: String) -> DiskError {
        DiskError::Damaged {
            path: self.state.path(),
            what,
        }
    }
}

/// Builds a state from blocks.
pub struct BlockWriter {
    state: OpenState,
    // After `state`: a snapshot that was broken off is closed before its directory is removed.
    dir: SnapshotDir,
    ordinal: u64,
    rows: u64,
}

impl BlockWriter {
    /// Into an empty directory.
    ///
    /// # Errors
    /// [`DiskError`] when it cannot be opened.
    pub fn open(dir: SnapshotDir) -> Result<Self, DiskError> {
        let state = OpenState::open(dir.path())?;
        Ok(BlockWriter {
            dir,
            state,
            ordinal: 0,
            rows: 0,
        })
    }

    /// Takes the next block.
    ///
    /// # Errors
    /// [`DiskError::Damaged`] when it is out of order or does not open.
    pub fn take(&mut self, ordinal: u64, frame: &[u8]) -> Result<(), DiskError> {
        if ordinal != self.ordinal {
            return Err(self.damaged(format!("block {ordinal} came where {} was due", self.ordinal)));
        }
        let block: Block = codec::decode(Kind::SnapshotBlock, &ordinal.to_be_bytes(), frame)
            .map_err(|e| self.damaged(format!("block {ordinal}: {e}")))?;
        let table = Table::ALL
            .into_iter()
            .find(|table| number_of(*table) == block.table)
            .ok_or_else(|| {
                self.damaged(format!("block {ordinal} is for an unknown table {}", block.table))
            })?;
        self.ordinal += 1;
        self.rows += block.pairs.len() as u64;
        self.state.load(table, block.pairs)
    }

    /// After the last block: the finished directory, on disk.
    ///
    /// # Errors
    /// [`DiskError::Damaged`] when blocks or rows are missing.
    pub fn finish(self, blocks: u64, rows: u64) -> Result<SnapshotDir, DiskError> {
        if (blocks, rows) != (self.ordinal, self.rows) {
            return Err(self.damaged(format!("{} of {rows} rows arrived", self.rows)));
        }
        self.state.settle()?;
        let BlockWriter { dir, state, .. } = self;
        drop(state);
        super::layout::sync(dir.path())?;
        Ok(dir)
    }

    fn damaged(&self, what: String) -> DiskError {
        DiskError::Damaged {
            path: self.dir.path().to_owned(),
            what,
        }
    }
}

/// The tables' numbers in blocks: part of the format.
fn number_of(table: Table) -> u8 {
    match table {
        Table::Rows => 1,
        Table::Events => 2,
        Table::Sessions => 3,
        Table::Meta => 4,
    }
}
