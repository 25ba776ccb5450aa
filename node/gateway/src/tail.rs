//! What is still known of an exchange when it ends: for the log phase and the access log.
//!
//! Only made when somebody will read it.

use crate::{
    chain::Chain,
    client::Client,
    plan::compile::Route,
    request_id::RequestId,
    view::{KeptHead, RequestView},
};
use http::{Version, header, request};
use std::{net::IpAddr, rc::Rc, sync::Arc, time::Instant};
use troop_plugin_api::{Identity, LogRecord, Matched, Phases, Scheme, Shared, Source, Timing, Try};
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
    pub client: IpAddr,
    pub route: Option<Owned>,
    pub service: Option<Owned>,
    pub identity: Option<Identity>,
    pub tries: Vec<Try>,
    pub request_body_bytes: u64,
    /// For handlers that log; none if there are none.
    pub listeners: Option<Listeners>,
}

/// Handlers that log, and what only they read.
pub(crate) struct Listeners {
    pub chain: Rc<Chain>,
    pub shared: Shared,
    pub response: KeptHead,
    pub scheme: Scheme,
    pub port: u16,
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
        if let Some(pouch) = &client.worker.access_log {
            pouch.add(&self.line(sent, &self.peer_text()));
        }
        if let Some(listeners) = &self.listeners {
            self.tell(listeners, sent);
        }
    }

    fn peer_text(&self) -> String {
        self.tries.last().map(|t| t.peer.to_string()).unwrap_or_default()
    }

    fn line<'a>(&'a self, sent: u64, peer: &'a str) -> AccessLine<'a> {
        let field = |name| self.request.headers.get(name).map(http::HeaderValue::as_bytes);
        let username = self.identity.as_ref().and_then(|i| i.consumer.username.as_ref());
        AccessLine {
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
            version: if self.request.version == Version::HTTP_10 {
                "HTTP/1.0"
            } else {
                "HTTP/1.1"
            },
            status: self.status,
            body_bytes: sent,
            referer: field(header::REFERER),
            agent: field(header::USER_AGENT),
            request_id: self.id.as_str(),
            request_ms: millis(self.started),
            upstream_ms: self.peer_ms,
            proxy_ms: Some(self.gateway_ms),
            peer: Some(peer).filter(|p| !p.is_empty()),
        }
    }

    fn tell(&self, listeners: &Listeners, sent: u64) {
        let record = LogRecord {
            request_id: self.id.as_str(),
            request: &RequestView(&self.request),
            scheme: listeners.scheme,
            port: listeners.port,
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
            shared: &listeners.shared,
        };
        for link in listeners.chain.of(Phases::LOG) {
            link.handler.log(&record);
        }
    }
}

/// Milliseconds since then.
pub(crate) fn millis(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX)
}
