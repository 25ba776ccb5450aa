//! Being called: the peer port's accept loop.
//!
//! Handshakes run beside each other and each has a deadline, so that a caller who says nothing keeps nobody else waiting.

use crate::peer::{PeerIdentity, peer_identity};
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

/// Longest a handshake may take: several round trips of a bad link.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Handshakes under way at once; a cluster has a few dozen connections in all.
const HANDSHAKES_MAX: usize = 64;
/// Pause after the system gives no connection (out of file descriptors), instead of spinning.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// The node that its verified certificate names; none without a certificate.
    pub identity: Option<PeerIdentity>,
}

/// Accepts connections until the receiver is dropped.
pub fn accept(
    listener: TcpListener,
    config: Arc<rustls::ServerConfig>,
) -> ReceiverStream<io::Result<PeerStream>> {
    let (accepted, incoming) = mpsc::channel(HANDSHAKES_MAX);
    tokio::spawn(run(listener, TlsAcceptor::from(config), accepted));
    ReceiverStream::new(incoming)
}

async fn run(listener: TcpListener, acceptor: TlsAcceptor, accepted: mpsc::Sender<io::Result<PeerStream>>) {
    let places = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let next = tokio::select! {
            next = listener.accept() => next,
            () = accepted.closed() => return,
        };
        let (stream, from) = match next {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(%error, "the peer port could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (acceptor, accepted) = (acceptor.clone(), accepted.clone());
        tokio::spawn(async move {
            match handshake(acceptor, stream).await {
                Ok(stream) => drop(accepted.send(Ok(stream)).await),
                Err(error) => {
                    let reason = crate::tls::explain(&error).unwrap_or_else(|| error.to_string());
                    tracing::warn!(%from, reason, "a call on the peer port was refused");
                }
            }
            drop(place);
        });
    }
}

async fn handshake(acceptor: TlsAcceptor, stream: TcpStream) -> io::Result<PeerStream> {
    stream.set_nodelay(true)?;
    let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await??;
    let certificate = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(|chain| chain.first());
    let identity = certificate.and_then(|certificate| peer_identity(certificate));
    Ok(PeerStream {
        stream,
        connection: Connection { identity },
    })
}

/// An accepted connection whose caller is known.
pub struct PeerStream {
    stream: TlsStream<TcpStream>,
    connection: Connection,
}

impl Connected for PeerStream {
    type ConnectInfo = Connection;

    fn connect_info(&self) -> Connection {
        self.connection
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
