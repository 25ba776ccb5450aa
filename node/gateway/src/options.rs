//! How one gateway runs: the argument of [`Gateway::start`](crate::Gateway::start).
//!
//! Plain values that whoever composes the program fills from its settings. Defaults are Kong's.

use crate::{error_pages::ErrorPages, limits::Limits, real_ip::RealIp};
use ipnet::IpNet;
use std::{fmt, net::SocketAddr, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};
use troop_expression::Flavor;
use troop_plugin_api::Node;
use troop_stdx::{Remote, Whereabouts};
use troop_telemetry::{LineFormat, SessionFormat, trace::Spans};

/// How one gateway runs.
#[derive(Clone, Debug)]
pub struct GatewayOptions {
    /// Where clients are listened to; each worker listens everywhere.
    pub listeners: Vec<ListenOptions>,
    /// Where datagrams are taken, to be passed on by routes for them.
    pub datagrams: Vec<SocketAddr>,
    /// Threads that serve.
    pub workers: NonZeroUsize,
    /// How this node is called in what plugins see.
    pub node: Node,
    /// What `Server` and `Via` say.
    pub token: String,
    /// Which fields of its own the gateway adds.
    pub headers: HeaderTokens,
    /// What the gateway's own errors look like.
    pub error_pages: ErrorPages,
    /// Largest request body; 0 is no limit.
    pub client_max_body_size_bytes: u64,
    /// How routes are written.
    pub router_flavor: Flavor,
    /// Whose `X-Forwarded-*` are believed.
    pub trusted_ips: Vec<IpNet>,
    /// Whether those of clients over unix sockets are, too.
    pub trusts_unix: bool,
    /// TLS towards clients.
    pub tls: TlsOptions,
    /// Shown to peers that ask for a certificate and whose service and upstream name none.
    pub badge_for_peers: Option<KeyFiles>,
    /// Where a trusted address says who its client is.
    pub real_ip: RealIp,
    /// Idle connections to peers.
    pub keepalive: KeepaliveOptions,
    /// Where a line per request goes.
    pub access_log: AccessLog,
    /// What the line looks like.
    pub access_log_format: LineFormat,
    /// The share of requests that get one, from 0 to 1.
    pub access_log_share: f64,
    /// Where a line per connection or run of datagrams goes that was passed on as it came.
    pub session_log: AccessLog,
    /// What that line looks like.
    pub session_log_format: SessionFormat,
    /// What of exchanges goes into traces; nothing by default.
    pub tracing: Option<Tracing>,
    /// What is refused or cut off.
    pub limits: Limits,
}

/// What of exchanges goes into traces.
#[derive(Clone)]
pub struct Tracing {
    /// The whole exchange.
    pub request: bool,
    /// Each try to reach a peer.
    pub balancer: bool,
    /// Of the journeys that begin here, the share that is kept.
    pub share: f64,
    /// Who takes them.
    pub spans: Arc<dyn Spans>,
}

impl fmt::Debug for Tracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracing")
            .field("request", &self.request)
            .field("balancer", &self.balancer)
            .field("share", &self.share)
            .finish_non_exhaustive()
    }
}

/// One listening address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    /// Address and port, of which 0 takes any free one; or a unix socket.
    pub address: Whereabouts,
    /// Who may use the file of a unix socket.
    pub file_mode: u32,
    /// Whether clients speak TLS there.
    pub tls: bool,
    /// Whether they may speak HTTP/2.
    pub http2: bool,
    /// Whether bytes are passed on as they come, by routes for streams; else HTTP is spoken.
    pub raw: bool,
    /// Whether each connection starts with a PROXY header.
    pub proxy_protocol: bool,
    /// Connections the kernel may hold for us until they are accepted.
    pub backlog: u32,
}

/// TLS towards clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// Whether TLS 1.2 is offered.
    pub tls_12: bool,
    /// Whether TLS 1.3 is offered.
    pub tls_13: bool,
    /// Suites that are offered, in the order of preference, by their numbers in IANA's registry; none is all.
    pub suites: Vec<u16>,
    /// Whether that order counts, not the client's.
    pub own_order: bool,
    /// Whether sessions can be resumed, by tickets.
    pub tickets: bool,
    /// For how long.
    pub session_timeout: Duration,
    /// Certificates for names that the configuration has none for, one of each kind; none makes a self-signed one.
    pub certificates: Vec<KeyFiles>,
}

/// A certificate and its key, both in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFiles {
    /// File of the certificate, with the chain behind it.
    pub certificate: PathBuf,
    /// File of its key.
    pub key: PathBuf,
}

/// Fields the gateway adds to responses, and its id to requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderTokens {
    /// `Server` on its own answers.
    pub server: bool,
    /// `Via` on proxied answers.
    pub via: bool,
    /// `X-Kong-Proxy-Latency`
    pub proxy_latency: bool,
    /// `X-Kong-Upstream-Latency`
    pub upstream_latency: bool,
    /// `X-Kong-Response-Latency`
    pub response_latency: bool,
    /// `X-Kong-Upstream-Status`
    pub upstream_status: bool,
    /// `X-Kong-Request-Id`, to clients.
    pub request_id: bool,
    /// The same, to peers.
    pub peer_request_id: bool,
}

/// The four formats of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    /// `text/plain`
    Plain,
    /// `application/json`
    Json,
    /// `application/xml`
    Xml,
    /// `text/html`
    Html,
}

/// Idle connections to peers, per worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepaliveOptions {
    /// How many to keep per peer; 0 keeps none.
    pub pool_size: usize,
    /// After how many requests a connection is closed; 0 is never.
    pub requests_max: u64,
    /// How long one may lie idle; zero is for ever.
    pub idle_timeout: Duration,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// To the end of this file, which may be `/dev/stdout`.
    File(PathBuf),
}

impl GatewayOptions {
    /// Whether an address may speak for others.
    pub(crate) fn trusts(&self, client: Remote) -> bool {
        match client {
            Remote::Ip(address) => self.trusted_ips.iter().any(|range| range.contains(&address)),
            Remote::Unix => self.trusts_unix,
        }
    }
}

impl ListenOptions {
    /// Without TLS, with the kernel's customary backlog.
    pub fn plain(address: impl Into<Whereabouts>) -> Self {
        ListenOptions {
            address: address.into(),
            file_mode: FILE_MODE,
            tls: false,
            http2: false,
            raw: false,
            proxy_protocol: false,
            backlog: BACKLOG,
        }
    }

    /// With TLS.
    pub fn tls(address: impl Into<Whereabouts>) -> Self {
        ListenOptions {
            tls: true,
            ..ListenOptions::plain(address)
        }
    }
}

/// Whoever is on this machine, as with a port on loopback. Kong: as nginx.
const FILE_MODE: u32 = 0o666;

/// Kong: 16384; the kernel lowers it to `net.core.somaxconn`.
const BACKLOG: u32 = 16_384;

impl Default for TlsOptions {
    fn default() -> Self {
        TlsOptions {
            tls_12: true,
            tls_13: true,
            suites: Vec::new(),
            own_order: false,
            tickets: true,
            session_timeout: Duration::from_secs(24 * 60 * 60),
            certificates: Vec::new(),
        }
    }
}

impl Default for HeaderTokens {
    fn default() -> Self {
        HeaderTokens {
            server: true,
            via: true,
            proxy_latency: true,
            upstream_latency: true,
            response_latency: true,
            upstream_status: false,
            request_id: true,
            peer_request_id: true,
        }
    }
}

impl Default for KeepaliveOptions {
    fn default() -> Self {
        KeepaliveOptions {
            pool_size: 512,
            requests_max: 10_000,
            idle_timeout: Duration::from_secs(60),
        }
    }
}

impl Default for GatewayOptions {
    fn default() -> Self {
        GatewayOptions {
            listeners: Vec::new(),
            datagrams: Vec::new(),
            workers: NonZeroUsize::MIN,
            node: Node {
                id: String::new(),
                hostname: String::new(),
            },
            token: "kong/3.9.1".to_owned(),
            headers: HeaderTokens::default(),
            error_pages: ErrorPages::default(),
            client_max_body_size_bytes: 0,
            router_flavor: Flavor::default(),
            trusted_ips: Vec::new(),
            trusts_unix: false,
            tls: TlsOptions::default(),
            badge_for_peers: None,
            real_ip: RealIp::default(),
            keepalive: KeepaliveOptions::default(),
            access_log: AccessLog::Off,
            access_log_format: LineFormat::default(),
            access_log_share: 1.0,
            session_log: AccessLog::Off,
            session_log_format: SessionFormat::default(),
            tracing: None,
            limits: Limits::default(),
        }
    }
}
