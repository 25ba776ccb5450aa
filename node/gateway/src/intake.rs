//! The request's body on its way in.
//!
//! Water through a hose with a measuring jug beside it. It flows straight to the peer; the jug keeps what has passed so far, as long
//! as it fits, so that the same water can be poured again when the peer fails. A plugin that must look at the whole body has it all
//! caught in the jug first. What stands behind the body is kept in any case, for every try.
//!
//! The catch is the trickle: a client that sends a byte a second never pauses long enough for a timeout between reads. So the
//! total is held against a minimum rate as well, and against a deadline where one is set.

use crate::{
    limits::Limits,
    rescue::Rescue,
    sweep::{Slot, Stage},
    trailers::{Refused, Trailers},
};
use bytes::{Bytes, BytesMut};
use futures_util::future::LocalBoxFuture;
use http_body::Body as _;
use hyper::body::Incoming;
use std::{
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};
use thiserror::Error;
use troop_plugin_api::{BodyError, BodySource};

/// Why the body ended early.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IntakeError {
    /// It is larger than allowed.
    #[error("the body is larger than allowed")]
    TooLarge,
    /// It came too slowly, or stopped coming.
    #[error("the body came too slowly")]
    TooSlow,
    /// The client broke off, or sent no proper body.
    #[error("the body broke off")]
    Broken,
    /// What stands behind it is refused.
    #[error(transparent)]
    Trailers(#[from] Refused),
}

/// A body coming in.
pub(crate) struct Intake {
    hose: Option<Incoming>,
    declared: Option<u64>,
    jug: Vec<Bytes>,
    jug_bytes: usize,
    /// Something has passed that the jug does not hold.
    spilled: bool,
    received: u64,
    started_ms: Option<u64>,
    trailers: Option<Box<Trailers>>,
    rules: Rules,
    slot: Rc<Slot>,
}

/// What ends a body.
#[derive(Clone, Copy)]
struct Rules {
    max_bytes: u64,
    jug_max_bytes: usize,
    plugin_max_bytes: usize,
    pause: Duration,
    grace_ms: u64,
    rate_min_bytes: u64,
    deadline_ms: u64,
}

impl Intake {
    /// The body of a request. `max_bytes` of zero is no limit.
    pub fn new(body: Incoming, max_bytes: u64, limits: &Limits, slot: Rc<Slot>) -> Self {
        let empty = body.is_end_stream();
        Intake {
            declared: body.size_hint().exact(),
            hose: if empty { None } else { Some(body) },
            jug: Vec::new(),
            jug_bytes: 0,
            spilled: false,
            received: 0,
            started_ms: None,
            trailers: None,
            rules: Rules {
                max_bytes: if max_bytes == 0 { u64::MAX } else { max_bytes },
                jug_max_bytes: limits.replay_max_bytes,
                plugin_max_bytes: limits.plugin_body_max_bytes,
                pause: limits.body_pause_timeout,
                grace_ms: millis(limits.rate_grace),
                rate_min_bytes: limits.rate_min_bytes,
                deadline_ms: limits.body_deadline.map_or(u64::MAX, millis),
            },
            slot,
        }
    }

    /// Its length, if known before it has come in.
    pub fn length(&self) -> Option<u64> {
        self.declared
    }

    /// Whether there is nothing in it, nor behind it.
    pub fn is_empty(&self) -> bool {
        self.declared == Some(0) && self.trailers.is_none()
    }

    /// What stands behind it, once all of it has come in.
    pub fn trailers(&self) -> Option<&Trailers> {
        self.trailers.as_deref()
    }

    /// The client may take its time: it talks with the peer, and may have nothing to say for a while.
    pub fn take_time(&mut self) {
        self.rules.grace_ms = u64::MAX;
        self.rules.deadline_ms = u64::MAX;
    }

    /// Bytes received so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Refuses a body that says beforehand that it is too large.
    pub fn check_declared(&self) -> Result<(), IntakeError> {
        match self.declared {
            Some(declared) if declared > self.rules.max_bytes => Err(IntakeError::TooLarge),
            _ => Ok(()),
        }
    }

    /// Whether it can be poured again from the start.
    pub fn can_repeat(&self) -> bool {
        !self.spilled
    }

    /// The piece at `place`, counted from the start of the body; `None` behind the last one.
    pub fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
        place: &mut usize,
    ) -> Poll<Option<Result<Bytes, IntakeError>>> {
        if let Some(piece) = self.jug.get(*place) {
            *place += 1;
            return Poll::Ready(Some(Ok(piece.clone())));
        }
        let piece = match self.poll_hose(cx) {
            Poll::Ready(Some(Ok(piece))) => piece,
            other => return other,
        };
        if self.spilled {
            return Poll::Ready(Some(Ok(piece)));
        }
        if self.jug_bytes + piece.len() > self.rules.jug_max_bytes {
            self.spilled = true;
            self.jug = Vec::new();
        } else {
            self.jug_bytes += piece.len();
            self.jug.push(piece.clone());
            *place += 1;
        }
        Poll::Ready(Some(Ok(piece)))
    }

    fn poll_hose(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, IntakeError>>> {
        let Some(hose) = &mut self.hose else {
            return Poll::Ready(None);
        };
        loop {
            match Pin::new(&mut *hose).poll_frame(cx) {
                Poll::Pending => {
                    self.started_ms.get_or_insert(self.slot.now_ms());
                    return Poll::Pending;
                }
                Poll::Ready(None) => {
                    self.hose = None;
                    return Poll::Ready(None);
                }
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Some(Err(IntakeError::Broken))),
                Poll::Ready(Some(Ok(frame))) => {
                    let frame = match frame.into_data() {
                        Ok(data) => {
                            return Poll::Ready(Some(self.rules.measure(
                                &mut self.received,
                                self.started_ms,
                                &self.slot,
                                data,
                            )));
                        }
                        Err(frame) => frame,
                    };
                    if let Ok(fields) = frame.into_trailers() {
                        self.trailers = Trailers::admit(fields)?;
                    }
                }
            }
        }
    }

    /// Catches a body of unknown length in the jug, as far as it fits, so that its length may become known. `patient`: waits for the
    /// client; otherwise takes only what is there.
    ///
    /// Kong: a buffered request is sent on with its length, never in chunks; some origins know no chunks.
    pub async fn gather(&mut self, patient: bool) -> Result<(), IntakeError> {
        self.slot.wait(Stage::Exchange, self.rules.pause);
        let mut seen = None;
        poll_fn(|cx| {
            let gathered = self.poll_gather(cx);
            match gathered {
                // What has arrived already is handed on piece by piece, each after a turn of the codec.
                Poll::Pending if !patient && seen.replace(self.jug_bytes) != Some(self.jug_bytes) => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                Poll::Pending if !patient => Poll::Ready(Ok(())),
                Poll::Pending if self.slot.is_overdue() => Poll::Ready(Err(IntakeError::TooSlow)),
                other => other,
            }
        })
        .await
    }

    /// Pending while the client has to send more.
    fn poll_gather(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), IntakeError>> {
        while self.jug_bytes < self.rules.jug_max_bytes {
            match ready!(self.poll_hose(cx)) {
                Some(Ok(piece)) => {
                    self.slot.extend(self.rules.pause);
                    self.jug_bytes += piece.len();
                    self.jug.push(piece);
                }
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => {
                    self.declared = Some(self.jug_bytes as u64);
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// All of it, kept in the jug as one piece.
    async fn collect(&mut self) -> Result<Bytes, BodyError> {
        let limit_bytes = self.rules.plugin_max_bytes;
        let mut whole = BytesMut::new();
        let mut place = 0;
        self.rules.jug_max_bytes = limit_bytes;
        self.slot.wait(Stage::Exchange, self.rules.pause);
        while let Some(piece) = poll_fn(|cx| self.poll_piece_in_time(cx, &mut place)).await {
            let piece = piece.map_err(|error| match error {
                IntakeError::TooLarge => BodyError::TooLarge {
                    limit_bytes: usize::try_from(self.rules.max_bytes).unwrap_or(usize::MAX),
                },
                other => BodyError::Broken(other.to_string()),
            })?;
            if whole.len() + piece.len() > limit_bytes {
                return Err(BodyError::TooLarge { limit_bytes });
            }
            whole.extend_from_slice(&piece);
            self.slot.extend(self.rules.pause);
        }
        self.slot.wait_on(Stage::Exchange);
        let whole = whole.freeze();
        self.jug = if whole.is_empty() {
            Vec::new()
        } else {
            vec![whole.clone()]
        };
        self.jug_bytes = whole.len();
        self.declared = Some(whole.len() as u64);
        Ok(whole)
    }

    fn poll_piece_in_time(
        &mut self,
        cx: &mut Context<'_>,
        place: &mut usize,
    ) -> Poll<Option<Result<Bytes, IntakeError>>> {
        match self.poll_piece(cx, place) {
            Poll::Pending if self.slot.is_overdue() => Poll::Ready(Some(Err(IntakeError::TooSlow))),
            other => other,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Rules {
    fn measure(
        self,
        received: &mut u64,
        started_ms: Option<u64>,
        slot: &Slot,
        data: Bytes,
    ) -> Result<Bytes, IntakeError> {
        *received += data.len() as u64;
        if *received > self.max_bytes {
            return Err(IntakeError::TooLarge);
        }
        let elapsed = started_ms.map_or(0, |started| slot.now_ms().saturating_sub(started));
        let due = (elapsed.saturating_sub(self.grace_ms) / 1_000).saturating_mul(self.rate_min_bytes);
        if *received < due || elapsed > self.deadline_ms {
            Err(IntakeError::TooSlow)
        } else {
            Ok(data)
        }
    }
}

impl BodySource for Intake {
    fn read(&mut self) -> LocalBoxFuture<'_, Result<Bytes, BodyError>> {
        Box::pin(self.collect())
    }

    fn limit(&mut self, max_bytes: u64) {
        self.rules.max_bytes = self.rules.max_bytes.min(max_bytes);
    }

    /// What stood behind the body goes with it: it spoke of the other one (a checksum, a signature).
    fn replace(&mut self, body: Bytes) {
        self.hose = None;
        self.trailers = None;
        self.spilled = false;
        self.declared = Some(body.len() as u64);
        self.jug_bytes = body.len();
        self.jug = if body.is_empty() { Vec::new() } else { vec![body] };
    }
}
impl From<IntakeError> for Rescue {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::TooLarge => Rescue::BodyTooLarge,
            IntakeError::TooSlow => Rescue::RequestTimeout,
            IntakeError::Broken | IntakeError::Trailers(_) => Rescue::BadRequest,
        }
    }
}
