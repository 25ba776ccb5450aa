//! The pages the machine reads and writes.
//!
//! An [`Image`] is any ordered set of four tables. An [`Overlay`] is a sheet of tracing paper on one: reads see
//! through it, writes stay on it, and it can be thrown away (a refused transaction) or pressed down (a batch).

use bytes::Bytes;
use std::{collections::BTreeMap, ops::Bound};
use thiserror::Error;

/// The tables of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Records, indexes, system rows.
    Rows,
    /// The history.
    Events,
    /// Answers by request id, and their order of age.
    Sessions,
    /// The machine's notes.
    Meta,
}

impl Table {
    /// All of them, in the order snapshots ship them.
    pub const ALL: [Table; 4] = [Table::Rows, Table::Events, Table::Sessions, Table::Meta];
}

/// The image could not be read, or holds what cannot be. Both stop the store.
#[derive(Debug, Error)]
pub enum ImageError {
    /// The disk failed.
    #[error("reading the state failed: {0}")]
    Read(String),
    /// A value is not what was written.
    #[error("the state is damaged in {table:?}: {source}")]
    Damaged {
        /// Where.
        table: Table,
        /// How.
        source: crate::frame::FrameError,
    },
}

/// One stored pair of raw bytes.
pub type Pair = (Bytes, Bytes);

/// Ordered tables of raw bytes.
pub trait Image {
    /// The value under `key`.
    ///
    /// # Errors
    /// [`ImageError`] when the storage fails.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, ImageError>;

    /// Up to `limit` pairs whose key starts with `prefix` and, if given, is greater than `after`, in key order.
    ///
    /// # Errors
    /// [`ImageError`] when the storage fails.
    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, ImageError>;
}

/// Written values by place; `None` removes.
pub type Changes = BTreeMap<(Table, Bytes), Option<Bytes>>;

/// Writes kept apart from the image they read through to.
pub struct Overlay<'a> {
    base: &'a dyn Image,
    changes: Changes,
}

impl<'a> Overlay<'a> {
    /// A clean sheet over `base`.
    pub fn new(base: &'a dyn Image) -> Self {
        Overlay {
            base,
            changes: Changes::new(),
        }
    }

    /// Writes a value.
    pub fn put(&mut self, table: Table, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.changes.insert((table, key.into()), Some(value.into()));
    }

    /// Removes a value.
    pub fn delete(&mut self, table: Table, key: impl Into<Bytes>) {
        self.changes.insert((table, key.into()), None);
    }

    /// Takes over what another sheet over this one holds.
    pub fn absorb(&mut self, changes: Changes) {
        self.changes.extend(changes);
    }

    /// The writes.
    pub fn into_changes(self) -> Changes {
        self.changes
    }
}

impl Image for Overlay<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, ImageError> {
        match self.changes.get(&(table, Bytes::copy_from_slice(key))) {
            Some(own) => Ok(own.clone()),
            None => self.base.get(table, key),
        }
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, ImageError> {
        let own: Vec<_> = self
            .changes
            .range((start(table, prefix, after), Bound::Unbounded))
            .take_while(|((t, key), _)| *t == table && key.starts_with(prefix))
            .collect();
        // Each own removal can hide one pair of the base, so this many of them are enough to fill `limit`.
        let below = self
            .base
            .scan(table, prefix, after, limit.saturating_add(own.len()))?;
        let mut merged: BTreeMap<Bytes, Option<Bytes>> =
            below.into_iter().map(|(k, v)| (k, Some(v))).collect();
        merged.extend(
            own.into_iter()
                .map(|((_, key), value)| (key.clone(), value.clone())),
        );
        Ok(merged
            .into_iter()
            .filter_map(|(k, v)| Some((k, v?)))
            .take(limit)
            .collect())
    }
}

/// Where a scan begins in an ordered map of places.
fn start(table: Table, prefix: &[u8], after: Option<&[u8]>) -> Bound<(Table, Bytes)> {
    match after {
        Some(after) if after >= prefix => Bound::Excluded((table, Bytes::copy_from_slice(after))),
        _ => Bound::Included((table, Bytes::copy_from_slice(prefix))),
    }
}

/// Tables in memory: what tests and simulations run on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryImage {
    pairs: BTreeMap<(Table, Bytes), Bytes>,
}

impl MemoryImage {
    /// Presses a sheet's writes down.
    pub fn write(&mut self, changes: Changes) {
        for (place, value) in changes {
            match value {
                Some(value) => self.pairs.insert(place, value),
                None => self.pairs.remove(&place),
            };
        }
    }
}

impl Image for MemoryImage {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, ImageError> {
        Ok(self.pairs.get(&(table, Bytes::copy_from_slice(key))).cloned())
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, ImageError> {
        Ok(self
            .pairs
            .range((start(table, prefix, after), Bound::Unbounded))
            .take_while(|((t, key), _)| *t == table && key.starts_with(prefix))
            .take(limit)
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect())
    }
}
