//! What is still known of an exchange when it ends: for the log phase and the access log.
//!
//! Only made when somebody will read it.

use crate::{
    access_log::RequestPen,
    chain::Chain,
    client::Client,
    plan::compile::Route,
    request_id::RequestId,
    spans::Traced,
    view::{KeptHead, RequestView},
};
use http::{Version, header, request};
use std::{rc::Rc, sync::Arc, time::Instant};
use troop_plugin_api::{Identity, LogRecord, Matched, Phases, Scheme, Shared, Source, Timing, Try};
use troop_stdx::Remote;
use troop_telemetry::AccessLine;
use uuid::Uuid;

/// The facts.
pub(crate) struct Tail {
    pub id: RequestId,
    pub request: request::Parts,
    pub started: Instant,
    pub started_at_ms: u64,
    pub head_at: Instant,
    pub status: u16,
    pub source: Source,
    pub gateway_ms: u32,
    pub peer_ms: Option<u32>,
    pub client: Remote,
    pub route: Option<Owned>,
    pub service: Option<Owned>,
    pub identity: Option<Identity>,
    pub tries: Vec<Try>,
    pub request_body_bytes: u64,
    /// Whether the access log tells of it.
    pub has_line: bool,
    /// The trace it belongs to.
    pub traced: Option<Box<Traced>>,
    pub chain: Rc<Chain>,
    pub scheme: Scheme,
    pub port: u16,
    /// For handlers that log; none if there are none.
    pub listeners: Option<Listeners>,
}

/// What only handlers that log read.
pub(crate) struct Listeners {
    pub shared: Shared,
    pub response: KeptHead,
    pub peer_target: Option<String>,
}

/// An entity's id and name, held beyond its plan.
pub(crate) struct Owned {
    pub id: Uuid,
    pub name: Option<Arc<str>>,
}

impl Owned {
    /// A route and its service.
    pub fn of(route: &Route) -> (Owned, Option<Owned>) {
        let facts = Owned {
            id: route.facts.id,
            name: route.facts.name.clone(),
        };
        let service = route.service.as_ref().map(|service| Owned {
            id: service.id,
            name: service.name.clone(),
        });
        (facts, service)
    }

    /// Its name, or its id.
    pub fn called(&self) -> String {
        self.name
            .as_deref()
            .map_or_else(|| self.id.to_string(), str::to_owned)
    }

    fn matched(&self) -> Matched<'_> {
        Matched {
            id: self.id,
            name: self.name.as_deref(),
        }
    }
}

impl Tail {
    /// The end.
    pub fn finish(self, client: &Client, sent: u64) {
        if let Some(pen) = client.worker.pens.requests.as_ref().filter(|_| self.has_line) {
            self.write_line(pen, sent);
        }
        if let Some(listeners) = &self.listeners {
            self.tell(listeners, sent);
        }
        if let (Some(traced), Some(tracing)) = (&self.traced, &client.worker.options.tracing) {
            traced.end(tracing, &self, client);
        }
    }

    fn write_line(&self, pen: &RequestPen, sent: u64) {
        let headers = &self.request.headers;
        let username = self.identity.as_ref().and_then(|i| i.consumer.username.as_ref());
        let last = self.tries.last();
        let peer = last.map(|t| t.peer.to_string());
        let route = self.route.as_ref().map(Owned::called);
        let service = self.service.as_ref().map(Owned::called);
        let trace = self.traced.as_ref().map(|traced| traced.journey.trace_text());
        pen.write(&AccessLine {
            remote: self.client,
            user: username.and_then(|name| name.to_str().ok()),
            at_ms: self.started_at_ms,
            method: self.request.method.as_str(),
            target: self
                .request
                .uri
                .path_and_query()
                .map_or("", |p| p.as_str())
                .as_bytes(),
            hidden: &self.chain.secrets(),
            version: version(self.request.version),
            scheme: self.scheme.as_str(),
            host: match self.request.uri.authority() {
                Some(authority) => authority.as_str().as_bytes(),
                None => headers.get(header::HOST).map_or(b"", http::HeaderValue::as_bytes),
            },
            port: self.port,
            header: &|name| headers.get(name).map(http::HeaderValue::as_bytes),
            status: self.status,
            body_bytes: sent,
            request_body_bytes: self.request_body_bytes,
            request_id: self.id.as_str(),
            request_ms: millis(self.started),
            upstream_ms: self.peer_ms,
            proxy_ms: Some(self.gateway_ms),
            peer: peer.as_deref(),
            peer_status: last.and_then(|t| t.status),
            route: route.as_deref(),
            service: service.as_deref(),
            trace_id: trace.as_deref(),
        });
    }

    fn tell(&self, listeners: &Listeners, sent: u64) {
        let record = LogRecord {
            request_id: self.id.as_str(),
            request: &RequestView(&self.request),
            scheme: self.scheme,
            port: self.port,
            peer_target: listeners.peer_target.as_deref(),
            request_body_bytes: self.request_body_bytes,
            status: self.status,
            response: &listeners.response,
            response_body_bytes: sent,
            source: self.source,
            tries: &self.tries,
            timing: Timing {
                request_ms: millis(self.started),
                gateway_ms: self.gateway_ms,
                peer_ms: self.peer_ms,
                receive_ms: millis(self.head_at),
            },
            client: self.client,
            started_at_ms: self.started_at_ms,
            route: self.route.as_ref().map(Owned::matched),
            service: self.service.as_ref().map(Owned::matched),
            identity: self.identity.as_ref(),
            journey: self.traced.as_ref().map(|traced| &traced.journey),
            shared: &listeners.shared,
        };
        for link in self.chain.of(Phases::LOG) {
            link.handler.log(&record);
        }
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}

/// Milliseconds since then.
pub(crate) fn millis(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX)
}
