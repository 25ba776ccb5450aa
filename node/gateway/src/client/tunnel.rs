//! Bytes that pass both ways: connections that nobody here understands, and WebSockets, where both sides agreed to speak something else, and the gateway passes bytes.
//!
//! Either side may be quiet for as long as the service's read timeout; whoever closes its half closes the other's.

use super::{Client, Tunnel};
use crate::{
    peer::stream::PeerStream,
    sweep::{Slot, Stage},
};
use bytes::Bytes;
use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, copy_bidirectional};

/// A stream whose every byte is counted and moves the deadline.
struct Watched<'a, S> {
    stream: S,
    slot: &'a Slot,
    quiet_timeout: Duration,
    read_bytes: u64,
}

/// Passes bytes until both sides have closed or both are quiet. `early` is what the client sent already.
pub(crate) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    client: &Client,
    stream: S,
    early: Bytes,
    tunnel: Tunnel,
) {
    let greet = async |near: &mut S, far: &mut PeerStream| {
        near.write_all(&tunnel.early).await?;
        far.write_all(&early).await
    };
    pass(&client.slot, stream, tunnel.stream, tunnel.quiet_timeout, greet).await;
}

/// Passes bytes both ways, after what is to be sent first. How many came from the near side, and how many from the far side.
pub(crate) async fn pass<N, F>(
    slot: &Slot,
    near: N,
    far: F,
    quiet_timeout: Duration,
    first: impl AsyncFnOnce(&mut N, &mut F) -> io::Result<()>,
) -> (u64, u64)
where
    N: AsyncRead + AsyncWrite + Unpin,
    F: AsyncRead + AsyncWrite + Unpin,
{
    slot.wait(Stage::Answer, quiet_timeout);
    let mut near = Watched::new(near, slot, quiet_timeout);
    let mut far = Watched::new(far, slot, quiet_timeout);
    {
        let passing = async {
            first(&mut near.stream, &mut far.stream).await?;
            copy_bidirectional(&mut near, &mut far).await
        };
        let mut passing = pin!(passing);
        poll_fn(|cx| {
            slot.remember(cx);
            match passing.as_mut().poll(cx) {
                Poll::Ready(_) => Poll::Ready(()),
                Poll::Pending if slot.is_overdue() => Poll::Ready(()),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
    }
    (near.read_bytes, far.read_bytes)
}

impl<'a, S> Watched<'a, S> {
    fn new(stream: S, slot: &'a Slot, quiet_timeout: Duration) -> Self {
        Watched {
            stream,
            slot,
            quiet_timeout,
            read_bytes: 0,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<'_, S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        this.read_bytes += (buf.filled().len() - before) as u64;
        this.slot.extend(this.quiet_timeout);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<'_, S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
