//! Listening addresses: bound before anything is touched, and what others are told to dial.

use anyhow::{Context, Result};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use troop_settings::{HostPort, Listen, Settings, StreamListen};

/// The listeners of the control side, bound.
pub struct Bound {
    /// For other nodes.
    pub peer: TcpListener,
    /// For the Admin API.
    pub admin: Vec<TcpListener>,
    /// For the status API.
    pub status: Vec<TcpListener>,
}

/// Binds everything but the proxy's listeners, and makes sure that those are free: a process that cannot have all its ports
/// must not have joined anything by then.
///
/// # Errors
/// Names the setting and the address.
pub fn bind(settings: &Settings) -> Result<Bound> {
    for listen in &settings.proxy_listen {
        // The workers share their ports (SO_REUSEPORT) and would share them with another process, too. This one does not.
        drop(bind_one("proxy_listen", listen.address)?);
    }
    for listen in &settings.stream_listen {
        match listen {
            StreamListen::Tcp(listen) => drop(bind_one("stream_listen", listen.address)?),
            StreamListen::Udp(address) => drop(taken("stream_listen", *address, UdpSocket::bind(address))?),
        }
    }
    Ok(Bound {
        peer: bind_one("peer_listen", settings.peer_listen)?,
        admin: bind_all("admin_listen", &settings.admin_listen)?,
        status: bind_all("status_listen", &settings.status_listen)?,
    })
}

fn bind_all(setting: &str, listens: &[Listen]) -> Result<Vec<TcpListener>> {
    listens
        .iter()
        .map(|listen| bind_one(setting, listen.address))
        .collect()
}

fn bind_one(setting: &str, address: SocketAddr) -> Result<TcpListener> {
    let bind = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok::<_, std::io::Error>(listener)
    };
    taken(setting, address, bind())
}

/// Says what to do about an address that somebody else has.
fn taken<S>(setting: &str, address: SocketAddr, bound: std::io::Result<S>) -> Result<S> {
    bound.with_context(|| format!("{setting} {address} cannot be listened on: stop what uses it, or set {setting} to another address"))
}

/// What other nodes dial: as set, or the address this machine has on the way to `towards` (the node to join, if any).
///
/// # Errors
/// When the bound listener has no address.
pub fn advertise(settings: &Settings, peer: &TcpListener, towards: Option<&HostPort>) -> Result<String> {
    if let Some(advertise) = &settings.advertise {
        return Ok(advertise.to_string());
    }
    let mut address = peer.local_addr().context("the peer listener has no address")?;
    if address.ip().is_unspecified() {
        address.set_ip(outward(towards));
    }
    Ok(address.to_string())
}

/// Asks the routing table; nothing is sent. Without a route out there are no other machines: loopback.
fn outward(towards: Option<&HostPort>) -> IpAddr {
    /// Set aside for documentation (RFC 5737): any address beyond this machine will do.
    const SOMEWHERE: &str = "192.0.2.1:9";
    let target = towards.map_or_else(|| SOMEWHERE.to_owned(), ToString::to_string);
    let ask = || {
        let target = target.to_socket_addrs().ok()?.next()?;
        let from: SocketAddr = if target.is_ipv4() {
            ([0, 0, 0, 0], 0).into()
        } else {
            ([0u16; 8], 0).into()
        };
        let socket = UdpSocket::bind(from).ok()?;
        socket.connect(target).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    ask().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}
