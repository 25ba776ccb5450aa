//! A request onto a link, and the head of the response off it.
//!
//! Both directions at once: a peer may answer before it has read the whole body, and must then be heard.

use super::{
    head::{self, Expected, HeadError, Parsed, PeerHead},
    link::Link,
    upload::Upload,
};
use crate::{
    intake::IntakeError,
    limits::Limits,
    sweep::{Slot, Stage},
};
use std::{
    future::poll_fn,
    io,
    task::{Context, Poll, ready},
    time::Duration,
};
use thiserror::Error;

/// How long a peer may take for each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// To accept the connection.
    pub connect: Duration,
    /// Between two successful writes.
    pub write: Duration,
    /// Between two successful reads.
    pub read: Duration,
}

/// Why a try gave no response.
#[derive(Debug, Error)]
pub(crate) enum TryError {
    /// No connection came about.
    #[error("connecting failed: {0}")]
    Connect(#[source] io::Error),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(#[source] io::Error),
    /// The peer ended the connection without an answer.
    #[error("the peer closed the connection without an answer")]
    Closed,
    /// What it answered is no response.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// It sent interim responses without end.
    #[error("too many interim responses")]
    Interims,
    /// It took too long.
    #[error("the peer took too long")]
    TimedOut,
    /// It is the client's fault.
    #[error(transparent)]
    Client(#[from] IntakeError),
}

/// For what the exchange waits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Client,
    PeerTaking,
    PeerAnswering,
}

/// One request on one link.
struct Sending<'a> {
    link: &'a mut Link,
    upload: &'a mut Upload,
    slot: &'a Slot,
    timeouts: Timeouts,
    limits: &'a Limits,
    expected: Expected,
    waiting: Waiting,
    sent: bool,
    /// Writing failed; the peer may have answered before it closed.
    broken: Option<io::Error>,
    interims: usize,
}

/// Sends what is in the link's outbox and the body behind it, and waits for the head of the response.
pub(crate) async fn request(
    link: &mut Link,
    upload: &mut Upload,
    expected: Expected,
    slot: &Slot,
    timeouts: Timeouts,
    limits: &Limits,
) -> Result<Box<PeerHead>, TryError> {
    slot.wait(Stage::Exchange, timeouts.write);
    let mut sending = Sending {
        link,
        upload,
        slot,
        timeouts,
        limits,
        expected,
        waiting: Waiting::PeerTaking,
        sent: false,
        broken: None,
        interims: 0,
    };
    poll_fn(|cx| sending.poll(cx)).await
}

impl Sending<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Box<PeerHead>, TryError>> {
        if self.slot.is_overdue() {
            return Poll::Ready(Err(match self.waiting {
                Waiting::Client => IntakeError::TooSlow.into(),
                Waiting::PeerTaking | Waiting::PeerAnswering => TryError::TimedOut,
            }));
        }
        if !self.sent {
            match self.poll_send(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.await_answer(),
                Poll::Ready(Err(TryError::Broken(error))) => {
                    self.broken = Some(error);
                    self.await_answer();
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
        self.poll_answer(cx)
    }

    fn await_answer(&mut self) {
        self.sent = true;
        self.waiting = Waiting::PeerAnswering;
        self.slot.extend(self.timeouts.read);
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TryError>> {
        loop {
            let starved = self.fill_outbox(cx)?;
            let (slot, timeout) = (self.slot, self.timeouts.write);
            match self.link.poll_send(cx, &mut || slot.extend(timeout)) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(TryError::Broken(error))),
                Poll::Pending => {
                    self.waiting = Waiting::PeerTaking;
                    return Poll::Pending;
                }
            }
            if self.upload.is_done() {
                return Poll::Ready(Ok(()));
            }
            if starved {
                if self.waiting != Waiting::Client {
                    self.waiting = Waiting::Client;
                    self.slot.extend(self.limits.body_pause_timeout);
                }
                return Poll::Pending;
            }
        }
    }

    /// Queues as much of the body as there is room for. True when the client has to send more first.
    fn fill_outbox(&mut self, cx: &mut Context<'_>) -> Result<bool, TryError> {
        while !self.upload.is_done() && self.link.has_room() {
            match self.upload.poll_queue(cx, self.link) {
                // Something came: the next wait for the client is a new one.
                Poll::Ready(result) => {
                    result?;
                    self.waiting = Waiting::PeerTaking;
                }
                Poll::Pending => return Ok(true),
            }
        }
        Ok(false)
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Box<PeerHead>, TryError>> {
        loop {
            let count = match ready!(self.link.poll_fill(cx)) {
                Ok(count) => count,
                Err(error) => return Poll::Ready(Err(TryError::Broken(self.broken.take().unwrap_or(error)))),
            };
            if count == 0 {
                let broken = self.broken.take().map_or(TryError::Closed, TryError::Broken);
                return Poll::Ready(Err(broken));
            }
            if self.sent {
                self.slot.extend(self.timeouts.read);
            }
            if let Some(head) = self.parse()? {
                return Poll::Ready(Ok(head));
            }
        }
    }

    fn parse(&mut self) -> Result<Option<Box<PeerHead>>, TryError> {
        loop {
            match head::parse(
                &mut self.link.inbox,
                self.expected,
                self.limits.peer_head_max_bytes,
            )? {
                Parsed::Partial => return Ok(None),
                Parsed::Final(head) => return Ok(Some(head)),
                Parsed::Interim => self.interims += 1,
            }
            if self.interims > self.limits.peer_interims_max {
                return Err(TryError::Interims);
            }
            if self.link.inbox.is_empty() {
                return Ok(None);
            }
        }
    }
}
