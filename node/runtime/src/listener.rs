//! A socket that takes connections, over TCP or by a file.
//!
//! Bound first and opened later: what cannot be had must be known before anything else starts, and opening needs the runtime of
//! whoever will answer.

use crate::{Line, SocketFile, UnixSocketError, bind_unix};
use std::{io, net::SocketAddr, os::unix::net as unix, path::Path};
use tokio::net::{TcpListener, UnixListener};

/// A bound socket that nobody answers yet.
#[derive(Debug)]
pub enum Bound {
    /// For anybody whom the address reaches.
    Tcp(std::net::TcpListener),
    /// For whoever may write to its file.
    Unix(unix::UnixListener),
}

impl Bound {
    /// By a file of this mode. The file lives as long as what comes back with the socket.
    ///
    /// # Errors
    /// [`UnixSocketError`] says what stands in the way.
    pub fn unix(path: &Path, mode: u32, backlog: u32) -> Result<(Self, SocketFile), UnixSocketError> {
        let (listener, file) = bind_unix(path, mode, backlog)?;
        Ok((Bound::Unix(listener), file))
    }

    /// Another handle on the same queue of callers.
    ///
    /// # Errors
    /// When there are no more file descriptors.
    pub fn share(&self) -> io::Result<Self> {
        match self {
            Bound::Tcp(listener) => listener.try_clone().map(Bound::Tcp),
            Bound::Unix(listener) => listener.try_clone().map(Bound::Unix),
        }
    }

    /// Ready to take connections on the runtime it is called in.
    ///
    /// # Errors
    /// When the runtime has no place for it.
    pub fn open(self) -> io::Result<Listener> {
        match self {
            Bound::Tcp(listener) => TcpListener::from_std(listener).map(Listener::Tcp),
            Bound::Unix(listener) => UnixListener::from_std(listener).map(Listener::Unix),
        }
    }
}

/// A socket that takes connections.
#[derive(Debug)]
pub enum Listener {
    /// Over TCP.
    Tcp(TcpListener),
    /// By a file.
    Unix(UnixListener),
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Listener::Tcp(listener)
    }
}

impl Listener {
    /// Its address; none of a unix socket.
    pub fn local(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            Listener::Unix(_) => None,
        }
    }

    /// The next caller, and the address it calls from; none over a unix socket. Dropping the future loses nobody.
    ///
    /// # Errors
    /// When the kernel cannot hand one over, for want of file descriptors most of all.
    pub async fn accept(&self) -> io::Result<(Line, Option<SocketAddr>)> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, caller) = listener.accept().await?;
                Ok((Line::Tcp(stream), Some(caller)))
            }
            Listener::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Line::Unix(stream), None))
            }
        }
    }
}
