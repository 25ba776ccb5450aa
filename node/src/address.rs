//! Listening addresses: bound before anything is touched, and what others are told to dial.

use anyhow::{Context, Result};
use std::error::Error as StdError;
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use troop_runtime::{Bound as Socket, SocketFile};
use troop_settings::{HostPort, Listen, Settings, StreamListen};
use troop_stdx::Whereabouts;

/// Who may use the file of the Admin API's unix socket: nobody but the user the node runs as, for who may is who rules the cluster.
const ADMIN_FILE_MODE: u32 = 0o600;
/// The status API changes nothing: as with a port on loopback, whoever is on this machine.
const STATUS_FILE_MODE: u32 = 0o666;

/// The listeners of the control side, bound.
pub struct Bound {
    /// For other nodes.
    pub peer: TcpListener,
    /// For the Admin API.
    pub admin: Vec<Door>,
    /// For the status API.
    pub status: Vec<Door>,
}

/// A listener of the control side, bound.
pub struct Door {
    /// Where.
    pub address: Whereabouts,
    /// Its socket.
    pub socket: Socket,
    /// Its file, if it is a unix socket.
    pub file: Option<SocketFile>,
    /// Whether TLS is spoken there.
    pub tls: bool,
    /// Whether HTTP/2 may be.
    pub http2: bool,
}

/// Binds everything but the proxy's listeners, and makes sure that those are free: a process that cannot have all its ports
/// must not have joined anything by then.
///
/// # Errors
/// Names the setting and the address.
pub fn bind(settings: &Settings) -> Result<Bound> {
    for listen in &settings.proxy_listen {
        // The workers share their ports (SO_REUSEPORT) and would share them with another process, too. This one does not.
        drop(bind_door("proxy_listen", listen, ADMIN_FILE_MODE)?);
    }
    for listen in &settings.stream_listen {
        match listen {
            StreamListen::Tcp(listen) => drop(bind_door("stream_listen", listen, ADMIN_FILE_MODE)?),
            StreamListen::Udp(address) => drop(taken("stream_listen", address, UdpSocket::bind(address))?),
        }
    }
    Ok(Bound {
        peer: bind_one("peer_listen", settings.peer_listen)?,
        admin: bind_all("admin_listen", &settings.admin_listen, ADMIN_FILE_MODE)?,
        status: bind_all("status_listen", &settings.status_listen, STATUS_FILE_MODE)?,
    })
}

fn bind_all(setting: &str, listens: &[Listen], file_mode: u32) -> Result<Vec<Door>> {
    listens
        .iter()
        .map(|listen| bind_door(setting, listen, file_mode))
        .collect()
}

fn bind_door(setting: &str, listen: &Listen, file_mode: u32) -> Result<Door> {
    let (socket, file) = match &listen.address {
        Whereabouts::Ip(address) => (Socket::Tcp(bind_one(setting, *address)?), None),
        Whereabouts::Unix(path) => {
            let bound = Socket::unix(path, listen.mode.unwrap_or(file_mode), listen.backlog);
            let (socket, file) = taken(setting, &listen.address, bound)?;
            (socket, Some(file))
        }
    };
    Ok(Door {
        address: listen.address.clone(),
        socket,
        file,
        tls: listen.ssl,
        http2: listen.http2,
    })
}

fn bind_one(setting: &str, address: SocketAddr) -> Result<TcpListener> {
    let bind = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok::<_, std::io::Error>(listener)
    };
    taken(setting, &address, bind())
}

/// Says what to do about an address that somebody else has.
fn taken<S, E>(setting: &str, address: &dyn Display, bound: Result<S, E>) -> Result<S>
where
    E: StdError + Send + Sync + 'static,
{
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
