//! What is known of an exchange when it is over.

use crate::{
    exchange::{Matched, Scheme},
    head::Head,
    identity::Identity,
    shared::Shared,
};
use std::net::SocketAddr;
use troop_stdx::Remote;
use troop_telemetry::trace::Journey;

/// Who made the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The peer.
    Peer,
    /// The gateway or one of its plugins.
    Gateway,
}

/// One attempt to reach a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Try {
    /// Whom.
    pub peer: SocketAddr,
    /// The status it answered with; none when it did not.
    pub status: Option<u16>,
    /// What it is taken for when it gave nothing. Kong: 504 when it took too long, else 502.
    pub failed_as: Option<u16>,
    /// Microseconds since 1970 when it was picked.
    pub picked_at_us: u64,
    /// Microseconds until it answered, or was given up.
    pub took_us: u64,
}

/// Where the time went, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// From the head of the request to the end of the response.
    pub request_ms: u32,
    /// Spent in the gateway before the peer was reached, or until the gateway's own answer.
    pub gateway_ms: u32,
    /// From the request leaving to the head of the response; none when no peer was reached.
    pub peer_ms: Option<u32>,
    /// From the head to the end of the response.
    pub receive_ms: u32,
}

/// Everything the handlers of `log` get.
pub struct LogRecord<'a> {
    /// The request id.
    pub request_id: &'a str,
    /// The request's head as it arrived.
    pub request: &'a dyn Head,
    /// Plain or TLS, as forwarded by a trusted proxy.
    pub scheme: Scheme,
    /// The port asked at; 0 of a unix socket.
    pub port: u16,
    /// Path and query that the peer was asked for; none when no peer was asked.
    pub peer_target: Option<&'a str>,
    /// Bytes of the request's body.
    pub request_body_bytes: u64,
    /// The response's status.
    pub status: u16,
    /// The response's head as it left.
    pub response: &'a dyn Head,
    /// Bytes of the response's body.
    pub response_body_bytes: u64,
    /// Who made the response.
    pub source: Source,
    /// Attempts, in order.
    pub tries: &'a [Try],
    /// Where the time went.
    pub timing: Timing,
    /// The client's address.
    pub client: Remote,
    /// Milliseconds since 1970 when the head of the request was complete.
    pub started_at_ms: u64,
    /// The route.
    pub route: Option<Matched<'a>>,
    /// The service.
    pub service: Option<Matched<'a>>,
    /// Who the client was.
    pub identity: Option<&'a Identity>,
    /// The trace it belongs to; none while nobody traces.
    pub journey: Option<&'a Journey>,
    /// What handlers left.
    pub shared: &'a Shared,
}
