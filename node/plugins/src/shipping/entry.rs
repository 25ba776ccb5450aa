//! The record of one exchange as Kong writes it.
//!
//! Made while the exchange ends, from what is at hand. Route, service and consumer are in the archive; their ids go along, and
//! [`Entry::complete`] puts them in later.

use super::{custom::CustomFields, session};
use crate::form::query_object;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use troop_plugin_api::{Head, LogRecord, SessionRecord, Source, Try};
use uuid::Uuid;

/// What is never told, whoever asks. Kong: these two.
const SECRET: [&str; 2] = ["authorization", "proxy-authorization"];

/// Kong keeps everything in workspaces; here there is one.
pub(super) const WORKSPACE: Uuid = Uuid::nil();

/// A record on its way.
pub(super) struct Entry {
    document: Map<String, Value>,
    about: Vec<About>,
    custom: Arc<CustomFields>,
    bytes: usize,
}

/// What the archive has to add.
#[derive(Clone, Copy)]
pub(super) struct About {
    /// The member of the record.
    pub member: &'static str,
    pub schema: &'static str,
    pub id: Uuid,
}

impl Entry {
    /// The record of an exchange that is over.
    pub fn of(record: &LogRecord<'_>, custom: &Arc<CustomFields>) -> Entry {
        let about = [
            ("route", "routes", record.route.map(|route| route.id)),
            ("service", "services", record.service.map(|service| service.id)),
            (
                "consumer",
                "consumers",
                record.identity.map(|identity| identity.consumer.id),
            ),
        ];
        Entry {
            about: about_those(&about),
            custom: Arc::clone(custom),
            bytes: about_bytes(record),
            document: document(record),
        }
    }

    /// The record of a session that is over.
    pub fn of_session(record: &SessionRecord<'_>, custom: &Arc<CustomFields>) -> Entry {
        let about = [
            ("route", "routes", Some(record.route.id)),
            ("service", "services", record.service.map(|service| service.id)),
        ];
        Entry {
            about: about_those(&about),
            custom: Arc::clone(custom),
            bytes: session::ABOUT_BYTES,
            document: session::document(record),
        }
    }

    /// About as much room as it takes while it waits.
    pub fn about_bytes(&self) -> usize {
        self.bytes
    }

    /// What the archive has to add.
    pub fn about(&self) -> &[About] {
        &self.about
    }

    /// The finished document.
    pub fn complete(mut self, found: impl Fn(&About) -> Option<Value>) -> Bytes {
        for about in &self.about {
            let entity = found(about).unwrap_or_else(|| json!({ "id": about.id }));
            self.document.insert(about.member.to_owned(), entity);
        }
        self.custom.apply(&mut self.document);
        Value::Object(self.document).to_string().into()
    }
}

/// Member, schema and id of those that there are.
fn about_those(all: &[(&'static str, &'static str, Option<Uuid>)]) -> Vec<About> {
    let about = all.iter().filter_map(|(member, schema, id)| {
        Some(About {
            member,
            schema,
            id: (*id)?,
        })
    });
    about.collect()
}

/// An entity as records show it: without what is not set, with its workspace.
pub(super) fn shown(record: Map<String, Value>) -> Value {
    let mut shown: Map<String, Value> = record.into_iter().filter(|(_, value)| !value.is_null()).collect();
    shown.insert("ws_id".to_owned(), WORKSPACE.to_string().into());
    shown.into()
}

/// Heads make up most of a record.
fn about_bytes(record: &LogRecord<'_>) -> usize {
    const REST: usize = 1_024;
    let request = head_bytes(record.request) + record.request.target().len() * 2;
    REST + request + head_bytes(record.response)
}

fn head_bytes(head: &dyn Head) -> usize {
    let mut bytes = 0;
    // A field's line has a colon, a blank and a line's end.
    head.each(&mut |name, value| bytes += name.len() + value.len() + 4);
    bytes
}

fn document(record: &LogRecord<'_>) -> Map<String, Value> {
    let statuses = record.tries.iter().filter_map(|tried| tried.status);
    let statuses: Vec<String> = statuses.map(|status| status.to_string()).collect();
    let mut document = Map::new();
    let mut put = |name: &str, value: Value| _ = document.insert(name.to_owned(), value);
    put("request", request(record));
    put(
        "response",
        json!({
            "status": record.status,
            "headers": response_headers(record.response),
            "size": record.response_body_bytes + head_bytes(record.response) as u64,
        }),
    );
    put("upstream_status", statuses.join(", ").into());
    if let Some(target) = record.peer_target {
        put("upstream_uri", target.into());
    }
    put(
        "latencies",
        json!({
            "request": record.timing.request_ms,
            "kong": record.timing.gateway_ms,
            // Kong: nobody was asked.
            "proxy": record.timing.peer_ms.map_or(-1, i64::from),
            "receive": record.timing.receive_ms,
        }),
    );
    put("tries", record.tries.iter().map(tried).collect());
    put("client_ip", record.client.to_string().into());
    put("started_at", record.started_at_ms.into());
    let source = match record.source {
        Source::Peer => "upstream",
        Source::Gateway => "kong",
    };
    put("source", source.into());
    put("workspace", WORKSPACE.to_string().into());
    put("workspace_name", "default".into());
    if let Some(journey) = record.journey {
        // Kong: under the name of the way in which it is written.
        put(
            "trace_id",
            json!({ journey.style().as_str(): journey.trace_text() }),
        );
    }
    if let Some(credential) = record.identity.and_then(|identity| identity.credential.as_ref()) {
        put("authenticated_entity", json!({ "id": credential.id }));
    }
    for (name, value) in record.shared.log_fields() {
        put(name, value.as_str().into());
    }
    document
}

fn request(record: &LogRecord<'_>) -> Value {
    let (head, target) = (record.request, record.request.target());
    let host = head
        .first("host")
        .map(String::from_utf8_lossy)
        .unwrap_or_default();
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name.to_ascii_lowercase(),
        _ => host.to_ascii_lowercase(),
    };
    let query = target.split_once('?').map_or("", |(_, query)| query);
    // Method, target and version make up the first line.
    let first_line = head.method().len() + target.len() + "  HTTP/1.1\r\n\r\n".len();
    json!({
        "id": record.request_id,
        "uri": target,
        "url": format!("{}://{host}:{}{target}", record.scheme.as_str(), record.port),
        "querystring": query_object(query),
        "method": head.method(),
        "headers": headers(head),
        "size": record.request_body_bytes + (head_bytes(head) + first_line) as u64,
    })
}

fn headers(head: &dyn Head) -> Map<String, Value> {
    let mut object: Map<String, Value> = Map::new();
    head.each(&mut |name, value| {
        let text = if SECRET.contains(&name) {
            Value::from("REDACTED")
        } else {
            String::from_utf8_lossy(value).into()
        };
        match object.get_mut(name) {
            None => _ = object.insert(name.to_owned(), text),
            Some(Value::Array(list)) => list.push(text),
            Some(single) => *single = Value::Array(vec![single.take(), text]),
        }
    });
    object
}

/// Kong: when a record is made, nginx is done with the connection and says so, whatever was sent.
fn response_headers(head: &dyn Head) -> Map<String, Value> {
    let mut headers = headers(head);
    if let Some(connection) = headers.get_mut("connection") {
        *connection = "close".into();
    }
    headers
}

/// Kong: when the balancer chose, in two units; how long that took is not measured here. Of a try that gave nothing also what it is taken for.
pub(super) fn tried(tried: &Try) -> Value {
    let mut told = json!({
        "ip": tried.peer.ip().to_string(),
        "port": tried.peer.port(),
        "balancer_start": tried.picked_at_us / 1_000,
        "balancer_start_ns": tried.picked_at_us.saturating_mul(1_000),
        "balancer_latency": 0,
        "balancer_latency_ns": 0,
    });
    if let Some(code) = tried.failed_as {
        told["state"] = "failed".into();
        told["code"] = code.into();
    }
    told
}
