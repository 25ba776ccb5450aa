//! Every limit and waiting time of the Admin and status APIs.

use http::HeaderValue;
use std::time::Duration;

/// When answers carry `X-Troop-Revision` and `ETag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FactHeaders {
    /// On requests that use one of our own words (`wait`, `min_revision`, `consistency`, an `X-Troop-*`
    /// header, `If-Match` …). Everybody else gets Kong's headers and nothing more.
    #[default]
    WhenAsked,
    /// On every answer that has a revision.
    Always,
}

/// How the APIs behave. `Options::default()` is what production uses.
#[derive(Clone, Debug)]
pub struct Options {
    /// Largest request body. Kong: `nginx_admin_client_max_body_size`, 10 MB.
    pub body_size_max_bytes: u64,
    /// Most query arguments, and most body arguments, of one request. Kong: 1000.
    pub args_max: usize,
    /// How deep names like `a.b[c]` may nest; nothing in any schema comes near.
    pub arg_depth_max: usize,
    /// Time for a client to send a request head, from the first byte or from the last answer.
    pub head_timeout: Duration,
    /// Time for a client to send a request body, from the end of the head.
    pub body_timeout: Duration,
    /// Open connections per listener; those beyond get a 503 that says so.
    pub connections_max: usize,
    /// Bytes of a request head (hyper's read buffer); hyper refuses longer ones with 431.
    pub head_size_max_bytes: usize,
    /// Fields of a request head.
    pub head_fields_max: usize,
    /// How long a write may take to be committed.
    pub write_timeout: Duration,
    /// How long a read waits for the leader to confirm that it is current.
    pub read_timeout: Duration,
    /// How often a write is planned anew when others change what it read. Each round waits for the change
    /// that beat it, so that many writers of one record make progress one by one.
    pub plan_attempts_max: u32,
    /// How long a committed write waits for this node's data plane when the request names no `timeout`.
    pub serve_timeout: Duration,
    /// The longest `timeout` a request may name.
    pub wait_timeout_max: Duration,
    /// Event streams open at a time.
    pub event_streams_max: usize,
    /// An idle event stream says that it is alive this often.
    pub event_heartbeat: Duration,
    /// See [`FactHeaders`].
    pub fact_headers: FactHeaders,
    /// Whether answers carry `Server`.
    pub server_header: bool,
    /// Whether answers carry `X-Kong-Admin-Latency`.
    pub latency_header: bool,
    /// Origins of web pages that may read answers; none means any.
    pub web_origins: Vec<HeaderValue>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            body_size_max_bytes: 10 << 20,
            args_max: 1_000,
            arg_depth_max: 32,
            head_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(60),
            connections_max: 4_096,
            head_size_max_bytes: 64 << 10,
            head_fields_max: 100,
            write_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(5),
            plan_attempts_max: 64,
            serve_timeout: Duration::from_secs(5),
            wait_timeout_max: Duration::from_secs(60),
            event_streams_max: 64,
            event_heartbeat: Duration::from_secs(15),
            fact_headers: FactHeaders::default(),
            server_header: true,
            latency_header: true,
            web_origins: Vec::new(),
        }
    }
}
