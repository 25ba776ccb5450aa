//! Sockets that all workers share.
//!
//! Each worker has a listening socket of its own on the same address; the kernel deals connections out among them. No worker ever
//! hands a connection to another. A unix socket cannot be shared like this: there is one, with one queue, and each worker has a handle on it.
//!
//! The catch: sharing is allowed to *any* process of the same user, so a second gateway on the same port would not fail but silently
//! take half of the connections. Before sharing, the address is therefore claimed once without it.

use crate::options::ListenOptions;
use socket2::{Domain, Socket, Type};
use std::{
    error::Error as StdError,
    io,
    net::{SocketAddr, TcpListener, UdpSocket},
    path::Path,
};
use thiserror::Error;
use troop_runtime::{Bound, SocketFile};
use troop_stdx::Whereabouts;

/// What of an answer the kernel takes that has not left for the client yet. By itself it takes four megabytes (`tcp_wmem`) for a client that reads
/// nothing, and hides from us how slow that client is. What is on its way does not count, so lines that are long and fast stay full.
///
/// Measured on loopback with answers of 64 MiB at 900 MB/s, paired: this costs nothing that can be seen (1.07 and 1.00 of the throughput without),
/// a quarter of it 10 to 20 %; at 100 MB/s neither does.
const UNSENT_MAX_BYTES: u32 = 512 * 1024;

/// An address that cannot be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ListenError {
    /// The address.
    pub address: Whereabouts,
    /// Why not.
    #[source]
    pub source: Box<dyn StdError + Send + Sync>,
}

/// An address that is listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundAddress {
    /// With the port that was taken if any was asked for.
    pub address: Whereabouts,
    /// Whether clients speak TLS there.
    pub tls: bool,
}

/// Listening sockets on one address, one per worker, and the file if there is one.
pub(crate) fn listen(
    options: &ListenOptions,
    workers: usize,
) -> Result<(BoundAddress, Vec<Bound>, Option<SocketFile>), ListenError> {
    let failed = |source| ListenError {
        address: options.address.clone(),
        source,
    };
    let (address, sockets, file) = match &options.address {
        Whereabouts::Ip(address) => {
            let (address, sockets) =
                listen_on_port(*address, options.backlog, workers).map_err(|error| failed(error.into()))?;
            (address.into(), sockets, None)
        }
        Whereabouts::Unix(path) => {
            let (sockets, file) = listen_by_file(path, options, workers).map_err(failed)?;
            (options.address.clone(), sockets, Some(file))
        }
    };
    let bound = BoundAddress {
        address,
        tls: options.tls,
    };
    Ok((bound, sockets, file))
}

fn listen_on_port(address: SocketAddr, backlog: u32, workers: usize) -> io::Result<(SocketAddr, Vec<Bound>)> {
    let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
    let finish = |socket: Socket| {
        // Connections inherit it. A kernel that does not know it costs memory, not correctness.
        let _ = socket.set_tcp_notsent_lowat(UNSENT_MAX_BYTES);
        socket.listen(backlog)?;
        Ok(TcpListener::from(socket))
    };
    let sockets = share(address, Type::STREAM, workers, finish)?;
    let address = sockets.first().map_or(Ok(address), TcpListener::local_addr)?;
    Ok((address, sockets.into_iter().map(Bound::Tcp).collect()))
}

fn listen_by_file(
    path: &Path,
    options: &ListenOptions,
    workers: usize,
) -> Result<(Vec<Bound>, SocketFile), Box<dyn StdError + Send + Sync>> {
    let (socket, file) = Bound::unix(path, options.file_mode, options.backlog)?;
    let shared: io::Result<Vec<Bound>> = (0..workers).map(|_| socket.share()).collect();
    Ok((shared?, file))
}

/// Sockets for datagrams on one address, one per worker: the kernel deals clients out among them, each client's datagrams to one.
pub(crate) fn listen_for_datagrams(
    address: SocketAddr,
    workers: usize,
) -> Result<(SocketAddr, Vec<UdpSocket>), ListenError> {
    let failed = |source: io::Error| ListenError {
        address: address.into(),
        source: source.into(),
    };
    let sockets = share(address, Type::DGRAM, workers, |socket| {
        Ok(UdpSocket::from(socket))
    })
    .map_err(failed)?;
    let bound = sockets.first().map_or(Ok(address), UdpSocket::local_addr);
    Ok((bound.map_err(failed)?, sockets))
}

/// As many sockets as there are workers on one address.
fn share<S>(
    address: SocketAddr,
    kind: Type,
    workers: usize,
    finish: impl Fn(Socket) -> io::Result<S>,
) -> io::Result<Vec<S>> {
    if address.port() != 0 {
        drop(bind(address, kind, false)?);
    }
    let mut address = address;
    let mut sockets = Vec::with_capacity(workers);
    for _ in 0..workers {
        let socket = bind(address, kind, true)?;
        socket.set_nonblocking(true)?;
        address = socket.local_addr()?.as_socket().unwrap_or(address);
        sockets.push(finish(socket)?);
    }
    Ok(sockets)
}

fn bind(address: SocketAddr, kind: Type, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Write, net::TcpStream};

    fn any_port() -> ListenOptions {
        ListenOptions::plain(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    #[test]
    fn workers_share_one_port() {
        let (bound, sockets, _) = listen(&any_port(), 3).expect("sockets");
        assert_eq!(sockets.len(), 3);
        for socket in &sockets {
            let Bound::Tcp(socket) = socket else {
                panic!("{socket:?}");
            };
            assert_eq!(socket.local_addr().ok(), bound.address.ip());
        }
    }

    #[test]
    fn the_kernel_takes_little_for_a_client_that_reads_nothing() {
        let (bound, mut sockets, _) = listen(&any_port(), 1).expect("a socket");
        let address = bound.address.ip().expect("no unix socket");
        let _client = TcpStream::connect(address).expect("a connection");
        let Some(Bound::Tcp(socket)) = sockets.pop() else {
            panic!("a socket for TCP");
        };
        socket.set_nonblocking(false).expect("patience");
        let (mut stream, _) = socket.accept().expect("a client");
        stream.set_nonblocking(true).expect("impatience");
        let piece = [0; 16 * 1024];
        let mut taken = 0;
        while let Ok(count) = stream.write(&piece) {
            taken += count;
            assert!(taken < 2 << 20, "the kernel takes it all");
        }
        assert!(taken >= UNSENT_MAX_BYTES as usize, "{taken}");
    }

    #[test]
    fn a_port_that_another_gateway_shares_is_still_taken() {
        let (bound, _sockets, _) = listen(&any_port(), 1).expect("sockets");
        let error = listen(&ListenOptions::plain(bound.address.clone()), 1).expect_err("the port is taken");
        let source = error.source.downcast_ref().map(io::Error::kind);
        assert_eq!(source, Some(io::ErrorKind::AddrInUse));
        assert!(error.to_string().contains(&bound.address.to_string()));
    }
}
