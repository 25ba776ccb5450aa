//! The port: what the rest of the program may ask of the replicated state.
//!
//! Admin and data plane hold an `Arc<dyn Store>` and nothing else of Raft or RocksDB. Reads run inside a closure on a
//! consistent image, so that no reader can keep an old image alive by accident; writes are transactions; what
//! happened is read from the history through a [`Subscription`](crate::Subscription).

use crate::{
    entry::{Outcome, RequestId, Txn},
    event::Event,
    image::ImageError,
    key::Key,
    machine::Notes,
    revision::Revision,
    row::Row,
};
use futures_util::future::BoxFuture;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::watch;

/// A view could not be read: this node's storage is broken.
pub type ViewError = ImageError;

/// A consistent image of the rows at one revision.
pub trait ReadView {
    /// Of which revision this is.
    fn revision(&self) -> Revision;

    /// One row.
    ///
    /// # Errors
    /// [`ViewError`] when the storage fails or is damaged.
    fn get(&self, key: &Key) -> Result<Option<Row>, ViewError>;

    /// Up to `limit` rows whose key starts with `prefix` and, if given, is greater than `after`, in key order.
    ///
    /// # Errors
    /// [`ViewError`] when the storage fails or is damaged.
    fn scan(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<(Key, Row)>, ViewError>;
}

/// Why a transaction has no outcome.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum ProposeError {
    /// It is larger than an entry may be. Nothing happened.
    #[error("the change encodes to {bytes} bytes, more than the {limit} that one log entry may have")]
    TooLarge {
        /// Encoded size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// It was never proposed: no leader or no quorum within the deadline. Nothing happened.
    #[error("no quorum: {0}")]
    Unavailable(String),
    /// It was proposed and no answer came: it may be applied now, later or never.
    #[error("the outcome of request {request} is unknown: {reason}")]
    Unknown {
        /// The id to ask about it.
        request: RequestId,
        /// What was waited for.
        reason: String,
    },
    /// This node's store has stopped, or was removed from the cluster.
    #[error("the store on this node has stopped: {0}")]
    Stopped(String),
}

/// Why a read is not possible now.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// No leader or no quorum confirmed the read within the deadline.
    #[error("no quorum: {0}")]
    Unavailable(String),
    /// The revision asked for was not reached within the deadline.
    #[error("revision {wanted} is not applied here yet; this node is at {applied}")]
    Behind {
        /// What was asked for.
        wanted: Revision,
        /// What is there.
        applied: Revision,
    },
    /// This node's store has stopped.
    #[error("the store on this node has stopped: {0}")]
    Stopped(String),
}

/// Why no events were given.
#[derive(Debug, Error)]
pub enum EventsError {
    /// They are no longer kept: read the image, then go on from its revision.
    #[error("events up to {after} are compacted; the history starts at {floor}")]
    Compacted {
        /// Asked for what follows this.
        after: Revision,
        /// First revision kept in full.
        floor: Revision,
    },
    /// The storage is broken.
    #[error(transparent)]
    View(#[from] ViewError),
}

/// A stretch of history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// Events of whole revisions, in order.
    pub events: Vec<Event>,
    /// All events up to here are in this page or before it.
    pub upto: Revision,
}

/// The replicated state as one node sees it.
pub trait Store: Send + Sync + 'static {
    /// Runs `f` on a consistent local image. Short reads only: the image is kept alive meanwhile.
    fn read_dyn(&self, f: &mut dyn FnMut(&dyn ReadView));

    /// Revision and digests of the local image.
    ///
    /// # Errors
    /// [`ViewError`] when the storage fails.
    fn notes(&self) -> Result<Notes, ViewError>;

    /// The revision applied here, and each one after it.
    fn applied(&self) -> watch::Receiver<Revision>;

    /// When a revision was applied here, if that was lately and the store takes note of it.
    fn applied_at(&self, _revision: Revision) -> Option<Instant> {
        None
    }

    /// Replicates and applies a transaction. An applied one is durable on a majority. It may not yet be applied on *this*
    /// node: wait for the outcome's revision where that matters.
    fn propose(&self, txn: Txn, deadline: Duration) -> BoxFuture<'_, Result<Outcome, ProposeError>>;

    /// Waits until local reads see everything that was acknowledged anywhere before this call.
    fn linearize(&self, deadline: Duration) -> BoxFuture<'_, Result<Revision, ReadError>>;

    /// Events of revisions after `after`, about `limit` of them but always whole revisions.
    ///
    /// # Errors
    /// [`EventsError::Compacted`] when the history no longer reaches back that far.
    fn events(&self, after: Revision, limit: usize) -> Result<EventPage, EventsError>;

    /// Whether no record changed here and nothing was broadcast after this revision, as
    /// [`Guard::UnchangedSince`](crate::Guard::UnchangedSince) would find.
    ///
    /// # Errors
    /// [`ViewError`] when the storage fails.
    fn unchanged_since(&self, revision: Revision) -> Result<bool, ViewError> {
        match self.events(revision, 1) {
            Ok(page) => Ok(page.events.is_empty()),
            Err(EventsError::Compacted { .. }) => Ok(false),
            Err(EventsError::View(error)) => Err(error),
        }
    }
}

/// [`Store::read_dyn`] with a result.
pub fn read<R>(store: &dyn Store, f: impl FnOnce(&dyn ReadView) -> R) -> R {
    let mut f = Some(f);
    let mut out = None;
    store.read_dyn(&mut |view| {
        if let Some(f) = f.take() {
            out = Some(f(view));
        }
    });
    out.expect("invariant: a store runs the closure it is given")
}

/// Waits until `revision` is applied here.
///
/// # Errors
/// [`ReadError::Stopped`] when the store ends meanwhile. The caller sets the deadline.
pub async fn wait_applied(store: &dyn Store, revision: Revision) -> Result<(), ReadError> {
    let mut applied = store.applied();
    match applied.wait_for(|now| *now >= revision).await {
        Ok(_) => Ok(()),
        Err(_) => Err(ReadError::Stopped("it was shut down".into())),
    }
}
