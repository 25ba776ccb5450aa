//! One connection to a peer with what is on its way in and out.

use super::stream::PeerStream;
use bytes::{Buf, Bytes, BytesMut};
use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncReadExt, AsyncWrite};

/// First size of the buffer for what comes in: a head and a small body in one read.
const INBOX_MIN_BYTES: usize = 8 * 1024;

/// Its size once a read has filled it: fewer system calls for large bodies.
const INBOX_MAX_BYTES: usize = 64 * 1024;

/// Bodies up to this size are copied behind the head, to leave in one system call.
const INLINE_MAX_BYTES: usize = 16 * 1024;

/// A connection.
pub(crate) struct Link {
    stream: PeerStream,
    /// What came in and was not used yet.
    pub inbox: BytesMut,
    inbox_step: usize,
    outbox: Vec<u8>,
    written: usize,
    /// Goes out after the outbox.
    bulk: Bytes,
    /// Goes out after the bulk.
    bulk_end: &'static [u8],
    /// Requests sent so far, this one included.
    pub served: u64,
    /// Whether a byte of the current request was handed to the kernel.
    pub touched: bool,
}

impl Link {
    /// A fresh connection.
    pub fn new(stream: PeerStream) -> Self {
        Link {
            stream,
            inbox: BytesMut::new(),
            inbox_step: INBOX_MIN_BYTES,
            outbox: Vec::with_capacity(1024),
            written: 0,
            bulk: Bytes::new(),
            bulk_end: b"",
            served: 0,
            touched: false,
        }
    }

    /// Starts a new request: what follows is written through the buffer that is given.
    pub fn begin(&mut self) -> &mut Vec<u8> {
        self.outbox.clear();
        self.written = 0;
        self.bulk = Bytes::new();
        self.bulk_end = b"";
        self.served += 1;
        self.touched = false;
        &mut self.outbox
    }

    /// The buffer for small things to send.
    pub fn outbox(&mut self) -> &mut Vec<u8> {
        &mut self.outbox
    }

    /// Queues a piece of a body. The queue must have been sent before.
    pub fn queue(&mut self, piece: Bytes) {
        debug_assert!(self.bulk.is_empty(), "a piece is queued only behind a sent one");
        if piece.len() <= INLINE_MAX_BYTES {
            self.outbox.extend_from_slice(&piece);
        } else {
            self.bulk = piece;
        }
    }

    /// Queues a piece as a chunk, its size written by `write_size`.
    pub fn queue_chunk(&mut self, piece: Bytes, write_size: fn(&mut Vec<u8>, usize)) {
        write_size(&mut self.outbox, piece.len());
        if piece.len() <= INLINE_MAX_BYTES {
            self.outbox.extend_from_slice(&piece);
            self.outbox.extend_from_slice(b"\r\n");
        } else {
            self.bulk = piece;
            self.bulk_end = b"\r\n";
        }
    }

    /// Whether a piece may be queued without waiting.
    pub fn has_room(&self) -> bool {
        self.bulk.is_empty() && self.outbox.len() - self.written < INLINE_MAX_BYTES
    }

    /// Sends what is queued. `on_progress` is called whenever the kernel took something.
    pub fn poll_send(&mut self, cx: &mut Context<'_>, on_progress: &mut dyn FnMut()) -> Poll<io::Result<()>> {
        ready!(self.poll_send_outbox(cx, on_progress))?;
        while !self.bulk.is_empty() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.bulk))?;
            self.bulk.advance(taken(count)?);
            on_progress();
        }
        self.outbox.extend_from_slice(std::mem::take(&mut self.bulk_end));
        ready!(self.poll_send_outbox(cx, on_progress))?;
        // TLS keeps records back until it is flushed; a plain socket has nothing to flush.
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_send_outbox(
        &mut self,
        cx: &mut Context<'_>,
        on_progress: &mut dyn FnMut(),
    ) -> Poll<io::Result<()>> {
        while self.written < self.outbox.len() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.outbox[self.written..]))?;
            self.written += taken(count)?;
            self.touched = true;
            on_progress();
        }
        self.outbox.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Reads more; zero is the end.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.inbox.reserve(self.inbox_step);
        let room = self.inbox.capacity() - self.inbox.len();
        let read = pin!(self.stream.read_buf(&mut self.inbox));
        let count = ready!(read.poll(cx))?;
        if count == room {
            self.inbox_step = INBOX_MAX_BYTES;
        }
        Poll::Ready(Ok(count))
    }

    /// Whether the peer has said or closed something while nothing was asked.
    pub fn is_spoilt(&mut self, cx: &mut Context<'_>) -> bool {
        !self.inbox.is_empty() || self.poll_fill(cx).is_ready()
    }

    /// Makes it small while it waits.
    pub fn rest(&mut self) {
        self.inbox_step = INBOX_MIN_BYTES;
        if self.inbox.capacity() > INBOX_MIN_BYTES {
            self.inbox = BytesMut::new();
        }
        if self.outbox.capacity() > INLINE_MAX_BYTES {
            self.outbox = Vec::new();
        }
    }

    /// The stream and what came in already, for another protocol.
    pub fn into_tunnel(self) -> (PeerStream, Bytes) {
        (self.stream, self.inbox.freeze())
    }
}

fn taken(count: usize) -> io::Result<usize> {
    if count == 0 {
        Err(io::ErrorKind::WriteZero.into())
    } else {
        Ok(count)
    }
}
