//! The client's side: listeners, TLS, connections, and what a connection becomes.
//!
//! | file | subject |
//! |---|---|
//! | `listen.rs` | sockets that all workers share |
//! | `accept.rs` | taking connections in |
//! | `connection.rs` | one connection from its first to its last byte |
//! | `streams.rs` | one connection that speaks HTTP/2 |
//! | `wire.rs` | the bytes under the codec: deadlines, and refusals in our own words |
//! | `cable.rs`, `portion.rs` | the same for HTTP/2, and how an answer is served to a stream |
//! | `arrival.rs`, `proxy_header.rs`, `crowd.rs` | who comes: the address, what a load balancer says of it, how many are there already |
//! | `pace.rs`, `abandon.rs` | how fast an answer is taken, and the end of a client that hardly takes it |
//! | `tunnel.rs`, `bridge.rs` | a WebSocket, on a connection or on a stream |
//! | `tls.rs` | the certificate shown, and what is spoken inside |
//! | `hello.rs` | the name a client asks for, as it spells it |

pub(crate) mod abandon;
pub(crate) mod accept;
pub(crate) mod arrival;
mod bridge;
mod cable;
pub(crate) mod connection;
pub(crate) mod crowd;
pub(crate) mod hello;
pub(crate) mod listen;
pub(crate) mod pace;
pub(crate) mod portion;
pub(crate) mod proxy_header;
pub(crate) mod streams;
pub(crate) mod tls;
pub(crate) mod tunnel;
pub(crate) mod wire;

use crate::{
    peer::stream::PeerStream,
    sweep::{Slot, Stage},
    worker::Worker,
};
use arrival::Arrival;
use bytes::Bytes;
use crowd::Place;
use pace::Pace;
use std::{
    cell::{Cell, RefCell},
    net::{IpAddr, SocketAddr},
    rc::Rc,
    time::Duration,
};
use troop_stdx::Remote;

/// How long a connection that never said anything is waited for when the node drains: its request may be on its way.
const LAST_CALL: Duration = Duration::from_secs(1);

/// A client's connection, as the exchanges on it see it.
pub(crate) struct Client {
    pub worker: Rc<Worker>,
    pub slot: Rc<Slot>,
    /// Whence it came.
    pub remote: Remote,
    /// The port there; 0 where there are none.
    pub remote_port: u16,
    /// Whence it came, as text.
    pub address_text: Rc<str>,
    /// Whether `X-Forwarded-*` from there are believed.
    pub trusted: bool,
    /// The client's address as the connection's PROXY header told it.
    pub told: Option<IpAddr>,
    /// The address it connected to: the listening one, or where that is a wildcard the one it stood for. None of a unix socket.
    pub listener: Option<SocketAddr>,
    /// The listening port, as text; empty of a unix socket.
    pub port_text: Rc<str>,
    /// TLS, if it is spoken.
    pub tls: Option<Rc<TlsFacts>>,
    /// Whether it is one stream of many on a connection.
    pub is_stream: bool,
    /// Number of the connection since the node started.
    pub number: u64,
    /// Requests so far.
    pub requests: Cell<u64>,
    /// Both sides agreed on another protocol: the peer's half waits here.
    pub tunnel: RefCell<Option<Tunnel>>,
    /// The client is still sending a body that nobody reads.
    pub unread: Cell<bool>,
    /// The head of a response was made.
    pub answered: Cell<bool>,
    /// How fast the client takes what is sent.
    pub pace: Pace,
    gauge: Cell<Gauge>,
    /// Its place among the connections of its address, given back when it ends.
    _place: Option<Place>,
}

/// What the handshake told.
pub(crate) struct TlsFacts {
    /// The name the client asked for, as it spelt it.
    pub sni: Option<String>,
    /// Whether HTTP/2 was agreed on.
    pub http2: bool,
}

/// The peer's half of a tunnel.
pub(crate) struct Tunnel {
    pub stream: PeerStream,
    /// What the peer sent already.
    pub early: Bytes,
    /// How long it may be quiet.
    pub quiet_timeout: Duration,
}

/// In which of the counted states a connection is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gauge {
    Waiting,
    Reading,
    Writing,
}

impl Client {
    /// A connection that has not said anything yet.
    pub fn new(
        worker: Rc<Worker>,
        arrival: Arrival,
        listener: Option<SocketAddr>,
        tls: Option<TlsFacts>,
        number: u64,
    ) -> Self {
        let remote = Remote::from(arrival.address);
        let slot = worker.sweep.enter();
        slot.wait(Stage::Idle, worker.options.limits.first_byte_timeout);
        Client {
            trusted: worker.options.trusts(remote),
            told: arrival.told,
            pace: Pace::new(&worker.options.limits),
            _place: arrival.place,
            address_text: remote.to_string().into(),
            port_text: listener
                .map_or_else(String::new, |listener| listener.port().to_string())
                .into(),
            worker,
            slot,
            remote,
            remote_port: arrival.address.map_or(0, |address| address.port()),
            listener,
            tls: tls.map(Rc::new),
            is_stream: false,
            number,
            requests: Cell::new(0),
            tunnel: RefCell::default(),
            unread: Cell::new(false),
            answered: Cell::new(false),
            gauge: Cell::new(Gauge::Waiting),
        }
    }

    /// The same client on a stream of this connection, which keeps deadlines of its own.
    pub fn on_a_stream(&self) -> Client {
        Client {
            slot: self.worker.sweep.enter(),
            worker: Rc::clone(&self.worker),
            remote: self.remote,
            remote_port: self.remote_port,
            address_text: Rc::clone(&self.address_text),
            trusted: self.trusted,
            told: self.told,
            listener: self.listener,
            port_text: Rc::clone(&self.port_text),
            tls: self.tls.clone(),
            is_stream: true,
            number: self.number,
            requests: Cell::new(self.requests.get().saturating_sub(1)),
            tunnel: RefCell::default(),
            unread: Cell::new(false),
            answered: Cell::new(false),
            pace: Pace::new(&self.worker.options.limits),
            gauge: Cell::new(Gauge::Waiting),
            _place: None,
        }
    }

    /// The first byte of a head came.
    pub fn head_begins(&self) {
        self.slot
            .wait(Stage::Head, self.worker.options.limits.head_timeout);
        self.count(Gauge::Reading);
    }

    /// The port it connected to; 0 of a unix socket.
    pub fn port(&self) -> u16 {
        self.listener.map_or(0, |listener| listener.port())
    }

    /// A head is complete.
    pub fn exchange_begins(&self) {
        self.requests.set(self.requests.get() + 1);
        self.slot.wait_on(Stage::Exchange);
        self.count(Gauge::Writing);
    }

    /// The response is made; the client has to take it.
    pub fn answer_begins(&self) {
        self.pace.starts();
        self.answered.set(true);
        self.slot
            .wait(Stage::Answer, self.worker.options.limits.send_timeout);
    }

    /// The client took so many bytes: whatever is on its way to it may take that much longer.
    pub fn progressed(&self, bytes: usize) {
        self.takes(bytes);
        match self.slot.stage() {
            Stage::Answer => self.slot.extend(self.worker.options.limits.send_timeout),
            Stage::Idle => self.slot.extend(self.worker.options.limits.idle_timeout),
            Stage::Head | Stage::Exchange => {}
        }
    }

    /// The client took so many bytes.
    pub fn takes(&self, bytes: usize) {
        self.pace.took(bytes, self.slot.now_ms());
        self.slot.flow();
    }

    /// The client took all there was to send.
    pub fn has_taken_all(&self) {
        self.pace.starts();
        self.slot.flow();
    }

    /// The client takes nothing now: it has as long as a pause may last, or less if its pace so far allows less.
    pub fn stalls(&self) {
        let pause = self.worker.options.limits.send_timeout;
        let patience = self.pace.waits(self.slot.now_ms());
        self.slot
            .stall(patience.map_or(pause, |patience| patience.min(pause)));
    }

    /// The node drains: whoever has not said anything yet has a moment left to do so.
    pub fn leaves_soon(&self) {
        if self.slot.stage() == Stage::Idle {
            self.slot.hasten(LAST_CALL);
        }
    }

    /// The codec has all of the response; what is left in its buffer may still be on its way.
    pub fn answer_ends(&self) {
        self.slot
            .wait(Stage::Idle, self.worker.options.limits.idle_timeout);
        self.count(Gauge::Waiting);
    }

    /// Whether the connection ends with the response to this request.
    pub fn ends_after_this(&self) -> bool {
        self.worker.is_draining()
            || self.requests.get() >= self.worker.options.limits.requests_per_connection_max
    }

    fn count(&self, now: Gauge) {
        let page = &self.worker.page;
        match self.gauge.replace(now) {
            Gauge::Waiting => {}
            Gauge::Reading => page.reading.down(),
            Gauge::Writing => page.writing.down(),
        }
        match now {
            Gauge::Waiting => {}
            Gauge::Reading => page.reading.up(),
            Gauge::Writing => page.writing.up(),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.count(Gauge::Waiting);
        if !self.is_stream {
            self.worker.page.closed.up();
        }
    }
}
