//! One request with its response, as the handlers see it.

use crate::{identity::Identity, lookup::Lookup, request::Request, shared::Shared};
use http::Version;
use std::net::SocketAddr;
use troop_stdx::Remote;
use uuid::Uuid;

/// What connection the request came in on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The client's address; behind a trusted proxy the one it told.
    pub address: Remote,
    /// The listening address that took the connection; none of a unix socket.
    pub listener: Option<SocketAddr>,
    /// Number of the connection since the node started.
    pub connection: u64,
    /// Number of this request on the connection, from one.
    pub request: u64,
}

/// An entity that the router chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matched<'a> {
    /// Its id.
    pub id: Uuid,
    /// Its name, if it has one.
    pub name: Option<&'a str>,
}

/// Plain or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    /// As written in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// The node that serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// The machine's name.
    pub hostname: String,
}

/// A group of the route's regular expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UriCapture {
    /// Its position.
    pub index: usize,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// What it matched.
    pub value: String,
}

/// What does not change while handlers have their turns.
pub struct Facts<'a> {
    /// 32 hexadecimal digits.
    pub request_id: &'a str,
    /// The connection.
    pub client: Client,
    /// Plain or TLS, as forwarded by a trusted proxy.
    pub scheme: Scheme,
    /// The version of HTTP the client speaks.
    pub version: Version,
    /// The host asked for, lower-case, without a port.
    pub host: &'a str,
    /// The port asked at; 0 of a unix socket.
    pub port: u16,
    /// Microseconds since 1970 when the head of the request was complete.
    pub started_at_us: u64,
    /// The route; none in `rewrite` and when none matched.
    pub route: Option<Matched<'a>>,
    /// The route's service; none for a route without one.
    pub service: Option<Matched<'a>>,
    /// Groups of the route's regular expression. Computed when called.
    pub captures: &'a dyn Fn() -> Vec<UriCapture>,
    /// The node that serves.
    pub node: &'a Node,
}

/// One request with its response.
pub struct Exchange<'a> {
    /// The request, with the wishes made so far.
    pub request: Request<'a>,
    /// What does not change.
    pub facts: Facts<'a>,
    /// Values for later phases.
    pub shared: Shared,
    lookup: &'a dyn Lookup,
    identity: Option<Identity>,
}

impl<'a> Exchange<'a> {
    /// Nobody is authenticated yet.
    pub fn new(request: Request<'a>, facts: Facts<'a>, lookup: &'a dyn Lookup) -> Self {
        Exchange {
            request,
            facts,
            shared: Shared::default(),
            lookup,
            identity: None,
        }
    }

    /// Where to look up consumers and credentials.
    pub fn lookup(&self) -> &'a dyn Lookup {
        self.lookup
    }

    /// Says who the client is. Plugins whose turn comes later get the configuration for that consumer.
    pub fn authenticate(&mut self, identity: Identity) {
        self.identity = Some(identity);
    }

    /// Who the client is, if an authentication plugin said so.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// What is left of it when the request leaves for the peer.
    pub fn into_parts(self) -> (Request<'a>, Shared, Option<Identity>) {
        (self.request, self.shared, self.identity)
    }
}
