//! A connection or a run of datagrams that the gateway passes on without understanding it.
//!
//! A parcel instead of a letter: there is an address on it and nothing to read. Handlers may look at the address before it is sent on, and hear
//! afterwards how much it weighed.

use crate::{
    exchange::{Client, Matched},
    log::Try,
};
use troop_stdx::Remote;

/// A session before a peer is picked.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    /// Who calls.
    pub client: Client,
    /// The name in its TLS.
    pub sni: Option<&'a str>,
    /// The route.
    pub route: Matched<'a>,
    /// Its service; none for a route without one.
    pub service: Option<Matched<'a>>,
}

/// What is known of a session when it is over.
#[derive(Clone, Copy, Debug)]
pub struct SessionRecord<'a> {
    /// The client's address.
    pub client: Remote,
    /// The port it called at; 0 of a unix socket.
    pub port: u16,
    /// The name in its TLS.
    pub sni: Option<&'a str>,
    /// How it ended, as a status of HTTP. Kong: 200, or what a handler or the lack of a peer made of it.
    pub status: u16,
    /// Bytes from the client.
    pub received_bytes: u64,
    /// Bytes to the client.
    pub sent_bytes: u64,
    /// Milliseconds until a peer was connected, or until the end where none was.
    pub gateway_ms: u32,
    /// Milliseconds from its first byte to its end.
    pub session_ms: u32,
    /// Milliseconds since 1970 when it began.
    pub started_at_ms: u64,
    /// Peers that were tried, in order.
    pub tries: &'a [Try],
    /// The route.
    pub route: Matched<'a>,
    /// The service.
    pub service: Option<Matched<'a>>,
}

impl SessionRecord<'_> {
    /// Whether a peer took it. Kong: that is what 200 says.
    pub fn was_put_through(&self) -> bool {
        self.status == 200
    }
}
