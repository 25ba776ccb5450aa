//! The bytes under HTTP/2: one cable for all lines of a switchboard.
//!
//! Windows say how much a client is willing to take; whether it takes anything shows only here. A client that leaves its socket alone holds
//! what all of its streams have waiting, and the kernel's share besides. So the cable's pace is taken like that of a connection of
//! HTTP/1.1 ([`Pace`](super::pace::Pace)), and one that stands still for too long is given up with all that hangs on it.
//!
//! The catch: a connection lives for hours, and who took a gigabyte in the morning has not paid for standing still in the evening. Whenever
//! nothing is left to send, the account starts anew.

use super::{Client, abandon::Abandon};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose client is watched.
pub(crate) struct Cable<S: Abandon> {
    stream: S,
    client: Rc<Client>,
}

impl<S: Abandon> Cable<S> {
    /// Over a stream.
    pub fn new(stream: S, client: Rc<Client>) -> Self {
        Cable { stream, client }
    }

    fn watch(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => self.client.stalls(),
            Poll::Ready(Ok(count)) => self.client.takes(*count),
            Poll::Ready(Err(_)) => {}
        }
        written
    }
}

impl<S: AsyncRead + Abandon + Unpin> AsyncRead for Cable<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Abandon + Unpin> AsyncWrite for Cable<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.watch(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, pieces);
        this.watch(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// The codec flushes when it has written all it has; TLS may keep records back until then.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        match &flushed {
            Poll::Pending => this.client.stalls(),
            Poll::Ready(_) => this.client.has_taken_all(),
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl<S: Abandon> Drop for Cable<S> {
    fn drop(&mut self) {
        if self.client.slot.is_stalled() {
            self.stream.abandon();
        }
    }
}
