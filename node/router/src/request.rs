//! What the router reads of a request.
//!
//! The router borrows everything and asks for headers through a trait, so that it knows nothing
//! of the HTTP library above it: a test answers from an array, the gateway from whatever its
//! parser left in memory.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The head of one request, as far as routes can depend on it.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a, H: ?Sized> {
    /// The method, in upper case as the client sent it.
    pub method: &'a str,
    /// The Host header verbatim, with its port if the client sent one; empty when there is none.
    pub host: &'a str,
    /// The port the client connected to; counts when `host` names none.
    pub port: u16,
    /// The path as [`normalize_path`](crate::normalize_path) returned it.
    pub path: &'a str,
    /// What stands behind the question mark, as sent; empty when there is none.
    pub query: &'a str,
    /// The other headers.
    pub headers: &'a H,
    /// Whether the client came over TLS.
    pub tls: Tls<'a>,
    /// The client's address, behind a trusted proxy the one that proxy told, with the port it connected from.
    pub source: SocketAddr,
    /// The address the client connected to.
    pub destination: SocketAddr,
}

/// For questions that nobody sends: no address, no port.
pub const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// How the client connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls<'a> {
    /// Plain text. Kong: a route's `snis` are then not looked at.
    Plain,
    /// TLS, with the server name of the client's hello.
    Https {
        /// The name, when the client sent one.
        sni: Option<&'a str>,
    },
}

/// Access to the values of a header.
pub trait Headers {
    /// Whether `test` accepts any value of the header `name`; stops at the first accepted one.
    ///
    /// `name` is in lower case with `-` between words. Kong: `x_case` on the wire is the same
    /// header as `x-case`, so an implementation that lets underscores in treats them as `-`.
    fn any(&self, name: &str, test: &mut dyn FnMut(&[u8]) -> bool) -> bool;
}

/// A request without headers.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHeaders;

impl Headers for NoHeaders {
    fn any(&self, _name: &str, _test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        false
    }
}

/// Name and value pairs in any order, names already in lower case.
impl Headers for [(&str, &str)] {
    fn any(&self, name: &str, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.iter()
            .any(|(key, value)| *key == name && test(value.as_bytes()))
    }
}
