//! Emptying the box, bundling, delivering, trying again.

use super::{
    Losses,
    entry::{About, Entry, shown},
    queue::Queue,
    sink::Sink,
};
use bytes::Bytes;
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout_at},
};
use troop_plugin_api::Backstage;
use uuid::Uuid;

/// How old what the archive said may be: long enough to ask once for a burst, short enough for a renamed route to be seen.
const ARCHIVE_MAX_AGE: Duration = Duration::from_secs(1);

/// More than any gateway serves within that time; then everything is asked anew.
const ARCHIVE_ENTRIES_MAX: usize = 10_000;

/// One per box.
pub(super) struct Postman<S> {
    pub inbox: mpsc::Receiver<Entry>,
    pub waiting: Arc<AtomicUsize>,
    pub queue: Queue,
    pub sink: S,
    pub backstage: Arc<dyn Backstage>,
    pub losses: Arc<Losses>,
}

impl<S: Sink> Postman<S> {
    /// Until the box is closed and empty.
    pub async fn work(mut self) {
        let mut archive = Archive::new(Arc::clone(&self.backstage));
        let mut entries = Vec::new();
        while self.gather(&mut entries).await {
            let mut bundle = Vec::with_capacity(entries.len());
            for entry in entries.drain(..) {
                self.waiting.fetch_sub(entry.about_bytes(), Relaxed);
                bundle.push(archive.complete(entry).await);
            }
            self.deliver(&bundle).await;
        }
    }

    /// The next bundle: as large as it may be, or as old as it may become. `false` at the end.
    async fn gather(&mut self, entries: &mut Vec<Entry>) -> bool {
        let closing = self.backstage.closing();
        tokio::select! {
            first = self.inbox.recv() => match first {
                Some(first) => entries.push(first),
                None => return false,
            },
            () = closing => {
                // What is in the box is still delivered, nothing new gets in.
                self.inbox.close();
                match self.inbox.recv().await {
                    Some(first) => entries.push(first),
                    None => return false,
                }
            }
        }
        let deadline = Instant::now() + self.queue.patience;
        while entries.len() < self.queue.batch_max {
            let next = match self.inbox.try_recv() {
                Ok(next) => Some(next),
                Err(_) if self.queue.patience.is_zero() || self.inbox.is_closed() => None,
                Err(_) => tokio::select! {
                    next = timeout_at(deadline, self.inbox.recv()) => next.ok().flatten(),
                    () = self.backstage.closing() => None,
                },
            };
            match next {
                Some(next) => entries.push(next),
                None => break,
            }
        }
        true
    }

    async fn deliver(&mut self, bundle: &[Bytes]) {
        let started = Instant::now();
        let mut delay = self.queue.retry_delay_first;
        loop {
            let Err(error) = self.sink.deliver(bundle).await else {
                return;
            };
            let spent = started.elapsed();
            if self.queue.retry_time.is_none_or(|most| spent + delay > most) {
                let (entries, name) = (bundle.len() as u64, self.sink.name());
                self.losses.undelivered.fetch_add(entries, Relaxed);
                tracing::error!(%error, entries, plugin = name, "log entries were not taken and are lost");
                return;
            }
            tracing::debug!(%error, plugin = self.sink.name(), "log entries were not taken; trying again");
            sleep(delay).await;
            delay = (delay * 2).min(self.queue.retry_delay_max);
        }
    }
}

/// What the archive said lately.
struct Archive {
    backstage: Arc<dyn Backstage>,
    said: HashMap<(&'static str, Uuid), Option<Value>>,
    since: Instant,
}

impl Archive {
    fn new(backstage: Arc<dyn Backstage>) -> Self {
        Archive {
            backstage,
            said: HashMap::new(),
            since: Instant::now(),
        }
    }

    async fn complete(&mut self, entry: Entry) -> Bytes {
        if self.since.elapsed() > ARCHIVE_MAX_AGE || self.said.len() >= ARCHIVE_ENTRIES_MAX {
            self.said.clear();
            self.since = Instant::now();
        }
        for About { schema, id, .. } in entry.about() {
            if !self.said.contains_key(&(*schema, *id)) {
                let found = self.backstage.record(schema, *id).await;
                self.said.insert((*schema, *id), found.map(shown));
            }
        }
        entry.complete(|about| self.said.get(&(about.schema, about.id)).cloned().flatten())
    }
}
