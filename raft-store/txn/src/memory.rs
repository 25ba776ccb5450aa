//! The store without Raft or disk: one image in memory, each proposal applied at once.
//!
//! The same machine as in a cluster, so that tests of everything above run in milliseconds and mean something.

use crate::{
    codec,
    entry::{ENTRY_MAX_BYTES, Outcome, Txn},
    image::{Image, ImageError, MemoryImage, Overlay, Table},
    key::Key,
    machine::{self, Notes},
    revision::Revision,
    row::Row,
    store::{EventPage, EventsError, ProposeError, ReadError, ReadView, Store, ViewError},
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// A view over any image.
pub struct ImageView<'a> {
    image: &'a dyn Image,
    revision: Revision,
}

impl<'a> ImageView<'a> {
    /// `revision` is the one the image is at.
    pub fn new(image: &'a dyn Image, revision: Revision) -> Self {
        ImageView { image, revision }
    }
}

impl ReadView for ImageView<'_> {
    fn revision(&self) -> Revision {
        self.revision
    }

    fn get(&self, key: &Key) -> Result<Option<Row>, ViewError> {
        machine::row(self.image, key)
    }

    fn scan(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<(Key, Row)>, ViewError> {
        let pairs = self
            .image
            .scan(Table::Rows, prefix.as_bytes(), after.map(Key::as_bytes), limit)?;
        pairs
            .into_iter()
            .map(|(key, bytes)| Ok((Key::from_bytes(key.clone()), machine::decode_row(&key, &bytes)?)))
            .collect()
    }
}

/// Events after `after` from any image: whole revisions, about `limit` events.
///
/// # Errors
/// [`EventsError`] as [`Store::events`].
pub fn events_of(image: &dyn Image, after: Revision, limit: usize) -> Result<EventPage, EventsError> {
    let notes = machine::notes(image)?;
    if notes.events_from.get() > after.get().saturating_add(1) {
        return Err(EventsError::Compacted {
            after,
            floor: notes.events_from,
        });
    }
    // A page of nothing could not say how far it goes.
    let limit = limit.max(1);
    let mut events = Vec::new();
    let mut last: Bytes = crate::event::event_key(after, u32::MAX).to_vec().into();
    loop {
        let pairs = image.scan(Table::Events, &[], Some(&last), limit)?;
        let full = pairs.len() == limit;
        for (key, bytes) in pairs {
            let event = machine::decode_event(&key, &bytes)?;
            let starts_revision = events
                .last()
                .is_some_and(|e: &crate::Event| e.revision != event.revision);
            if events.len() >= limit && starts_revision {
                let upto = Revision::new(event.revision.get() - 1);
                return Ok(EventPage { events, upto });
            }
            events.push(event);
            last = key;
        }
        if !full {
            // A place in the future stays where it is: going back from it would repeat events.
            let upto = notes.revision.max(after);
            return Ok(EventPage { events, upto });
        }
    }
}

/// The image and how many entries made it: a refused entry takes an index too.
#[derive(Default)]
struct Log {
    image: Arc<MemoryImage>,
    entries: u64,
}

/// One process's private store.
pub struct MemoryStore {
    log: Mutex<Log>,
    applied: watch::Sender<Revision>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        MemoryStore {
            log: Mutex::default(),
            applied: watch::Sender::new(Revision::ZERO),
        }
    }
}

impl MemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies at once, at the next index.
    ///
    /// # Errors
    /// [`ProposeError::TooLarge`] as in a cluster.
    pub fn apply(&self, txn: &Txn) -> Result<Outcome, ProposeError> {
        check_size(txn)?;
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = log
            .append(txn)
            .map_err(|e| ProposeError::Stopped(e.to_string()))?;
        if let Outcome::Applied(revision) = outcome {
            self.applied
                .send_if_modified(|now| std::mem::replace(now, revision.max(*now)) < revision);
        }
        Ok(outcome)
    }

    /// The image as it is now. Writers copy it only while somebody still looks at it.
    fn image(&self) -> Arc<MemoryImage> {
        Arc::clone(&self.log.lock().unwrap_or_else(PoisonError::into_inner).image)
    }
}

impl Log {
    fn append(&mut self, txn: &Txn) -> Result<Outcome, ImageError> {
        let mut batch = Overlay::new(&*self.image);
        let outcome = machine::apply(&mut batch, self.entries + 1, txn)?;
        let changes = batch.into_changes();
        Arc::make_mut(&mut self.image).write(changes);
        self.entries += 1;
        Ok(outcome)
    }
}

/// Refuses a transaction that is larger than one entry may be.
///
/// # Errors
/// [`ProposeError::TooLarge`].
pub fn check_size(txn: &Txn) -> Result<Vec<u8>, ProposeError> {
    let too_large = |bytes| ProposeError::TooLarge {
        bytes,
        limit: ENTRY_MAX_BYTES,
    };
    let bytes = codec::packed_len(txn);
    if bytes > ENTRY_MAX_BYTES {
        return Err(too_large(bytes));
    }
    codec::pack(txn).map_err(|_| too_large(bytes))
}

impl Store for MemoryStore {
    fn read_dyn(&self, f: &mut dyn FnMut(&dyn ReadView)) {
        let image = self.image();
        let revision = machine::notes(&*image).map(|n| n.revision).unwrap_or_default();
        f(&ImageView::new(&*image, revision));
    }

    fn notes(&self) -> Result<Notes, ViewError> {
        machine::notes(&*self.image())
    }

    fn applied(&self) -> watch::Receiver<Revision> {
        self.applied.subscribe()
    }

    fn propose(&self, txn: Txn, _deadline: Duration) -> BoxFuture<'_, Result<Outcome, ProposeError>> {
        let outcome = self.apply(&txn);
        Box::pin(async move { outcome })
    }

    fn linearize(&self, _deadline: Duration) -> BoxFuture<'_, Result<Revision, ReadError>> {
        let revision = *self.applied.borrow();
        Box::pin(async move { Ok(revision) })
    }

    fn events(&self, after: Revision, limit: usize) -> Result<EventPage, EventsError> {
        events_of(&*self.image(), after, limit)
    }

    fn unchanged_since(&self, revision: Revision) -> Result<bool, ViewError> {
        machine::unchanged_since(&*self.image(), revision)
    }
}
