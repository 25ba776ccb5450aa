//! The record of one session of bytes or datagrams as Kong writes it.
//!
//! A phone bill instead of a letter: who called, with whom it was connected, for how long, and how much was said.

use super::entry::{WORKSPACE, tried};
use serde_json::{Map, Value, json};
use troop_plugin_api::SessionRecord;

/// What a session's record takes while it waits: it has no heads, so it is always about as large.
pub(super) const ABOUT_BYTES: usize = 1_024;

/// The record, without what the archive adds.
pub(super) fn document(record: &SessionRecord<'_>) -> Map<String, Value> {
    let mut session = json!({
        "received": record.received_bytes,
        "sent": record.sent_bytes,
        "status": record.status,
        "server_port": record.port,
    });
    if let Some(sni) = record.sni {
        session["tls"] = json!({ "sni": sni });
    }
    let document = json!({
        "session": session,
        // What came from the client went to the peer, and the other way round.
        "upstream": { "received": record.sent_bytes, "sent": record.received_bytes },
        "latencies": { "kong": record.gateway_ms, "session": record.session_ms },
        "tries": record.tries.iter().map(tried).collect::<Vec<_>>(),
        "client_ip": record.client.to_string(),
        "started_at": record.started_at_ms,
        "workspace": WORKSPACE.to_string(),
        "workspace_name": "default",
    });
    match document {
        Value::Object(members) => members,
        _ => unreachable!("invariant: braces make an object"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use troop_plugin_api::{Matched, Remote, Try};
    use uuid::Uuid;

    #[test]
    fn a_session_is_told_with_what_passed_and_whom_it_reached() {
        let tried = |last: u8, failed_as| Try {
            peer: ([10, 0, 0, last], 5432).into(),
            status: None,
            failed_as,
            picked_at_us: 7_008,
            took_us: 1,
        };
        let tries = [tried(1, Some(502)), tried(2, None)];
        let record = SessionRecord {
            client: Remote::Ip([9, 9, 9, 9].into()),
            port: 9000,
            sni: Some("a.test"),
            status: 200,
            received_bytes: 3,
            sent_bytes: 4,
            gateway_ms: 1,
            session_ms: 20,
            started_at_ms: 6,
            tries: &tries,
            route: Matched {
                id: Uuid::from_u128(1),
                name: None,
            },
            service: None,
        };
        let told = Value::Object(document(&record));
        assert_eq!(
            told["session"],
            json!({"received": 3, "sent": 4, "status": 200, "server_port": 9000, "tls": {"sni": "a.test"}})
        );
        assert_eq!(told["upstream"], json!({"received": 4, "sent": 3}));
        assert_eq!(told["latencies"], json!({"kong": 1, "session": 20}));
        let balancer = json!({"ip": "10.0.0.2", "port": 5432, "balancer_start": 7, "balancer_start_ns": 7_008_000,
            "balancer_latency": 0, "balancer_latency_ns": 0});
        assert_eq!(told["tries"][1], balancer);
        assert_eq!(told["tries"][0]["ip"], "10.0.0.1");
        assert_eq!(
            (&told["tries"][0]["state"], &told["tries"][0]["code"]),
            (&json!("failed"), &json!(502))
        );
        assert_eq!(
            (&told["client_ip"], &told["started_at"]),
            (&json!("9.9.9.9"), &json!(6))
        );
    }
}
