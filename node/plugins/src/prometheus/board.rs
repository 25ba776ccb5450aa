//! The numbers, each a row of atomics under its labels.
//!
//! A score board that all workers write on at once. A row that is there is found and added to without waiting; a new row is added by hanging up
//! a copy of the list that has it too, which shares everything else with the old one.
//!
//! The catch is the number of rows: labels come from names of entities and from statuses, so it is bounded by the configuration, but a
//! large one with a row per consumer is still large. Beyond a limit no rows are added, and that is counted.

use arc_swap::ArcSwap;
use imbl::OrdMap;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use troop_telemetry::{Exposition, Kind};

/// Rows of one family: a scrape of more takes seconds.
const ROWS_MAX: usize = 50_000;

/// Kong's steps, in milliseconds.
const GATEWAY_STEPS: &[u64] = &[
    1, 2, 5, 7, 10, 15, 20, 30, 50, 75, 100, 200, 500, 750, 1_000, 3_000, 6_000,
];
const PEER_STEPS: &[u64] = &[
    25, 50, 80, 100, 250, 400, 700, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000,
];

/// Kong keeps everything in workspaces; here there is one.
const WORKSPACE: &str = "default";

/// A family's name, and what it counts.
type Family = (&'static str, &'static str);

const REQUESTS: Family = ("kong_http_requests_total", "Exchanges");
const SESSIONS: Family = ("kong_stream_sessions_total", "Connections and runs of datagrams");
const BYTES: Family = (
    "kong_bandwidth_bytes",
    "Bytes of bodies and heads, and of sessions",
);

/// Rows by the values of their labels.
type Rows<T> = ArcSwap<OrdMap<Vec<String>, Arc<T>>>;

/// How often it took how long.
struct Latency {
    /// One more than there are steps: the last one is for whatever took longer.
    counts: Vec<AtomicU64>,
    sum_ms: AtomicU64,
}

/// Which latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    Gateway,
    Peer,
    Request,
    Session,
}

/// What was counted.
#[derive(Default)]
pub(super) struct Board {
    requests: Rows<AtomicU64>,
    bytes: Rows<AtomicU64>,
    sessions: Rows<AtomicU64>,
    session_bytes: Rows<AtomicU64>,
    latencies: [Rows<Latency>; 4],
    errors: AtomicU64,
}

impl Span {
    fn steps(self) -> &'static [u64] {
        match self {
            Span::Gateway => GATEWAY_STEPS,
            Span::Peer | Span::Request | Span::Session => PEER_STEPS,
        }
    }

    fn family(self) -> Family {
        match self {
            Span::Gateway => ("kong_kong_latency_ms", "Time the gateway took, in milliseconds"),
            Span::Peer => ("kong_upstream_latency_ms", "Time the peer took, in milliseconds"),
            Span::Request => (
                "kong_request_latency_ms",
                "Time the exchange took, in milliseconds",
            ),
            Span::Session => (
                "kong_session_duration_ms",
                "Time the connection or run of datagrams took, in milliseconds",
            ),
        }
    }
}

impl Latency {
    fn new(steps: &[u64]) -> Self {
        Latency {
            counts: (0..=steps.len()).map(|_| AtomicU64::new(0)).collect(),
            sum_ms: AtomicU64::new(0),
        }
    }
}

impl Board {
    /// One more exchange with these labels: service, route, code, source, consumer.
    pub fn count_request(&self, labels: [&str; 5]) {
        if let Some(row) = self.row(&self.requests, &labels, AtomicU64::default) {
            row.fetch_add(1, Relaxed);
        }
    }

    /// One more connection or run of datagrams with these labels: service, route, code, source.
    pub fn count_session(&self, labels: [&str; 4]) {
        if let Some(row) = self.row(&self.sessions, &labels, AtomicU64::default) {
            row.fetch_add(1, Relaxed);
        }
    }

    /// So many bytes more of sessions with these labels: service, route, direction.
    pub fn count_session_bytes(&self, labels: [&str; 3], bytes: u64) {
        if let Some(row) = self.row(&self.session_bytes, &labels, AtomicU64::default) {
            row.fetch_add(bytes, Relaxed);
        }
    }

    /// So many bytes more with these labels: service, route, direction, consumer.
    pub fn count_bytes(&self, labels: [&str; 4], bytes: u64) {
        if let Some(row) = self.row(&self.bytes, &labels, AtomicU64::default) {
            row.fetch_add(bytes, Relaxed);
        }
    }

    /// It took so long, with these labels: service, route.
    pub fn count_latency(&self, span: Span, labels: [&str; 2], ms: u64) {
        let make = || Latency::new(span.steps());
        if let Some(row) = self.row(&self.latencies[span as usize], &labels, make) {
            let at = span.steps().partition_point(|step| *step < ms);
            row.counts[at].fetch_add(1, Relaxed);
            row.sum_ms.fetch_add(ms, Relaxed);
        }
    }

    fn row<T>(&self, rows: &Rows<T>, labels: &[&str], make: impl Fn() -> T) -> Option<Arc<T>> {
        let key: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        if let Some(row) = rows.load().get(&key) {
            return Some(Arc::clone(row));
        }
        if rows.load().len() >= ROWS_MAX {
            self.errors.fetch_add(1, Relaxed);
            return None;
        }
        rows.rcu(|rows| {
            let mut more = OrdMap::clone(rows);
            // Another worker may have been faster.
            more.entry(key.clone()).or_insert_with(|| Arc::new(make()));
            more
        });
        rows.load().get(&key).cloned()
    }

    /// Writes everything.
    pub fn report(&self, out: &mut Exposition) {
        out.family(
            "kong_nginx_metric_errors_total",
            Kind::Counter,
            "Numbers that could not be kept",
        );
        out.sample(&[], self.errors.load(Relaxed));
        let names = ["service", "route", "code", "source", "consumer"];
        write_rows(out, REQUESTS, &names, &self.requests);
        // Kong: a session has no consumer, not even an empty one.
        write_rows(out, SESSIONS, &names[..4], &self.sessions);
        let names = ["service", "route", "direction", "consumer"];
        write_rows(out, BYTES, &names, &self.bytes);
        write_rows(out, BYTES, &names[..3], &self.session_bytes);
        for span in [Span::Gateway, Span::Peer, Span::Request, Span::Session] {
            write_latencies(out, span, &self.latencies[span as usize]);
        }
    }
}

/// Kong: the workspace stands before the consumer.
fn labelled<'a>(names: &[&'a str], values: &'a [String]) -> Vec<(&'a str, &'a str)> {
    let mut labels: Vec<_> = names
        .iter()
        .copied()
        .zip(values.iter().map(String::as_str))
        .collect();
    let at = labels.iter().position(|(name, _)| *name == "consumer");
    labels.insert(at.unwrap_or(labels.len()), ("workspace", WORKSPACE));
    labels
}

fn write_rows(out: &mut Exposition, family: Family, names: &[&str], rows: &Rows<AtomicU64>) {
    let rows = rows.load();
    if rows.is_empty() {
        return;
    }
    out.family(family.0, Kind::Counter, family.1);
    for (values, count) in rows.iter() {
        out.sample(&labelled(names, values), count.load(Relaxed));
    }
}

fn write_latencies(out: &mut Exposition, span: Span, rows: &Rows<Latency>) {
    let rows = rows.load();
    if rows.is_empty() {
        return;
    }
    let (family, help) = span.family();
    out.family(family, Kind::Histogram, help);
    for (values, latency) in rows.iter() {
        let labels = labelled(&["service", "route"], values);
        let mut below = 0;
        for (at, count) in latency.counts.iter().enumerate() {
            below += count.load(Relaxed);
            let step = span.steps().get(at).map_or("+Inf".to_owned(), u64::to_string);
            let mut labels = labels.clone();
            labels.push(("le", &step));
            out.sample_of("_bucket", &labels, below);
        }
        out.sample_of("_count", &labels, below);
        out.sample_of("_sum", &labels, latency.sum_ms.load(Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(board: &Board) -> String {
        let mut out = Exposition::default();
        board.report(&mut out);
        out.finish()
    }

    #[test]
    fn rows_are_counted_under_their_labels() {
        let board = Board::default();
        assert!(!text(&board).contains("kong_http_requests_total"));
        board.count_request(["s", "r", "200", "service", ""]);
        board.count_request(["s", "r", "200", "service", ""]);
        board.count_bytes(["s", "r", "egress", "c"], 7);
        let text = text(&board);
        for line in [
            "kong_http_requests_total{service=\"s\",route=\"r\",code=\"200\",source=\"service\",workspace=\"default\",consumer=\"\"} 2\n",
            "kong_bandwidth_bytes{service=\"s\",route=\"r\",direction=\"egress\",workspace=\"default\",consumer=\"c\"} 7\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn a_latency_counts_for_its_step_and_all_above() {
        let board = Board::default();
        for ms in [1, 2, 3, 10_000] {
            board.count_latency(Span::Gateway, ["s", "r"], ms);
        }
        let text = text(&board);
        let row = |part: &str, le: &str| {
            format!("kong_kong_latency_ms{part}{{service=\"s\",route=\"r\",workspace=\"default\"{le}}}")
        };
        for (row, count) in [
            (row("_bucket", ",le=\"1\""), 1),
            (row("_bucket", ",le=\"2\""), 2),
            (row("_bucket", ",le=\"5\""), 3),
            (row("_bucket", ",le=\"6000\""), 3),
            (row("_bucket", ",le=\"+Inf\""), 4),
            (row("_count", ""), 4),
            (row("_sum", ""), 10_006),
        ] {
            assert!(text.contains(&format!("{row} {count}\n")), "{row} in {text}");
        }
    }
}
