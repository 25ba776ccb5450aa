//! Traces: whose journey it is, what is kept of it, and what the peer is told.

use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use serde_json::{Value, json};
use std::fs;
use troop_tests::{
    collector::{Collector, fact},
    node::Node,
    origin::{Origin, echoed},
    patience::{PATIENCE, eventually},
    ports,
    wire::{self, Request},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn traced(collector: &Collector, rate: &str) -> Node {
    let endpoint = collector.endpoint();
    Node::alone(&[
        ("tracing_instrumentations", "all"),
        ("tracing_sampling_rate", rate),
        ("tracing_endpoint", &endpoint),
    ])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The spans of a trace, once there are so many.
fn spans(collector: &Collector, trace: &str, count: usize) -> Vec<Span> {
    eventually(PATIENCE, &format!("{count} spans of {trace}"), || {
        let all = collector.spans();
        let ours: Vec<Span> = all
            .into_iter()
            .filter(|span| hex(&span.trace_id) == trace)
            .collect();
        if ours.len() >= count {
            Ok(ours)
        } else {
            Err(format!("{ours:?}"))
        }
    })
}

fn of_kind(spans: &[Span], kind: SpanKind) -> &Span {
    spans
        .iter()
        .find(|span| span.kind() == kind)
        .expect("a span of that kind")
}

fn told(seen: &Value, header: &str) -> String {
    echoed(seen, header)
        .first()
        .cloned()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn a_trace_goes_on_through_the_gateway_to_the_peer() {
    let (origin, collector) = (Origin::start("origin"), Collector::start());
    let node = traced(&collector, "0");
    node.admin().publish("p", origin.address(), "/p");
    let asked = Request::get("/p?apikey=hidden").header("traceparent", &format!("00-{TRACE}-{SPAN}-01"));
    let seen = node.proxy(&asked).expecting(200).json();
    let spans = spans(&collector, TRACE, 2);
    let (server, client) = (
        of_kind(&spans, SpanKind::Server),
        of_kind(&spans, SpanKind::Client),
    );
    assert_eq!(hex(&server.parent_span_id), SPAN);
    assert_eq!(client.parent_span_id, server.span_id);
    assert_eq!(
        told(&seen, "traceparent"),
        format!("00-{TRACE}-{}-01", hex(&client.span_id))
    );
    assert_eq!(server.name, "GET p");
    assert_eq!(fact(server, "url.path").as_deref(), Some("/p"));
    assert_eq!(fact(server, "http.response.status_code").as_deref(), Some("200"));
    assert_eq!(
        fact(client, "server.port"),
        Some(origin.address().port().to_string())
    );
    assert_eq!(client.name, "kong.balancer");
    assert_eq!(fact(client, "http.response.status_code").as_deref(), Some("200"));
    assert_eq!(fact(client, "http.request.resend_count"), None);
    assert!(server.start_time_unix_nano <= client.start_time_unix_nano + 1_000_000);
    assert!(client.end_time_unix_nano >= client.start_time_unix_nano);
    assert!(server.end_time_unix_nano >= server.start_time_unix_nano);
    assert!(!format!("{spans:?}").contains("hidden"));
}

#[test]
fn each_try_is_a_span_and_a_log_names_the_trace() {
    let collector = Collector::start();
    let node = traced(&collector, "1");
    let admin = node.admin();
    let path = node.data_dir().join("record.json");
    admin
        .post("/plugins", &json!({"name": "file-log", "config": {"path": path}}))
        .expecting(201);
    let nobody = ports::free().port();
    admin
        .post(
            "/services",
            &json!({"name": "s", "host": "127.0.0.1", "port": nobody, "retries": 1}),
        )
        .expecting(201);
    admin
        .post("/services/s/routes?wait=all", &json!({"paths": ["/p"]}))
        .expecting(201);
    let asked = Request::get("/p").header("traceparent", &format!("00-{TRACE}-{SPAN}-01"));
    node.proxy(&asked).expecting(502);
    let spans = spans(&collector, TRACE, 3);
    let server = of_kind(&spans, SpanKind::Server);
    let mut tries: Vec<&Span> = spans
        .iter()
        .filter(|span| span.kind() == SpanKind::Client)
        .collect();
    tries.sort_by_key(|span| span.start_time_unix_nano);
    assert_eq!(tries.len(), 2, "{tries:?}");
    for (tried, resent) in tries.iter().zip([None, Some("1")]) {
        assert_eq!(tried.parent_span_id, server.span_id);
        assert_eq!(fact(tried, "server.port"), Some(nobody.to_string()));
        assert_eq!(fact(tried, "http.request.resend_count").as_deref(), resent);
        assert_eq!(fact(tried, "http.response.status_code").as_deref(), Some("502"));
        assert_eq!(tried.status.as_ref().map(|status| status.code), Some(2));
    }
    let record: Value = eventually(PATIENCE, "a record", || {
        let text = fs::read_to_string(&path).unwrap_or_default();
        serde_json::from_str(&text).map_err(|_| text)
    });
    assert_eq!(record["trace_id"], json!({"w3c": TRACE}));
    for tried in record["tries"].as_array().expect("tries") {
        assert_eq!((&tried["state"], &tried["code"]), (&json!("failed"), &json!(502)));
    }
}

#[test]
fn a_trace_in_the_style_of_b3_goes_on_in_it_and_is_not_kept_when_its_header_says_so() {
    let (origin, collector) = (Origin::start("origin"), Collector::start());
    let node = traced(&collector, "1");
    node.admin().publish("p", origin.address(), "/p");
    let unkept = Request::get("/p").header("b3", &format!("{TRACE}-{SPAN}-0"));
    let seen = node.proxy(&unkept).expecting(200).json();
    let b3 = told(&seen, "b3");
    assert!(
        b3.starts_with(TRACE) && b3.ends_with("-0") && !b3.contains(SPAN),
        "{b3}"
    );
    let several = Request::get("/p")
        .header("X-B3-TraceId", &TRACE.replace('4', "5"))
        .header("X-B3-SpanId", SPAN)
        .header("X-B3-ParentSpanId", SPAN);
    let seen = node.proxy(&several).expecting(200).json();
    assert_eq!(told(&seen, "x-b3-sampled"), "1");
    assert_eq!(told(&seen, "x-b3-parentspanid"), "");
    spans(&collector, &TRACE.replace('4', "5"), 2);
    assert!(collector.spans().iter().all(|span| hex(&span.trace_id) != TRACE));
}

#[test]
fn a_trace_begins_where_none_came_and_the_access_log_names_it() {
    let (origin, collector) = (Origin::start("origin"), Collector::start());
    let endpoint = collector.endpoint();
    let node = Node::alone(&[
        ("tracing_instrumentations", "request"),
        ("tracing_sampling_rate", "1"),
        ("tracing_endpoint", &endpoint),
        ("proxy_access_log_format", "$trace_id"),
    ]);
    node.admin().publish("p", origin.address(), "/p");
    let seen = node.fetch("/p").expecting(200).json();
    let parent = told(&seen, "traceparent");
    let trace = parent.split('-').nth(1).expect("a trace").to_owned();
    let spans = spans(&collector, &trace, 1);
    assert!(spans[0].parent_span_id.is_empty());
    assert_eq!(parent, format!("00-{trace}-{}-01", hex(&spans[0].span_id)));
    eventually(PATIENCE, "the line", || match node.access_log().first() {
        Some(line) if *line == trace => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

#[test]
fn changes_through_the_admin_api_are_spans_and_reading_is_none() {
    let collector = Collector::start();
    let node = traced(&collector, "0");
    let admin = node.addresses().admin;
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let read = Request::get("/services").header("traceparent", &parent);
    wire::ask(admin, &read).expect("an answer").expecting(200);
    let change = Request::new("POST", "/consumers")
        .header("traceparent", &parent)
        .json(&json!({"username": "anna"}));
    wire::ask(admin, &change).expect("an answer").expecting(201);
    let spans = spans(&collector, TRACE, 1);
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].name, "admin POST");
    assert_eq!(
        fact(&spans[0], "http.response.status_code").as_deref(),
        Some("201")
    );
}

#[test]
fn without_tracing_headers_of_traces_pass_untouched() {
    let origin = Origin::start("origin");
    let node = Node::alone(&[]);
    node.admin().publish("p", origin.address(), "/p");
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let seen = node
        .proxy(&Request::get("/p").header("traceparent", &parent))
        .expecting(200)
        .json();
    assert_eq!(told(&seen, "traceparent"), parent);
}

#[test]
fn a_collector_that_is_away_costs_spans_and_no_requests() {
    let origin = Origin::start("origin");
    let node = Node::alone(&[
        ("tracing_instrumentations", "request"),
        ("tracing_sampling_rate", "1"),
        ("tracing_endpoint", "http://127.0.0.1:9/v1/traces"),
    ]);
    node.admin().publish("p", origin.address(), "/p");
    (0..20).for_each(|_| _ = node.fetch("/p").expecting(200));
    eventually(PATIENCE, "the loss is counted", || {
        let answer = wire::ask(node.addresses().status, &Request::get("/metrics")).expect("an answer");
        let text = answer.text();
        let lost = text
            .lines()
            .any(|line| line == "troop_spans_lost_total{reason=\"undelivered\"} 20");
        if lost { Ok(()) } else { Err(text) }
    });
}
