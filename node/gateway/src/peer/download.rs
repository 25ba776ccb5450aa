//! The response's body on its way to the client.
//!
//! It streams: a piece is read from the peer when the client's side asks for one, so a slow client slows the peer and not our
//! memory. When the last byte is in, the link goes back into the pool, if everybody kept to the rules.
//!
//! The catch: "the last byte is in" must be known, not guessed. A body that broke off ends the client's connection as well, for the
//! client has been promised more; and a link with a byte too many is never used again.

use super::{
    chunked::{Chunks, Read, take_bytes},
    head::Framing,
    link::Link,
    pool::Lease,
    upload::Upload,
};
use crate::{
    sweep::{Slot, Stage},
    trailers::{Refused, Trailers},
};
use bytes::Bytes;
use std::{
    io,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};
use thiserror::Error;

/// Why a body broke off.
#[derive(Debug, Error)]
pub(crate) enum DownloadError {
    /// The connection broke.
    #[error("the peer's connection broke: {0}")]
    Broken(#[source] io::Error),
    /// It ended before the body did.
    #[error("the peer closed the connection before the end of the body")]
    Short,
    /// The chunks are no chunks.
    #[error("malformed chunks from the peer")]
    Malformed,
    /// What stands behind the body is refused.
    #[error("from the peer: {0}")]
    Trailers(#[from] Refused),
    /// The peer paused for too long.
    #[error("the peer took too long")]
    TimedOut,
}

/// What of the body is still to come.
enum Rest {
    Exactly(u64),
    Chunked(Chunks),
    UntilClose,
    /// Nothing but what stands behind it.
    Nothing(Option<Box<Trailers>>),
}

/// A body coming from a peer.
pub(crate) struct Download {
    /// None once the link was given back or given up.
    link: Option<Box<Link>>,
    lease: Lease,
    rest: Rest,
    /// What is left of the request's body, which the peer answered early.
    upload: Option<Box<Upload>>,
    reusable: bool,
    read_timeout: Duration,
    send_timeout: Duration,
    slot: Rc<Slot>,
    waiting: bool,
}

/// How long peer and client may pause.
#[derive(Clone, Copy)]
pub(crate) struct Pauses {
    /// The peer.
    pub read: Duration,
    /// The client.
    pub send: Duration,
}

impl Download {
    /// The body behind a head. `upload` is what is left of the request's body.
    pub fn new(
        link: Box<Link>,
        lease: Lease,
        framing: Framing,
        reusable: bool,
        upload: Upload,
        pauses: Pauses,
        slot: Rc<Slot>,
    ) -> Self {
        let mut download = Download {
            link: Some(link),
            lease,
            rest: match framing {
                Framing::Empty | Framing::Tunnel => Rest::Nothing(None),
                Framing::Exactly(bytes) => Rest::Exactly(bytes),
                Framing::Chunked => Rest::Chunked(Chunks::new()),
                Framing::UntilClose => Rest::UntilClose,
            },
            upload: (!upload.is_done()).then(|| Box::new(upload)),
            reusable,
            read_timeout: pauses.read,
            send_timeout: pauses.send,
            slot,
            waiting: false,
        };
        if download.is_done() {
            download.finish();
        }
        download
    }

    /// Whether all of it was handed on.
    pub fn is_done(&self) -> bool {
        matches!(self.rest, Rest::Nothing(_))
    }

    /// Whether something stands behind its last piece.
    pub fn has_trailers(&self) -> bool {
        matches!(self.rest, Rest::Nothing(Some(_)))
    }

    /// What stands behind its last piece.
    pub fn take_trailers(&mut self) -> Option<Box<Trailers>> {
        match &mut self.rest {
            Rest::Nothing(trailers) => trailers.take(),
            _ => None,
        }
    }

    /// Bytes still to come, if the head said so.
    pub fn left(&self) -> Option<u64> {
        match self.rest {
            Rest::Exactly(left) => Some(left),
            Rest::Nothing(_) => Some(0),
            Rest::Chunked(_) | Rest::UntilClose => None,
        }
    }

    /// The next piece; `None` behind the last one.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, DownloadError>>> {
        if self.waiting && self.slot.is_overdue() {
            return Poll::Ready(Some(Err(DownloadError::TimedOut)));
        }
        let piece = match self.poll_link(cx) {
            Poll::Pending => {
                if !self.waiting {
                    self.waiting = true;
                    self.slot.wait(Stage::Exchange, self.read_timeout);
                }
                return Poll::Pending;
            }
            Poll::Ready(piece) => piece,
        };
        self.waiting = false;
        self.slot.wait(Stage::Answer, self.send_timeout);
        if self.is_done() {
            self.finish();
        }
        Poll::Ready(piece.transpose())
    }

    fn poll_link(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, DownloadError>> {
        let Some(link) = &mut self.link else {
            return Poll::Ready(Ok(None));
        };
        if let Some(upload) = &mut self.upload {
            pump(upload, link, cx);
        }
        loop {
            if let Some(piece) = self.rest.read(link)? {
                return Poll::Ready(Ok(Some(piece)));
            }
            if matches!(self.rest, Rest::Nothing(_)) {
                return Poll::Ready(Ok(None));
            }
            let count = ready!(link.poll_fill(cx)).map_err(DownloadError::Broken)?;
            if count == 0 {
                return Poll::Ready(match self.rest {
                    Rest::UntilClose => {
                        self.rest = Rest::Nothing(None);
                        Ok(None)
                    }
                    _ => Err(DownloadError::Short),
                });
            }
        }
    }

    fn finish(&mut self) {
        self.lease.occupied = None;
        let link = self.link.take();
        if let Some(link) = link
            && self.reusable
            && self.upload.as_ref().is_none_or(|upload| upload.is_done())
            && link.inbox.is_empty()
        {
            self.lease.give_back(link);
        }
    }
}

/// Goes on sending a request's body that the peer answered early. Whether it arrives shows in the response.
fn pump(upload: &mut Upload, link: &mut Link, cx: &mut Context<'_>) {
    while !upload.is_done() {
        let queued = link.has_room() && matches!(upload.poll_queue(cx, link), Poll::Ready(Ok(())));
        let sent = matches!(link.poll_send(cx, &mut || {}), Poll::Ready(Ok(())));
        if !queued || !sent {
            return;
        }
    }
    // The end of the body may still lie in the outbox.
    let _ = link.poll_send(cx, &mut || {});
}

impl Rest {
    /// A piece from what is in the inbox; `None` if there is not enough, or if it is complete.
    fn read(&mut self, link: &mut Link) -> Result<Option<Bytes>, DownloadError> {
        match self {
            Rest::Nothing(_) => Ok(None),
            Rest::UntilClose if link.inbox.is_empty() => Ok(None),
            Rest::UntilClose => {
                let all = link.inbox.len();
                Ok(Some(take_bytes(&mut link.inbox, all)))
            }
            Rest::Exactly(_) if link.inbox.is_empty() => Ok(None),
            Rest::Exactly(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(link.inbox.len());
                let piece = take_bytes(&mut link.inbox, count);
                *left -= count as u64;
                if *left == 0 {
                    *self = Rest::Nothing(None);
                }
                Ok(Some(piece))
            }
            Rest::Chunked(chunks) => match chunks.read(&mut link.inbox) {
                Ok(Read::Data(piece)) => Ok(Some(piece)),
                Ok(Read::More) => Ok(None),
                Ok(Read::End(trailers)) => {
                    *self = Rest::Nothing(trailers);
                    Ok(None)
                }
                Err(_) => Err(DownloadError::Malformed),
            },
        }
    }
}
