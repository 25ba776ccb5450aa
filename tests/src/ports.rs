//! Ports for nodes, chosen up front.
//!
//! A node that restarts must come back under the addresses its neighbours know, so port 0 is of no use. The usual trick (bind port
//! 0, note the number, let go) draws from the range in which the kernel also gives ports to outgoing connections, and a
//! node that is down for a moment finds its port taken by a stranger's socket. These lie below that range.

use std::{
    net::{SocketAddr, TcpListener},
    process,
    sync::atomic::{AtomicU16, Ordering},
};

/// First port given out; Linux starts its own range at 32768.
const FIRST: u16 = 10_000;
/// How many are gone through before it starts over.
const COUNT: u16 = 22_000;
/// Test binaries that run at the same time start this far apart.
const STRIDE: u32 = 400;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// An address on loopback where nobody listens.
///
/// # Panics
/// When every port is taken.
pub fn free() -> SocketAddr {
    let start = (process::id() * STRIDE % u32::from(COUNT)) as u16;
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = (u32::from(start) + u32::from(step)) % u32::from(COUNT);
        let address = SocketAddr::from(([127, 0, 0, 1], FIRST + offset as u16));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no free port from {FIRST} to {}", FIRST + COUNT);
}

/// The four addresses of a node.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// Where clients connect.
    pub proxy: SocketAddr,
    /// The Admin API.
    pub admin: SocketAddr,
    /// The status API.
    pub status: SocketAddr,
    /// Where other nodes connect.
    pub peer: SocketAddr,
}

impl Addresses {
    /// Four that are free.
    pub fn free() -> Self {
        Addresses {
            proxy: free(),
            admin: free(),
            status: free(),
            peer: free(),
        }
    }
}
