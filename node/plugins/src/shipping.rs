//! What the log plugins share: the record of an exchange, a queue, and somebody who carries it off.
//!
//! A post office beside the gateway. The exchange throws its letter into the box and is gone; the postman empties the box, adds to each
//! letter what only the archive knows (the full route, service and consumer), ties letters into bundles, and delivers, trying again
//! when nobody opens.
//!
//! The catch: the box has a size. When nobody takes letters any more, new ones are dropped and counted, and the exchange never notices.

mod custom;
mod entry;
mod plugin;
mod postman;
mod queue;
mod session;
mod sink;
pub(crate) mod wire;

pub(crate) use custom::fields_field;
pub(crate) use plugin::LogPlugin;
pub(crate) use queue::{Queue, queue_field};
pub(crate) use sink::{Sink, Undelivered};

use custom::CustomFields;
use entry::Entry;
use postman::Postman;
use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};
use tokio::sync::mpsc;
use troop_plugin_api::{Handler, LogRecord, Misconfigured, Phases, SessionRecord, Setup};
use troop_telemetry::{Exposition, metric::LOG_ENTRIES_LOST_TOTAL};

/// What a log plugin's instances lost so far.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// The box was full.
    dropped: AtomicU64,
    /// Nobody took them in time.
    undelivered: AtomicU64,
}

impl Losses {
    /// Writes them.
    pub fn report(&self, plugin: &str, out: &mut Exposition) {
        out.metric(LOG_ENTRIES_LOST_TOTAL);
        for (reason, count) in [("queue_full", &self.dropped), ("undelivered", &self.undelivered)] {
            let labels = [("plugin", plugin), ("reason", reason)];
            out.sample(&labels, count.load(Relaxed));
        }
    }
}

/// The handler of a log plugin: the letter box.
pub(crate) struct Shipper {
    letters: mpsc::Sender<Entry>,
    custom: Arc<CustomFields>,
    waiting: Arc<AtomicUsize>,
    max_bytes: usize,
    losses: Arc<Losses>,
}

impl Shipper {
    /// Opens a box and sends a postman to it. The postman goes when the box is closed and empty.
    pub fn start(
        setup: &Setup<'_>,
        queue: Queue,
        sink: impl Sink,
        losses: &Arc<Losses>,
    ) -> Result<Self, Misconfigured> {
        let custom = Arc::new(CustomFields::configure(setup.config)?);
        let (letters, inbox) = mpsc::channel(queue.entries_max);
        let waiting = Arc::new(AtomicUsize::new(0));
        let max_bytes = queue.bytes_max;
        let postman = Postman {
            inbox,
            waiting: Arc::clone(&waiting),
            queue,
            sink,
            backstage: Arc::clone(setup.backstage),
            losses: Arc::clone(losses),
        };
        setup.backstage.spawn("ship a log", Box::pin(postman.work()));
        Ok(Shipper {
            letters,
            custom,
            waiting,
            max_bytes,
            losses: Arc::clone(losses),
        })
    }
}

impl Handler for Shipper {
    fn phases(&self) -> Phases {
        Phases::LOG | Phases::SESSION_LOG
    }

    fn log(&self, record: &LogRecord<'_>) {
        self.post(Entry::of(record, &self.custom));
    }

    fn session_log(&self, record: &SessionRecord<'_>) {
        self.post(Entry::of_session(record, &self.custom));
    }
}

impl Shipper {
    fn post(&self, entry: Entry) {
        let bytes = entry.about_bytes();
        let full = self.waiting.fetch_add(bytes, Relaxed).saturating_add(bytes) > self.max_bytes;
        if full || self.letters.try_send(entry).is_err() {
            self.waiting.fetch_sub(bytes, Relaxed);
            self.losses.dropped.fetch_add(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
