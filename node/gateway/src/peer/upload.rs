//! The request's body behind its head.

use super::{
    chunked::{write_end, write_size},
    link::Link,
};
use crate::{
    forward::BodyLength,
    intake::{Intake, IntakeError},
};
use std::task::{Context, Poll};

/// A body on its way to a peer.
pub(crate) struct Upload {
    intake: Option<Intake>,
    place: usize,
    length: BodyLength,
    done: bool,
}

impl Upload {
    /// Announced by its length if that is known. An empty body is announced if the client announced it.
    ///
    /// Only behind chunks is there room for more fields, so a body that was gathered and has some leaves in chunks. One whose length the client
    /// itself told leaves with it: whether something follows is not known before all of it has come.
    pub fn new_announced(intake: Intake, was_announced: bool) -> Upload {
        let length = match intake.length() {
            _ if intake.trailers().is_some() => BodyLength::Chunked,
            Some(0) if !was_announced => BodyLength::None,
            Some(bytes) => BodyLength::Exactly(bytes),
            None => BodyLength::Chunked,
        };
        Upload::new(intake, length)
    }

    /// Pours `intake` behind heads that announce `length`.
    pub fn new(intake: Intake, length: BodyLength) -> Self {
        let done = intake.is_empty();
        Upload {
            intake: Some(intake),
            place: 0,
            length,
            done,
        }
    }

    /// How it is announced.
    pub fn length(&self) -> BodyLength {
        self.length
    }

    /// Whether all of it was queued.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Whether it can be sent once more.
    pub fn can_repeat(&self) -> bool {
        self.place == 0 || self.intake.as_ref().is_some_and(Intake::can_repeat)
    }

    /// Begins at the start again.
    pub fn rewind(&mut self) {
        self.place = 0;
        self.done = self.intake.as_ref().is_none_or(Intake::is_empty);
    }

    /// Bytes received from the client.
    pub fn received(&self) -> u64 {
        self.intake.as_ref().map_or(0, Intake::received)
    }

    /// Queues the next piece on the link, which must have room.
    pub fn poll_queue(&mut self, cx: &mut Context<'_>, link: &mut Link) -> Poll<Result<(), IntakeError>> {
        let Some(intake) = &mut self.intake else {
            self.done = true;
            return Poll::Ready(Ok(()));
        };
        let piece = match intake.poll_piece(cx, &mut self.place) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
            Poll::Ready(Some(Ok(piece))) => Some(piece),
            Poll::Ready(None) => None,
        };
        let chunked = self.length == BodyLength::Chunked;
        match piece {
            None => {
                self.done = true;
                match intake.trailers() {
                    trailers if chunked => write_end(link.outbox(), trailers),
                    Some(_) => tracing::debug!("fields behind a body of known length are not passed on"),
                    None => {}
                }
            }
            Some(piece) if piece.is_empty() => {}
            Some(piece) if chunked => link.queue_chunk(piece, write_size),
            Some(piece) => link.queue(piece),
        }
        Poll::Ready(Ok(()))
    }
}
