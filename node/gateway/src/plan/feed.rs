//! Events to drafts to plans: how a committed change reaches the workers.
//!
//! A proof-reader sits between the newsroom and the press. He reads the minutes as they come, has each page reset where
//! something changed, hangs the new timetable up, and only then says "this is in effect" (the served revision).
//!
//! The order matters: first the shelf is cleared of what changed, then the plan is swapped, then the revision is told. Whoever waits for a
//! revision may rely on every request that starts after it.
//!
//! A record that makes no sense is logged, counted and passed over: what it was before goes on being served, and everything else moves on. One
//! bad row must not stop the presses of a whole cluster.

use super::{
    Plan,
    draft::{Draft, SCHEMAS},
    instances::Kit,
    pace::Pace,
    upstream::{Upstream, keep_resolved},
};
use crate::{
    peer::resolve::Names,
    probe::{Prober, Side},
    shelf::Shelf,
};
use arc_swap::ArcSwap;
use bytes::Bytes;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::sync::{broadcast, watch};
use troop_balancer::Mark;
use troop_runtime::TaskSet;
use troop_stdx::Backoff;
use troop_txn::{
    Event, EventBody, EventPage, EventsError, Key, Operation, Revision, Store, Subscription, ViewError, read,
};
use uuid::Uuid;

/// Rows read of the image at a time.
const SCAN_ROWS: usize = 1_000;

/// Waits between attempts when this node's storage fails.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// Words that a slow listener may be behind. They are rare, and people wrote them; who is further behind misses the oldest.
const WORDS_MAX: usize = 64;

/// Something that was broadcast to all nodes, as each heard it in the order of the log.
#[derive(Clone, Debug)]
pub struct Word {
    /// What it is about.
    pub channel: Arc<str>,
    /// Opaque here.
    pub data: Bytes,
}

/// What the workers share with the feed.
pub(crate) struct Press {
    /// The plan that hangs on the wall.
    pub plan: Arc<ArcSwap<Plan>>,
    pub shelf: Arc<Shelf>,
    pub names: Arc<Names>,
    pub served: watch::Sender<Revision>,
    /// What is broadcast in the log.
    pub words: broadcast::Sender<Word>,
    /// Records that could not be compiled so far.
    pub skipped: AtomicU64,
    pub pace: Pace,
    kit: Kit,
    store: Arc<dyn Store>,
    prober: Arc<Prober>,
    tasks: TaskSet,
}

impl Press {
    /// Nothing hangs on the wall yet.
    pub fn new(
        kit: Kit,
        store: Arc<dyn Store>,
        shelf: Arc<Shelf>,
        names: Arc<Names>,
        prober: Arc<Prober>,
        tasks: TaskSet,
    ) -> Self {
        Press {
            plan: Arc::default(),
            shelf,
            names,
            served: watch::Sender::new(Revision::ZERO),
            words: broadcast::Sender::new(WORDS_MAX),
            skipped: AtomicU64::new(0),
            pace: Pace::default(),
            kit,
            store,
            prober,
            tasks,
        }
    }

    /// Prints the whole image and hangs it up. Its revision.
    pub fn print_image(&self) -> Result<Revision, ViewError> {
        let begun = Instant::now();
        let mut draft = Draft::of(Plan::default(), &self.kit);
        let revision = read(&*self.store, |view| {
            for schema in SCHEMAS {
                let prefix = Key::record(schema, &[]);
                let mut after = None;
                loop {
                    let rows = view.scan(&prefix, after.as_ref(), SCAN_ROWS)?;
                    let full = rows.len() == SCAN_ROWS;
                    for (key, row) in rows {
                        self.put(&mut draft, schema, &row.value);
                        after = Some(key);
                    }
                    if !full {
                        break;
                    }
                }
            }
            Ok::<_, ViewError>(view.revision())
        })?;
        self.shelf.clear_all();
        self.publish(draft, revision);
        self.served.send_replace(revision);
        self.pace.build.observe(begun.elapsed());
        Ok(revision)
    }

    /// Follows the events after `from` until the store ends.
    pub async fn follow(&self, from: Revision) {
        let mut subscription = Subscription::new(Arc::clone(&self.store), from);
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MAX);
        loop {
            match subscription.next().await {
                Ok(Some(page)) => {
                    self.print_page(page);
                    backoff.reset();
                }
                Ok(None) => return,
                Err(EventsError::Compacted { after, floor }) => {
                    tracing::warn!(%after, %floor, "events were compacted before they were read: the whole plan is printed anew");
                    match self.print_image() {
                        Ok(revision) => subscription.skip_to(revision),
                        Err(error) => self.wait_after(&error, &mut backoff).await,
                    }
                }
                Err(EventsError::View(error)) => self.wait_after(&error, &mut backoff).await,
            }
        }
    }

    async fn wait_after(&self, error: &ViewError, backoff: &mut Backoff) {
        tracing::error!(%error, "the store cannot be read; the last plan goes on being served");
        tokio::time::sleep(backoff.next_delay(rand::random())).await;
    }

    fn print_page(&self, page: EventPage) {
        let begun = Instant::now();
        let mut draft = None;
        for event in &page.events {
            self.shelf.clear_after(&event.body);
            self.change(&mut draft, event);
        }
        if let Some(draft) = draft {
            self.publish(draft, page.upto);
            self.pace.build.observe(begun.elapsed());
        }
        page.events.iter().for_each(|event| self.take_word(&event.body));
        self.served.send_replace(page.upto);
        self.measure(&page);
    }

    /// How long each revision of the page took to come into effect.
    fn measure(&self, page: &EventPage) {
        let mut revisions: Vec<Revision> = page.events.iter().map(|event| event.revision).collect();
        revisions.dedup();
        for applied in revisions
            .into_iter()
            .filter_map(|revision| self.store.applied_at(revision))
        {
            self.pace.propagation.observe(applied.elapsed());
        }
    }

    /// What was broadcast to all nodes: a person's word on a target's health is for the upstreams, the rest for whoever listens.
    fn take_word(&self, body: &EventBody) {
        let EventBody::Broadcast { channel, data, .. } = body else {
            return;
        };
        if channel == Mark::CHANNEL {
            self.take_mark(data);
        }
        // Nobody may be listening.
        let _ = self.words.send(Word {
            channel: channel.as_str().into(),
            data: data.clone(),
        });
    }

    fn take_mark(&self, data: &[u8]) {
        match Mark::from_bytes(data) {
            Ok(mark) => {
                if let Some(upstream) = self.plan.load().upstream(mark.upstream) {
                    upstream.mark(&mark);
                }
            }
            Err(error) => {
                tracing::error!(%error, "a mark on a target's health cannot be read and is passed over")
            }
        }
    }

    /// Changes the draft by one event; the first event that concerns the plan starts it.
    fn change<'a>(&'a self, draft: &mut Option<Draft<'a>>, event: &Event) {
        let EventBody::Crud {
            schema,
            operation,
            id,
            entity,
            ..
        } = &event.body
        else {
            return;
        };
        if !SCHEMAS.contains(&schema.as_str()) {
            return;
        }
        let draft = draft.get_or_insert_with(|| Draft::of(Plan::clone(&self.plan.load()), &self.kit));
        match (operation, entity) {
            (Operation::Create | Operation::Update, Some(bytes)) => self.put(draft, schema, bytes),
            _ => {
                if let Ok(id) = Uuid::from_slice(id) {
                    draft.remove(schema, id);
                }
            }
        }
    }

    fn put(&self, draft: &mut Draft<'_>, schema: &str, bytes: &[u8]) {
        if let Err(error) = draft.put(schema, bytes) {
            self.skipped.fetch_add(1, Relaxed);
            tracing::error!(schema, %error, "a stored record is of no use to the data plane and is passed over");
        }
    }

    fn publish(&self, draft: Draft<'_>, revision: Revision) {
        let (plan, rebuilt) = draft.finish(revision, &self.names);
        self.plan.store(Arc::new(plan));
        for upstream in rebuilt {
            self.keep_resolved(&upstream);
            self.keep_probed(&upstream);
        }
    }

    fn keep_resolved(&self, upstream: &Arc<Upstream>) {
        if upstream.has_names() {
            let names = Arc::clone(&self.names);
            self.tasks.spawn(
                "keep an upstream's names resolved",
                keep_resolved(Arc::downgrade(upstream), names),
            );
        }
    }

    fn keep_probed(&self, upstream: &Arc<Upstream>) {
        for side in [Side::Up, Side::Down] {
            if upstream.interval(side).is_some() {
                let rounds = Arc::clone(&self.prober).make_rounds(Arc::downgrade(upstream), side);
                self.tasks.spawn("probe an upstream's peers", rounds);
            }
        }
    }
}
