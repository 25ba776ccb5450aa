//! The response's body of a call, with its trailers.
//!
//! It streams like a [`Download`](super::download::Download): a piece is taken when the client's side asks for one, and only then does the peer get
//! leave to send more. What is special is the end: the outcome of a call stands in the trailers, so they are never lost.

use super::{
    download::{DownloadError, Pauses},
    trunk::Ride,
};
use crate::{
    sweep::{Slot, Stage},
    trailers::Trailers,
};
use bytes::Bytes;
use http_body::Body;
use hyper::body::Incoming;
use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};
use troop_balancer::Occupied;

/// A body coming from a peer.
pub(crate) struct Inflow {
    body: Incoming,
    ride: Option<Ride>,
    occupied: Option<Occupied>,
    trailers: Option<Box<Trailers>>,
    ended: bool,
    waiting: bool,
    pauses: Pauses,
    slot: Rc<Slot>,
}

impl Inflow {
    /// The body behind a head. The ride and the place at the peer are given back at its end.
    pub fn new(
        body: Incoming,
        ride: Ride,
        occupied: Option<Occupied>,
        pauses: Pauses,
        slot: Rc<Slot>,
    ) -> Self {
        let mut inflow = Inflow {
            ended: body.is_end_stream(),
            body,
            ride: Some(ride),
            occupied,
            trailers: None,
            waiting: false,
            pauses,
            slot,
        };
        if inflow.ended {
            inflow.finish();
        }
        inflow
    }

    /// Whether its last piece was handed on.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether something stands behind its last piece.
    pub fn has_trailers(&self) -> bool {
        self.trailers.is_some()
    }

    /// What stands behind its last piece.
    pub fn take_trailers(&mut self) -> Option<Box<Trailers>> {
        self.trailers.take()
    }

    /// The next piece; `None` behind the last one.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, DownloadError>>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            if self.waiting && self.slot.is_overdue() {
                return Poll::Ready(Some(Err(DownloadError::TimedOut)));
            }
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
                if !self.waiting {
                    self.waiting = true;
                    self.slot.wait(Stage::Exchange, self.pauses.read);
                }
                return Poll::Pending;
            };
            self.waiting = false;
            self.slot.wait(Stage::Answer, self.pauses.send);
            match frame {
                None => self.finish(),
                Some(Err(error)) => {
                    return Poll::Ready(Some(Err(DownloadError::Broken(io::Error::other(error)))));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) => return Poll::Ready(Some(Ok(piece))),
                    Err(frame) => {
                        if let Ok(fields) = frame.into_trailers() {
                            self.trailers = Trailers::admit(fields).map_err(DownloadError::Trailers)?;
                        }
                        self.finish();
                    }
                },
            }
        }
    }

    fn finish(&mut self) {
        self.ended = true;
        self.occupied = None;
        if let Some(mut ride) = self.ride.take() {
            ride.passes(self.slot.now_ms());
        }
    }
}
