//! One address we may forward to.
//!
//! A target is a name on a sign, a peer is a door: a name that resolves to three addresses is one
//! target and three peers, each with the target's weight.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::target::Target;

/// An address with its share of the requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The target this address was found for.
    pub target: Arc<Target>,
    /// Where to connect.
    pub address: SocketAddr,
    /// The share, relative to the other peers; 0 is never picked.
    pub weight: u32,
    /// A name of its own, where its target's is that of a whole group (an `SRV` record names hosts).
    pub alias: Option<Arc<str>>,
}

/// Names a peer of one rota by its number. A rota of other peers hands out new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub(crate) usize);

impl Peer {
    /// The Host header that names this peer: its own name or its target's, when it has one.
    ///
    /// Kong: a target that is an address has no name of its own, the address is sent.
    pub fn host_name(&self) -> Option<&str> {
        match &self.alias {
            Some(alias) => Some(alias),
            None => self.target.ip().is_none().then(|| self.target.host()),
        }
    }
}
