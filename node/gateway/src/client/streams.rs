//! One HTTP/2 connection: many exchanges at once.
//!
//! A switchboard instead of a telephone: each call has a line of its own, with its own deadlines, and hanging one up does not disturb the
//! others. To the run loop an exchange here looks like one on a connection of its own ([`Client::on_a_stream`]).
//!
//! The codec guards the frames (sizes, lists of fields, windows, streams at once); this file guards what needs judgement: how long the
//! connection may lie idle, how many requests it may carry, and clients that take their requests back. Taking back costs a client nothing and us
//! a request to a peer, so whoever does little else is shown the door (the attack is called rapid reset). So is a client that opens streams and
//! does not take what it asked for: a stream that stands still loses its answer (`CANCEL`), and if nothing moved on any other one meanwhile, the
//! client is told to go (`GOAWAY`).
//!
//! The catch: the codec spawns a task per stream, and the response's body is sent by that task. Deadlines are therefore looked at
//! there ([`Line`]), not by the connection. What the connection itself sees is its socket ([`Cable`]).

use super::{Client, abandon::Abandon, bridge, cable::Cable};
use crate::{runloop, sweep::Stage, to_client::ToClient};
use http::{HeaderValue, Request, Response, header};
use hyper::{body::Incoming, rt::Executor, server::conn::http2, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite};

/// How long a client that was told to go may take to hang up.
const PARTING_TIMEOUT: Duration = Duration::from_secs(2);

/// First window of a stream: a request's body of usual size comes in without waiting for us.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;

/// First window of a connection.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// What of a response's body waits in the codec for the client, per stream.
const SEND_BUFFER_MAX_BYTES: usize = 64 * 1024;

/// A connection with its streams.
struct Board {
    client: Rc<Client>,
    /// Streams that are not over.
    open: Cell<u64>,
    /// Requests that were taken back before they were answered, or whose answers were not taken.
    taken_back: Cell<u64>,
    /// When the client last took something, on whichever stream.
    moved_ms: Cell<u64>,
    /// A stream was let go while nothing moved on any.
    still: Cell<bool>,
    /// The client was told to go.
    parting: Cell<bool>,
    /// The stream that the codec is about to spawn a task for.
    next: RefCell<Option<(Rc<Client>, Hold)>>,
}

/// Something that goes on, so that the connection is not idle.
pub(super) struct Hold(Rc<Board>);

impl Hold {
    fn new(board: &Rc<Board>) -> Self {
        board.client.slot.wait_on(Stage::Exchange);
        board.open.set(board.open.get() + 1);
        Hold(Rc::clone(board))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let board = &self.0;
        board.open.set(board.open.get() - 1);
        board.rest();
    }
}

/// Serves a connection.
pub(crate) async fn drive<S>(client: Rc<Client>, stream: S)
where
    S: AsyncRead + AsyncWrite + Abandon + Unpin + 'static,
{
    let board = Rc::new(Board {
        client: Rc::clone(&client),
        open: Cell::new(0),
        taken_back: Cell::new(0),
        moved_ms: Cell::new(client.slot.now_ms()),
        still: Cell::new(false),
        parting: Cell::new(false),
        next: RefCell::default(),
    });
    let answering = Rc::clone(&board);
    let service = service_fn(move |request| answering.answer(request));
    let cable = Cable::new(stream, Rc::clone(&client));
    let mut codec = builder(&board).serve_connection(TokioIo::new(cable), service);
    let ended = poll_fn(|cx| {
        client.slot.remember(cx);
        if !board.parting.get() && board.is_to_end() {
            board.parting.set(true);
            board.rest();
            Pin::new(&mut codec).graceful_shutdown();
        }
        match Pin::new(&mut codec).poll(cx) {
            Poll::Ready(ended) => Poll::Ready(ended),
            Poll::Pending if board.is_abandoned() => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    });
    if let Err(error) = ended.await {
        tracing::debug!(client = %client.address_text, %error, "a connection failed");
    }
}

fn builder(board: &Rc<Board>) -> http2::Builder<Hands> {
    let limits = &board.client.worker.options.limits;
    let mut builder = http2::Builder::new(Hands(Rc::clone(board)));
    builder
        .auto_date_header(false)
        .enable_connect_protocol()
        .max_concurrent_streams(limits.http2_streams_max)
        .max_header_list_size(u32::try_from(limits.head_max_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_MAX_BYTES);
    builder
}

impl Board {
    /// The exchange of a new stream.
    fn answer(
        self: &Rc<Self>,
        mut request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<ToClient>, Infallible>> + use<> {
        let client = &self.client;
        client.requests.set(client.requests.get() + 1);
        let stream = Rc::new(client.on_a_stream());
        let line = (Rc::clone(&stream), Hold::new(self));
        self.next.replace(Some(line));
        join_cookies(&mut request);
        let bridge = bridge::translate(&mut request).map(|bridge| (bridge, Hold::new(self)));
        async move {
            let answer = runloop::serve(Rc::clone(&stream), request).await?;
            if let Some((bridge, hold)) = bridge {
                bridge.open(&answer, stream, hold);
            }
            Ok(answer)
        }
    }

    /// Nothing is going on: how long that may last.
    fn rest(&self) {
        let timeout = if self.parting.get() {
            PARTING_TIMEOUT
        } else {
            self.client.worker.options.limits.idle_timeout
        };
        if self.open.get() == 0 {
            self.client.slot.wait(Stage::Idle, timeout);
        }
    }

    fn is_overdue(&self) -> bool {
        self.open.get() == 0 && self.client.slot.is_overdue()
    }

    /// Whether the client is to be told to go.
    fn is_to_end(&self) -> bool {
        self.client.ends_after_this() || self.is_overdue() || self.still.get()
    }

    /// The client took something.
    fn moves(&self) {
        self.moved_ms.set(self.client.slot.now_ms());
    }

    /// A stream is let go because its answer is not taken.
    fn lets_go(&self) {
        self.taken_back.set(self.taken_back.get() + 1);
        let stood_ms = self.client.slot.now_ms().saturating_sub(self.moved_ms.get());
        let grace_ms = self.client.worker.options.limits.rate_grace.as_millis();
        if u128::from(stood_ms) >= grace_ms {
            self.still.set(true);
        }
        tracing::debug!(client = %self.client.address_text, stood_ms, "a client does not take its answer");
    }

    /// Whether nothing more is to be had from the client, or nothing good.
    fn is_abandoned(&self) -> bool {
        let limit = self.client.worker.options.limits.http2_resets_max;
        let taken_back = self.taken_back.get();
        let mostly = taken_back.saturating_mul(2) > self.client.requests.get();
        if taken_back > limit && mostly {
            tracing::debug!(client = %self.client.address_text, taken_back, "a client takes its requests back");
            return true;
        }
        // The socket takes nothing, or the client was told to go and does not.
        self.client.slot.is_stalled() || (self.parting.get() && self.is_overdue())
    }
}

/// RFC 9113 §8.2.3: a client may send each cookie in a field of its own; origins behind HTTP/1.1 expect one.
fn join_cookies(request: &mut Request<Incoming>) {
    let headers = request.headers_mut();
    let mut cookies = headers.get_all(header::COOKIE).iter();
    let (Some(_), Some(_)) = (cookies.next(), cookies.next()) else {
        return;
    };
    let all: Vec<&[u8]> = headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if let Ok(joined) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
        headers.insert(header::COOKIE, joined);
    }
}

/// Spawns the codec's tasks on this worker.
#[derive(Clone)]
struct Hands(Rc<Board>);

impl<F: Future + 'static> Executor<F> for Hands {
    fn execute(&self, task: F) {
        match self.0.next.take() {
            Some((stream, hold)) => {
                tokio::task::spawn_local(Line {
                    task: Box::pin(task),
                    stream,
                    taken: 0,
                    hold,
                });
            }
            None => {
                tokio::task::spawn_local(async move { _ = task.await });
            }
        }
    }
}

/// One stream from its request to the last byte of its response.
struct Line<F> {
    task: Pin<Box<F>>,
    stream: Rc<Client>,
    /// What the client took of the answer, when last looked at.
    taken: u64,
    hold: Hold,
}

impl<F> Line<F> {
    /// Whether the client does not take its answer.
    fn is_stuck(&mut self) -> bool {
        let stream = &self.stream;
        if self.taken != stream.pace.taken() {
            self.taken = stream.pace.taken();
            self.hold.0.moves();
        }
        // While the peer is waited for, the stage is another one.
        if stream.slot.stage() == Stage::Answer {
            stream.stalls();
        }
        stream.slot.is_stalled()
    }
}

impl<F: Future> Future for Line<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.slot.remember(cx);
        match self.task.as_mut().poll(cx) {
            Poll::Ready(_) => {
                self.hold.0.moves();
                Poll::Ready(())
            }
            // The codec resets a stream that is let go.
            Poll::Pending if self.is_stuck() => {
                self.hold.0.lets_go();
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<F> Drop for Line<F> {
    fn drop(&mut self) {
        if !self.stream.answered.get() {
            let taken_back = &self.hold.0.taken_back;
            taken_back.set(taken_back.get() + 1);
        }
    }
}
