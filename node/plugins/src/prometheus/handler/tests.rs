//! What a session leaves on the board.

use super::*;
use serde_json::json;
use troop_telemetry::Exposition;
use uuid::Uuid;

fn session(status: u16) -> SessionRecord<'static> {
    let entity = |id, name| Matched {
        id: Uuid::from_u128(id),
        name: Some(name),
    };
    SessionRecord {
        client: troop_plugin_api::Remote::Ip([9, 9, 9, 9].into()),
        port: 9_000,
        sni: None,
        status,
        received_bytes: 3,
        sent_bytes: 4,
        gateway_ms: 1,
        session_ms: 70,
        started_at_ms: 6,
        tries: &[],
        route: entity(1, "r"),
        service: Some(entity(2, "s")),
    }
}

/// What an instance with these switches makes of two sessions, of which one was not put through.
fn counted(switches: &[&str]) -> String {
    let config = switches.iter().map(|name| ((*name).to_owned(), json!(true)));
    let board = Arc::new(Board::default());
    let counter = Counter::configure(&config.collect(), Arc::clone(&board)).expect("a counter");
    counter.session_log(&session(200));
    counter.session_log(&session(502));
    let mut out = Exposition::default();
    board.report(&mut out);
    out.finish()
}

#[track_caller]
fn check(switch: &str, lines: &[&str]) {
    let text = counted(&[switch]);
    for line in lines {
        assert!(text.contains(&format!("{line}\n")), "{line} in {text}");
    }
    let rows = text.lines().filter(|line| line.contains("service=\"s\""));
    assert!(rows.count() >= lines.len());
}

#[test]
fn a_session_is_counted_under_kongs_names_as_far_as_the_switches_say() {
    check(
        "status_code_metrics",
        &[
            "kong_stream_sessions_total{service=\"s\",route=\"r\",code=\"200\",source=\"service\",workspace=\"default\"} 1",
            "kong_stream_sessions_total{service=\"s\",route=\"r\",code=\"502\",source=\"kong\",workspace=\"default\"} 1",
        ],
    );
    check(
        "bandwidth_metrics",
        &[
            "kong_bandwidth_bytes{service=\"s\",route=\"r\",direction=\"ingress\",workspace=\"default\"} 6",
            "kong_bandwidth_bytes{service=\"s\",route=\"r\",direction=\"egress\",workspace=\"default\"} 8",
        ],
    );
    check(
        "latency_metrics",
        &[
            "kong_session_duration_ms_bucket{service=\"s\",route=\"r\",workspace=\"default\",le=\"80\"} 2",
            "kong_session_duration_ms_sum{service=\"s\",route=\"r\",workspace=\"default\"} 140",
            "kong_kong_latency_ms_count{service=\"s\",route=\"r\",workspace=\"default\"} 2",
        ],
    );
    assert!(
        !counted(&[]).contains("service="),
        "nothing is counted that nobody wants"
    );
}
