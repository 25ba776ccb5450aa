//! What is refused or cut off, each with its reason.
//!
//! Every queue, buffer, wait and retry of the data plane ends somewhere. These are the ends that are not Kong settings. A client
//! that is merely slow never meets one; a client that sends a byte per second to hold a connection does.

use std::time::Duration;

/// The ends.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest head of a request, start line included. nginx takes four lines of 8 KiB; browsers with large cookies stay below.
    pub head_max_bytes: usize,
    /// From the first byte of a head to its last: a total, not a pause between bytes, which a slow attacker would keep.
    pub head_timeout: Duration,
    /// How long a new connection may stay silent: browsers open some ahead of need, attackers open many.
    pub first_byte_timeout: Duration,
    /// How long a client may keep a connection without another request. Kong: 75 s.
    pub idle_timeout: Duration,
    /// How long a request's body may take in all. `None`: as long as it keeps up the least rate.
    pub body_deadline: Option<Duration>,
    /// How long a request's body may pause.
    pub body_pause_timeout: Duration,
    /// For how long a body, or a client taking an answer, may be slower than [`rate_min_bytes`](Limits::rate_min_bytes).
    pub rate_grace: Duration,
    /// Slowest body in bytes per second, in either direction: 256 lets a phone on a bad line upload and makes holding a connection
    /// cost bandwidth. Zero is no limit.
    pub rate_min_bytes: u64,
    /// How long a client may take nothing of a response.
    pub send_timeout: Duration,
    /// Requests on one connection. Kong: 10,000; then it is closed, so that connections spread over workers again.
    pub requests_per_connection_max: u64,
    /// Connections a worker holds at once; more wait in the kernel's backlog. Kong: 16,384.
    pub connections_per_worker_max: u64,
    /// Connections one client address holds at once on this node, an IPv6 network of 64 bits counting as one; `None` is no limit.
    pub connections_per_ip_max: Option<u32>,
    /// Exchanges a worker has under way at once; the next is told to come back later. `None` is no limit.
    pub exchanges_per_worker_max: Option<u64>,
    /// How late a worker's rounds may come before it is overloaded. `None`: it never is.
    pub overload_lag: Option<Duration>,
    /// Requests under way at once on one connection of HTTP/2; a client opens another connection for more. nginx: 128.
    pub http2_streams_max: u32,
    /// Requests that a client may take back before they are answered, or whose answers it may leave lying, on one connection of HTTP/2, unless it
    /// lets as many be answered. Browsers take back dozens when somebody leaves a page; an attacker does nothing else.
    pub http2_resets_max: u64,
    /// Clients whose datagrams are passed on, for each worker and listening socket; those of more are dropped. Each has a socket towards its peer.
    pub datagram_sessions_max: usize,
    /// Largest head of a response. nginx answers 502 above 4 to 8 KiB; some origins set many cookies.
    pub peer_head_max_bytes: usize,
    /// Interim responses (1xx) before the real one; a thousand 103 are an attack.
    pub peer_interims_max: usize,
    /// How much of a request's body is kept for another try. Above it a failed try is final.
    pub replay_max_bytes: usize,
    /// Largest body a plugin may look into.
    pub plugin_body_max_bytes: usize,
    /// Consumers and credentials kept in memory: about 1 KiB each.
    pub shelf_entries_max: usize,
    /// Reads of the store in flight for consumers and credentials; more wait.
    pub lookups_max: usize,
    /// Plugin chains a worker remembers.
    pub chains_max: usize,
    /// Names the resolver remembers. Kong: 10,000.
    pub names_max: usize,
    /// How long a name server may take.
    pub resolve_timeout: Duration,
    /// Probes of peers in flight, all upstreams together: each is a socket and a moment of the control runtime; more wait for their turn.
    pub probes_max: usize,
    /// Access log lines waiting for the disk, in bytes; more are dropped and counted.
    pub access_log_queue_max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            head_max_bytes: 32 * 1024,
            head_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            body_deadline: None,
            body_pause_timeout: Duration::from_secs(60),
            rate_grace: Duration::from_secs(10),
            rate_min_bytes: 256,
            send_timeout: Duration::from_secs(60),
            requests_per_connection_max: 10_000,
            connections_per_worker_max: 16_384,
            connections_per_ip_max: None,
            exchanges_per_worker_max: None,
            overload_lag: Some(Duration::from_millis(500)),
            http2_streams_max: 128,
            http2_resets_max: 100,
            datagram_sessions_max: 4_096,
            peer_head_max_bytes: 64 * 1024,
            peer_interims_max: 8,
            replay_max_bytes: 1024 * 1024,
            plugin_body_max_bytes: 8 * 1024 * 1024,
            shelf_entries_max: 100_000,
            lookups_max: 64,
            chains_max: 4_096,
            names_max: 10_000,
            resolve_timeout: Duration::from_secs(5),
            probes_max: 256,
            access_log_queue_max_bytes: 16 * 1024 * 1024,
        }
    }
}
