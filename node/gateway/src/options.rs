//! How one gateway runs: the argument of [`Gateway::start`](crate::Gateway::start).
//!
//! Plain values that whoever composes the program fills from its settings. Defaults are Kong's.

use crate::{error_pages::ErrorPages, limits::Limits, real_ip::RealIp};
use ipnet::IpNet;
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    num::NonZeroUsize,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use troop_expression::Flavor;
use troop_plugin_api::Node;
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
    /// TLS towards clients.
    pub tls: TlsOptions,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    /// Address and port; port 0 takes any free one.
    pub address: SocketAddr,
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
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_ips.iter().any(|range| range.contains(&address))
    }
}

impl ListenOptions {
    /// Without TLS, with the kernel's customary backlog.
    pub fn plain(address: SocketAddr) -> Self {
        ListenOptions {
            address,
            tls: false,
            http2: false,
            raw: false,
            proxy_protocol: false,
            backlog: BACKLOG,
        }
    }

    /// With TLS.
    pub fn tls(address: SocketAddr) -> Self {
        ListenOptions {
            tls: true,
            ..ListenOptions::plain(address)
        }
    }
}

/// Kong: 16384; the kernel lowers it to `net.core.somaxconn`.
const BACKLOG: u32 = 16_384;

impl Default for TlsOptions {
    fn default() -> Self {
        TlsOptions {
            tls_12: true,
            tls_13: true,
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
            tls: TlsOptions::default(),
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
