//! Spans on their way to a collector, by OTLP: protobuf over HTTP or gRPC.
//!
//! A letter box with a postman, as for logs. Whoever has a span throws it in and is gone; the postman waits a moment for more, ties them into
//! one bundle and posts it. The box has a size: when the collector is away new spans are dropped and counted, and nobody notices but the
//! counters.

mod bundle;
mod collector;
mod endpoint;

pub use collector::{Destination, DestinationError};
pub use endpoint::{Endpoint, EndpointError};

use collector::Collector;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{sync::mpsc, time::sleep};
use troop_plugin_api::Node;
use troop_runtime::{Shutdown, TaskSet};
use troop_telemetry::{
    Exposition, metric,
    trace::{Span, Spans},
};

/// Spans in the box: some seconds of a busy node, 4 MiB.
const BOX_MAX: usize = 8_192;
/// Spans in a bundle: what OpenTelemetry's own exporters take.
const BUNDLE_MAX: usize = 512;
/// How long the first span of a bundle waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// Tries for a bundle, with a pause between them; then it is lost, for the next ones are waiting.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);

/// The letter box.
pub struct Exporter {
    letters: mpsc::Sender<Span>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    exported: AtomicU64,
    dropped: AtomicU64,
    lost: AtomicU64,
}

impl Exporter {
    /// Opens a box and sends a postman to it, who works on the runtime this is called on. When the node stops he posts what is in the box, and
    /// goes.
    pub fn start(destination: Destination, node: &Node, tasks: &TaskSet, shutdown: Shutdown) -> Arc<Self> {
        let (letters, inbox) = mpsc::channel(BOX_MAX);
        let counts = Arc::new(Counts::default());
        let postman = Postman {
            inbox,
            shutdown,
            counts: Arc::clone(&counts),
            node: node.clone(),
            collector: Collector::new(destination),
        };
        tasks.spawn("export spans", postman.work());
        Arc::new(Exporter { letters, counts })
    }

    /// Writes what became of spans.
    pub fn report(&self, out: &mut Exposition) {
        out.number(metric::SPANS_EXPORTED_TOTAL, self.counts.exported.load(Relaxed));
        out.metric(metric::SPANS_LOST_TOTAL);
        for (reason, count) in [
            ("queue_full", &self.counts.dropped),
            ("undelivered", &self.counts.lost),
        ] {
            out.sample(&[("reason", reason)], count.load(Relaxed));
        }
    }
}

impl Spans for Exporter {
    fn take(&self, span: Span) {
        if self.letters.try_send(span).is_err() {
            self.counts.dropped.fetch_add(1, Relaxed);
        }
    }
}

struct Postman {
    inbox: mpsc::Receiver<Span>,
    shutdown: Shutdown,
    counts: Arc<Counts>,
    node: Node,
    collector: Collector,
}

impl Postman {
    async fn work(mut self) {
        let mut bundle = Vec::with_capacity(BUNDLE_MAX);
        loop {
            let open = self.gather(&mut bundle).await;
            if !bundle.is_empty() {
                self.post(&bundle).await;
                bundle.clear();
            } else if !open {
                return;
            }
        }
    }

    /// Waits for a bundle; whether more may come.
    async fn gather(&mut self, bundle: &mut Vec<Span>) -> bool {
        if !self.shutdown.is_stopping() {
            tokio::select! {
                _ = self.inbox.recv_many(bundle, BUNDLE_MAX) => {}
                () = self.shutdown.stopping() => {}
            }
            if bundle.len() < BUNDLE_MAX {
                tokio::select! {
                    () = sleep(LINGER) => {}
                    () = self.shutdown.stopping() => {}
                }
            }
        }
        while bundle.len() < BUNDLE_MAX
            && let Ok(span) = self.inbox.try_recv()
        {
            bundle.push(span);
        }
        !self.shutdown.is_stopping()
    }

    async fn post(&mut self, spans: &[Span]) {
        let bytes = bundle::encode(spans, &self.node);
        for _ in 1..TRIES {
            match self.collector.post(bytes.clone()).await {
                Ok(()) => return self.count_exported(spans),
                Err(error) => tracing::debug!(error, "a collector did not take spans; they are posted again"),
            }
            sleep(PAUSE).await;
        }
        match self.collector.post(bytes).await {
            Ok(()) => self.count_exported(spans),
            Err(error) => {
                tracing::warn!(
                    error,
                    spans = spans.len(),
                    "a collector did not take spans; they are lost"
                );
                self.counts.lost.fetch_add(spans.len() as u64, Relaxed);
            }
        }
    }

    fn count_exported(&self, spans: &[Span]) {
        self.counts.exported.fetch_add(spans.len() as u64, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn spans_that_find_the_box_full_are_dropped_and_counted() {
        let endpoint = "http://127.0.0.1:9/".parse().expect("an endpoint");
        let destination = Destination::new(endpoint, None).expect("a destination");
        let node = Node {
            id: String::new(),
            hostname: String::new(),
        };
        let (tasks, shutdown) = (TaskSet::new(), Shutdown::new());
        let exporter = Exporter::start(destination, &node, &tasks, shutdown.clone());
        let span = Span {
            trace_id: 1,
            id: 1,
            parent: None,
            name: "x".into(),
            side: troop_telemetry::trace::Side::Server,
            from_ns: 0,
            to_ns: 0,
            facts: Vec::new(),
            failed: false,
        };
        // Nothing is awaited here, so the postman has no turn.
        (0..BOX_MAX + 100).for_each(|_| exporter.take(span.clone()));
        let mut out = Exposition::default();
        exporter.report(&mut out);
        let text = out.finish();
        assert!(text.contains("{reason=\"queue_full\"} 100\n"), "{text}");
    }
}
