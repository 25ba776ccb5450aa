//! The request's body of a call, on its way into HTTP/2.
//!
//! The codec pulls, in a task of its own, for as long as the call lasts: client and peer may talk in turns, in parallel, or not at all for a while.
//! So nothing is gathered first, and no rate is asked for; what limits the call is how long nobody says anything.

use crate::{
    intake::{Intake, IntakeError},
    sweep::{Slot, Stage},
};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

/// What all tries of a call pour from.
pub(crate) struct Stock {
    intake: RefCell<Intake>,
    slot: Rc<Slot>,
    quiet_timeout: Duration,
    /// Which try may pour.
    turn: Cell<u32>,
    fault: Cell<Option<IntakeError>>,
}

impl Stock {
    /// Of a request.
    pub fn new(mut intake: Intake, slot: Rc<Slot>, quiet_timeout: Duration) -> Rc<Self> {
        intake.take_time();
        Rc::new(Stock {
            intake: RefCell::new(intake),
            slot,
            quiet_timeout,
            turn: Cell::new(0),
            fault: Cell::new(None),
        })
    }

    /// The body for another try; that of the one before runs dry.
    pub fn pour(self: &Rc<Self>) -> Outflow {
        self.turn.set(self.turn.get() + 1);
        Outflow {
            stock: Rc::clone(self),
            turn: self.turn.get(),
            place: 0,
            signed: false,
        }
    }

    /// Whether all of it can be poured again.
    pub fn can_repeat(&self) -> bool {
        self.intake.borrow().can_repeat()
    }

    /// Bytes received from the client.
    pub fn received(&self) -> u64 {
        self.intake.borrow().received()
    }

    /// What the client did wrong, if it was the client.
    pub fn fault(&self) -> Option<IntakeError> {
        self.fault.get()
    }
}

/// The body of one try.
pub(crate) struct Outflow {
    stock: Rc<Stock>,
    turn: u32,
    place: usize,
    /// What stands behind the body was handed on.
    signed: bool,
}

impl Body for Outflow {
    type Data = Bytes;
    type Error = IntakeError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, IntakeError>>> {
        let this = self.get_mut();
        let stock = &this.stock;
        if this.turn != stock.turn.get() {
            return Poll::Ready(Some(Err(IntakeError::Broken)));
        }
        let mut intake = stock.intake.borrow_mut();
        let piece = ready!(intake.poll_piece(cx, &mut this.place));
        if piece.is_none()
            && !this.signed
            && let Some(trailers) = intake.trailers()
        {
            this.signed = true;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers.to_map()))));
        }
        Poll::Ready(piece.map(|piece| {
            let piece = piece.inspect_err(|error| stock.fault.set(Some(*error)))?;
            if stock.slot.stage() == Stage::Exchange {
                stock.slot.extend(stock.quiet_timeout);
            }
            Ok(Frame::data(piece))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.stock.intake.borrow().is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
