//! A WebSocket: both sides agreed to speak something else, and the gateway passes bytes.
//!
//! Either side may be quiet for as long as the service's read timeout; whoever closes its half closes the other's.

use super::{Client, Tunnel};
use crate::sweep::{Slot, Stage};
use bytes::Bytes;
use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, copy_bidirectional};

/// A stream whose every byte moves the deadline.
struct Watched<'a, S> {
    stream: S,
    slot: &'a Slot,
    quiet_timeout: Duration,
}

/// Passes bytes until both sides have closed or both are quiet. `early` is what the client sent already.
pub(crate) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    client: &Client,
    stream: S,
    early: Bytes,
    tunnel: Tunnel,
) {
    let slot = &client.slot;
    slot.wait(Stage::Answer, tunnel.quiet_timeout);
    let mut near = Watched::new(stream, slot, tunnel.quiet_timeout);
    let mut far = Watched::new(tunnel.stream, slot, tunnel.quiet_timeout);
    let passing = async {
        near.stream.write_all(&tunnel.early).await?;
        far.stream.write_all(&early).await?;
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

impl<'a, S> Watched<'a, S> {
    fn new(stream: S, slot: &'a Slot, quiet_timeout: Duration) -> Self {
        Watched {
            stream,
            slot,
            quiet_timeout,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<'_, S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
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
