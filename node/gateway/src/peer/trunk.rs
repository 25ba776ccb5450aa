//! HTTP/2 connections to peers, each of which carries many calls at once.
//!
//! A railway line with many trains on it. There is no rank of waiting cabs as for HTTP/1.1: a call takes a place on a line that has one left,
//! and a new line is laid only when all are full. A worker has its own lines.
//!
//! The catch: a line may be closed by the peer while calls are on it. Whoever is told before any of its bytes left simply takes
//! another line.

use super::{outflow::Outflow, pool::PeerKey, stream::PeerStream};
use crate::{hash::QuickMap, options::KeepaliveOptions};
use hyper::{client::conn::http2, rt::Executor};
use hyper_util::rt::TokioIo;
use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::Pin,
    rc::Rc,
};

/// First window of a call's response.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;

/// First window of a line.
const LINE_WINDOW_BYTES: u32 = 1024 * 1024;

/// Calls on one line at once, if the peer allows as many: their bytes share one connection, and one lost packet holds up all of them.
const CALLS_MAX: usize = 100;

/// A worker's lines.
pub(crate) struct Trunks {
    options: KeepaliveOptions,
    head_max_bytes: u32,
    lines: RefCell<QuickMap<PeerKey, Vec<Rc<Line>>>>,
}

/// One connection.
struct Line {
    sender: http2::SendRequest<Outflow>,
    /// Calls the peer takes at once.
    room: Rc<Cell<usize>>,
    calls: Cell<usize>,
    served: Cell<u64>,
    /// When the last call ended, or the line was laid.
    since_ms: Cell<u64>,
}

/// A call's place on a line, given back by dropping it.
pub(crate) struct Ride {
    line: Rc<Line>,
    trunks: Rc<Trunks>,
    now_ms: u64,
}

impl Trunks {
    /// No lines yet.
    pub fn new(options: KeepaliveOptions, head_max_bytes: usize) -> Rc<Self> {
        Rc::new(Trunks {
            options,
            head_max_bytes: u32::try_from(head_max_bytes).unwrap_or(u32::MAX),
            lines: RefCell::default(),
        })
    }

    /// A place on a line that is there.
    pub fn take(self: &Rc<Self>, key: &PeerKey, now_ms: u64) -> Option<Ride> {
        let lines = self.lines.borrow();
        let line = lines.get(key)?.iter().find(|line| self.has_room(line))?;
        Some(self.ride(line, now_ms))
    }

    /// A place on a new line.
    pub async fn lay(
        self: &Rc<Self>,
        key: &PeerKey,
        stream: PeerStream,
        now_ms: u64,
    ) -> Result<Ride, hyper::Error> {
        let shaking = http2::Builder::new(Hands)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(LINE_WINDOW_BYTES)
            .max_header_list_size(self.head_max_bytes)
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, mut connection) = shaking?;
        let room = Rc::new(Cell::new(CALLS_MAX));
        let told = Rc::clone(&room);
        tokio::task::spawn_local(async move {
            let carrying = poll_fn(|cx| {
                let carried = Pin::new(&mut connection).poll(cx);
                told.set(connection.current_max_send_streams());
                carried
            });
            if let Err(error) = carrying.await {
                tracing::debug!(%error, "a connection to a peer ended");
            }
        });
        let line = Rc::new(Line {
            sender,
            room,
            calls: Cell::new(0),
            served: Cell::new(0),
            since_ms: Cell::new(now_ms),
        });
        if self.options.pool_size > 0 {
            let mut lines = self.lines.borrow_mut();
            lines.entry(key.clone()).or_default().push(Rc::clone(&line));
        }
        Ok(self.ride(&line, now_ms))
    }

    fn ride(self: &Rc<Self>, line: &Rc<Line>, now_ms: u64) -> Ride {
        line.calls.set(line.calls.get() + 1);
        line.served.set(line.served.get() + 1);
        Ride {
            line: Rc::clone(line),
            trunks: Rc::clone(self),
            now_ms,
        }
    }

    fn has_room(&self, line: &Line) -> bool {
        let most = line.room.get().min(CALLS_MAX);
        !line.sender.is_closed() && !self.is_worn(line) && line.calls.get() < most
    }

    fn is_worn(&self, line: &Line) -> bool {
        self.options.requests_max > 0 && line.served.get() >= self.options.requests_max
    }

    /// Lets go of lines that are closed, worn, or lay idle for too long; calls on them go on.
    pub fn prune(&self, now_ms: u64) {
        let idle_max = u64::try_from(self.options.idle_timeout.as_millis()).unwrap_or(u64::MAX);
        let is_idle = |line: &Line| {
            idle_max > 0 && line.calls.get() == 0 && now_ms.saturating_sub(line.since_ms.get()) > idle_max
        };
        self.lines.borrow_mut().retain(|_, lines| {
            lines.retain(|line| !line.sender.is_closed() && !self.is_worn(line) && !is_idle(line));
            !lines.is_empty()
        });
    }
}

impl Ride {
    /// What sends on this line.
    pub fn sender(&self) -> http2::SendRequest<Outflow> {
        self.line.sender.clone()
    }

    /// Nobody is to take this line any more.
    pub fn derail(&self) {
        let line = &self.line;
        self.trunks.lines.borrow_mut().retain(|_, lines| {
            lines.retain(|other| !Rc::ptr_eq(other, line));
            !lines.is_empty()
        });
    }

    /// The call is still going on at this time.
    pub fn passes(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
    }
}

impl Drop for Ride {
    fn drop(&mut self) {
        self.line.calls.set(self.line.calls.get() - 1);
        self.line.since_ms.set(self.now_ms);
    }
}

/// Spawns the codec's tasks on this worker.
#[derive(Clone)]
struct Hands;

impl<F: Future + 'static> Executor<F> for Hands {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(async move { _ = task.await });
    }
}
