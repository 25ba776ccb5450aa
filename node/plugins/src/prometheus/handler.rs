//! Counting an exchange or a session that is over, as far as the instance is told to.

use super::board::{Board, Span};
use crate::config::Config;
use std::{borrow::Cow, sync::Arc};
use troop_plugin_api::{Handler, Head, LogRecord, Matched, Misconfigured, Phases, SessionRecord, Source};
use troop_schema::Record;

/// One configured instance.
pub(super) struct Counter {
    board: Arc<Board>,
    per_consumer: bool,
    statuses: bool,
    latencies: bool,
    bandwidth: bool,
}

impl Counter {
    /// Parses a configuration.
    pub fn configure(config: &Record, board: Arc<Board>) -> Result<Self, Misconfigured> {
        let config = Config(config);
        let switch = |name| config.flag(name).unwrap_or(false);
        Ok(Counter {
            board,
            per_consumer: switch("per_consumer"),
            statuses: switch("status_code_metrics"),
            latencies: switch("latency_metrics"),
            bandwidth: switch("bandwidth_metrics"),
        })
    }
}

fn called<'a>(entity: &Matched<'a>) -> Cow<'a, str> {
    match entity.name {
        Some(name) => name.into(),
        None => entity.id.to_string().into(),
    }
}

fn head_bytes(head: &dyn Head) -> u64 {
    let mut bytes = 0;
    // A field's line has a colon, a blank and a line's end.
    head.each(&mut |name, value| bytes += name.len() + value.len() + 4);
    bytes as u64
}

impl Handler for Counter {
    fn phases(&self) -> Phases {
        Phases::LOG | Phases::SESSION_LOG
    }

    fn log(&self, record: &LogRecord<'_>) {
        // Kong: what no route matched is not counted.
        let Some(route) = record.route.as_ref().map(called) else {
            return;
        };
        let service = record.service.as_ref().map(called).unwrap_or_default();
        let username = record
            .identity
            .and_then(|identity| identity.consumer.username.as_ref());
        let consumer = username
            .filter(|_| self.per_consumer)
            .and_then(|name| name.to_str().ok());
        let consumer = consumer.unwrap_or_default();
        let board = &self.board;
        if self.statuses {
            let source = match record.source {
                Source::Peer => "service",
                Source::Gateway => "kong",
            };
            let code = record.status.to_string();
            board.count_request([&service, &route, &code, source, consumer]);
        }
        if self.bandwidth {
            let ingress = record.request_body_bytes + head_bytes(record.request);
            let egress = record.response_body_bytes + head_bytes(record.response);
            board.count_bytes([&service, &route, "ingress", consumer], ingress);
            board.count_bytes([&service, &route, "egress", consumer], egress);
        }
        if self.latencies {
            let timing = record.timing;
            board.count_latency(Span::Gateway, [&service, &route], timing.gateway_ms.into());
            board.count_latency(Span::Request, [&service, &route], timing.request_ms.into());
            if let Some(ms) = timing.peer_ms {
                board.count_latency(Span::Peer, [&service, &route], ms.into());
            }
        }
    }

    fn session_log(&self, record: &SessionRecord<'_>) {
        let route = called(&record.route);
        let service = record.service.as_ref().map(called).unwrap_or_default();
        let board = &self.board;
        if self.statuses {
            let source = if record.was_put_through() {
                "service"
            } else {
                "kong"
            };
            let code = record.status.to_string();
            board.count_session([&service, &route, &code, source]);
        }
        if self.bandwidth {
            board.count_session_bytes([&service, &route, "ingress"], record.received_bytes);
            board.count_session_bytes([&service, &route, "egress"], record.sent_bytes);
        }
        if self.latencies {
            let labels = [&*service, &*route];
            board.count_latency(Span::Gateway, labels, record.gateway_ms.into());
            board.count_latency(Span::Session, labels, record.session_ms.into());
        }
    }
}

#[cfg(test)]
mod tests;
