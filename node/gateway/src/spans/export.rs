//! Spans on their way to a collector, by OTLP: protobuf over HTTP.
//!
//! A letter box with a postman, as for logs. Whoever has a span throws it in and is gone; the postman waits a moment for more, ties them into
//! one bundle and posts it. The box has a size: when the collector is away new spans are dropped and counted, and nobody notices but the
//! counters.

mod bundle;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use thiserror::Error;
use tokio::{
    net::TcpStream,
    sync::mpsc,
    time::{sleep, timeout},
};
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
/// How long a collector may take for a bundle.
const POST_TIMEOUT: Duration = Duration::from_secs(5);
/// Tries for a bundle, with a pause between them; then it is lost, for the next ones are waiting.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);
/// Answers are read up to here, so that the connection can be used again.
const ANSWER_MAX_BYTES: usize = 64 * 1024;

/// The text is not the URL of a collector.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum EndpointError {
    /// No URL, or one without a host.
    #[error("is not a URL such as http://127.0.0.1:4318/v1/traces")]
    NoUrl,
    /// TLS is not spoken to collectors.
    #[error("is not http: run a collector beside the node and let it speak TLS to others")]
    NotHttp,
    /// A password would end up in the log.
    #[error("holds credentials, which are not sent")]
    Credentials,
}

/// Where a collector takes spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    authority: String,
    /// Host and port to connect to.
    address: String,
    target: String,
}

impl std::str::FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let uri: Uri = text.parse().map_err(|_| EndpointError::NoUrl)?;
        let authority = uri.authority().ok_or(EndpointError::NoUrl)?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(EndpointError::NotHttp),
            _ => return Err(EndpointError::NoUrl),
        }
        if authority.as_str().contains('@') {
            return Err(EndpointError::Credentials);
        }
        Ok(Endpoint {
            authority: authority.to_string(),
            address: format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80)),
            target: uri
                .path_and_query()
                .map_or("/", |target| target.as_str())
                .to_owned(),
        })
    }
}

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
    pub fn start(endpoint: Endpoint, node: &Node, tasks: &TaskSet, shutdown: Shutdown) -> Arc<Self> {
        let (letters, inbox) = mpsc::channel(BOX_MAX);
        let counts = Arc::new(Counts::default());
        let postman = Postman {
            inbox,
            shutdown,
            counts: Arc::clone(&counts),
            node: node.clone(),
            collector: Collector { endpoint, open: None },
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
            match self.collector.post_within(bytes.clone()).await {
                Ok(()) => return self.count_exported(spans),
                Err(error) => tracing::debug!(error, "a collector did not take spans; they are posted again"),
            }
            sleep(PAUSE).await;
        }
        match self.collector.post_within(bytes).await {
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

struct Collector {
    endpoint: Endpoint,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Collector {
    async fn post_within(&mut self, body: Bytes) -> Result<(), String> {
        let posted = timeout(POST_TIMEOUT, self.post(body)).await;
        posted.unwrap_or_else(|_| Err("it did not answer in time".to_owned()))
    }

    async fn post(&mut self, body: Bytes) -> Result<(), String> {
        let mut sender = match self.open.take().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let said = |error: hyper::Error| error.to_string();
        sender.ready().await.map_err(said)?;
        let answer = sender.send_request(self.request(body)?).await.map_err(said)?;
        let status = answer.status();
        let rest = Limited::new(answer.into_body(), ANSWER_MAX_BYTES);
        if rest.collect().await.is_ok() {
            self.open = Some(sender);
        }
        if status.is_success() {
            Ok(())
        } else {
            Err(format!("it answered {status}"))
        }
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let stream = TcpStream::connect(&self.endpoint.address).await;
        let stream = stream.map_err(|error| error.to_string())?;
        let made = handshake(TokioIo::new(stream)).await;
        let (sender, connection) = made.map_err(|error| error.to_string())?;
        // Ends with the sender.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn request(&self, body: Bytes) -> Result<Request<Full<Bytes>>, String> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.endpoint.target)
            .header(header::HOST, &self.endpoint.authority)
            .header(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/x-protobuf"),
            );
        request.body(Full::new(body)).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(&str, &str), EndpointError>) {
        let endpoint = text.parse::<Endpoint>();
        let found = endpoint.as_ref().map(|e| (e.address.as_str(), e.target.as_str()));
        assert_eq!(found, expected.as_ref().map(|pair| *pair), "{text}");
    }

    #[test]
    fn a_collector_is_named_by_a_url_without_tls_and_credentials() {
        check(
            "http://127.0.0.1:4318/v1/traces",
            Ok(("127.0.0.1:4318", "/v1/traces")),
        );
        check("http://collector/", Ok(("collector:80", "/")));
        check("http://[::1]:1", Ok(("[::1]:1", "/")));
        check("https://collector/", Err(EndpointError::NotHttp));
        check("http://a:b@collector/", Err(EndpointError::Credentials));
        check("collector:4318", Err(EndpointError::NoUrl));
        check("/v1/traces", Err(EndpointError::NoUrl));
    }

    #[tokio::test]
    async fn spans_that_find_the_box_full_are_dropped_and_counted() {
        let endpoint = "http://127.0.0.1:9/".parse().expect("an endpoint");
        let node = Node {
            id: String::new(),
            hostname: String::new(),
        };
        let (tasks, shutdown) = (TaskSet::new(), Shutdown::new());
        let exporter = Exporter::start(endpoint, &node, &tasks, shutdown.clone());
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
