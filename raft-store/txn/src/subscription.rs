//! The in-process bus: a reading position in the history.
//!
//! Not a mailbox but a bookmark. A mailbox fills up when its owner is slow, and then something must be lost or somebody
//! must wait; a bookmark only falls behind, and the book is on disk. Every subscriber gets every event in
//! commit order, once, and a slow one slows nobody.
//!
//! The catch: a book can lose its first chapters. A bookmark before the compaction floor is told so and has to read the image instead.

use crate::{
    revision::Revision,
    store::{EventPage, EventsError, Store},
};
use std::sync::Arc;
use tokio::sync::watch;

/// Events handed out at a time: large enough to amortise a read of the table, small enough to keep in memory twice.
const PAGE_EVENTS: usize = 1_024;

/// A subscriber's place in the history.
pub struct Subscription {
    store: Arc<dyn Store>,
    applied: watch::Receiver<Revision>,
    after: Revision,
}

impl Subscription {
    /// Everything after `after`.
    pub fn new(store: Arc<dyn Store>, after: Revision) -> Self {
        let applied = store.applied();
        Subscription {
            store,
            applied,
            after,
        }
    }

    /// Up to where events were handed out.
    pub fn position(&self) -> Revision {
        self.after
    }

    /// Moves on without reading, after the subscriber has read the image of `revision`.
    pub fn skip_to(&mut self, revision: Revision) {
        self.after = self.after.max(revision);
    }

    /// The next stretch of history, once there is one; `None` when the store has ended.
    ///
    /// # Errors
    /// [`EventsError::Compacted`] when this place is no longer in the history.
    pub async fn next(&mut self) -> Result<Option<EventPage>, EventsError> {
        let after = self.after;
        if self.applied.wait_for(|now| *now > after).await.is_err() {
            return Ok(None);
        }
        let page = self.store.events(self.after, PAGE_EVENTS)?;
        self.after = page.upto;
        Ok(Some(page))
    }
}
