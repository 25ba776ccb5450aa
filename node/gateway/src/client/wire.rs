//! The bytes under the codec.
//!
//! Two things the codec cannot do. It does not know our deadlines, so each byte that passes moves them and its pace is taken. And when it cannot parse a head it
//! answers with a bare status of its own, where clients of a gateway expect a letter with a request id; so that bare answer is
//! caught on its way out.
//!
//! The catch: a response may, by chance or malice, end with exactly the bytes of such a bare answer. So they are only held back, not thrown
//! away, and only while no exchange is under way. If the codec goes on reading or writing they were ordinary bytes and leave at
//! once; if it ends with a parse error they were its answer, and ours goes out instead.

use super::Client;
use crate::sweep::Stage;
use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How the codec's bare answers end.
const BARE_END: &[u8] = b"content-length: 0\r\n\r\n";

/// How they begin, if that is how they end.
const BARE_STARTS: [&[u8]; 3] = [
    b"HTTP/1.1 400 Bad Request\r\n",
    b"HTTP/1.1 414 URI Too Long\r\n",
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n",
];

/// What may stand between.
const BARE_MIDDLE: &[u8] = b"connection: close\r\n";

/// A stream with a guard.
pub(crate) struct Wire<S> {
    stream: S,
    client: Rc<Client>,
    held: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Over a stream.
    pub fn new(stream: S, client: Rc<Client>) -> Self {
        Wire {
            stream,
            client,
            held: Vec::new(),
        }
    }

    /// The stream, and whether the codec's own answer was held back.
    pub fn into_stream(self) -> (S, bool) {
        (self.stream, !self.held.is_empty())
    }

    /// What was held back were ordinary bytes.
    fn poll_release(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.held))?;
            self.held.drain(..count);
        }
        Poll::Ready(Ok(()))
    }

    fn is_between_exchanges(&self) -> bool {
        matches!(self.client.slot.stage(), Stage::Idle | Stage::Head)
    }
}

/// How many bytes at the end of `bytes` are a bare answer.
fn bare_answer(bytes: &[u8]) -> Option<usize> {
    let head = bytes.strip_suffix(BARE_END)?;
    let head = head.strip_suffix(BARE_MIDDLE).unwrap_or(head);
    let start = BARE_STARTS.iter().find(|start| head.ends_with(start))?;
    Some(bytes.len() - (head.len() - start.len()))
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_release(cx))?;
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before && this.client.slot.stage() == Stage::Idle {
            this.client.head_begins();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_release(cx))?;
        let mut passing = bytes;
        if this.is_between_exchanges()
            && let Some(size) = bare_answer(bytes)
        {
            if size == bytes.len() {
                this.held.extend_from_slice(bytes);
                return Poll::Ready(Ok(size));
            }
            passing = &bytes[..bytes.len() - size];
        }
        let written = Pin::new(&mut this.stream).poll_write(cx, passing);
        let Poll::Ready(count) = written else {
            this.client.stalls();
            return Poll::Pending;
        };
        let count = count?;
        this.client.progressed(count);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    /// Left to whoever owns the stream afterwards: there may be a refusal to send first, or a tunnel to dig.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_answers_are_recognised_at_the_end_only() {
        let bare = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        let closing =
            b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(bare_answer(bare), Some(bare.len()));
        assert_eq!(bare_answer(closing), Some(closing.len()));
        assert_eq!(
            bare_answer(&[b"before".as_slice(), bare].concat()),
            Some(bare.len())
        );
        assert_eq!(bare_answer(&[bare.as_slice(), b"x"].concat()), None);
        assert_eq!(bare_answer(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), None);
    }
}
