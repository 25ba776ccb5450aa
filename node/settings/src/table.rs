//! The table of settings: one row each, from which everything else derives.
//!
//! A row reads as `name: Type = "default", kong "kong's name";` under its text. The macro turns the
//! rows into the fields of [`Settings`] and into [`Setting`] values that know how to fill their
//! field from text. A name becomes a flag by swapping `_` for `-`, and a variable by `TROOP_` and
//! capitals; no row spells these out.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use troop_expression::Flavor;

use crate::value::Value;
use crate::{
    AccessLog, ByteSize, CipherSuite, Ciphers, ErrorType, Headers, HeadersUpstream, HostPort,
    Instrumentations, Listen, LogFormat, LogLevel, PluginNames, Protocols, RealIpHeader, Secret, Share,
    StreamAccessLog, StreamListen, TrustedIps, WebOrigin, Workers,
};

/// One row of the table.
#[derive(Debug)]
pub struct Setting {
    /// Its name in the file; flags and variables are spelled from it.
    pub name: &'static str,
    /// Kong's name for it, accepted in the file and as a `KONG_*` variable.
    pub kong: Option<&'static str>,
    /// What holds when nobody says anything; empty means unset.
    pub default: &'static str,
    /// The form a value takes, for people.
    pub form: &'static str,
    /// Which part of the reference page it stands in.
    pub section: Section,
    /// Its text, one element per source line, each with the leading space rustdoc leaves.
    pub text: &'static [&'static str],
    /// Whether its value must never be printed.
    pub secret: bool,
    pub(crate) fill: fn(&mut Settings, &str) -> Result<(), String>,
    pub(crate) show: fn(&Settings) -> String,
}

impl Setting {
    /// The flag of `troop start`, without its dashes in front: `proxy-listen`.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// The environment variable: `TROOP_PROXY_LISTEN`.
    pub fn variable(&self) -> String {
        format!("TROOP_{}", self.name.to_uppercase())
    }

    /// Kong's environment variable, where Kong has the setting: `KONG_PROXY_LISTEN`.
    pub fn kong_variable(&self) -> Option<String> {
        self.kong.map(|name| format!("KONG_{}", name.to_uppercase()))
    }

    /// Whether it is a switch: a flag without value turns it on.
    pub fn is_switch(&self) -> bool {
        self.form == <bool as Value>::FORM
    }

    /// The description as one paragraph.
    pub fn description(&self) -> String {
        self.text
            .iter()
            .map(|line| line.trim())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// The parts of the reference page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Sockets.
    Listeners,
    /// Identity and place in the cluster.
    Cluster,
    /// What is written where.
    Logs,
    /// How requests are served.
    Proxy,
    /// What clients with TLS are offered.
    Tls,
    /// What clients are refused for, or cut off.
    Limits,
    /// The replicated store.
    Store,
}

impl Section {
    /// Every section, in the order of the reference page.
    pub const ALL: [Section; 7] = [
        Section::Listeners,
        Section::Cluster,
        Section::Logs,
        Section::Proxy,
        Section::Tls,
        Section::Limits,
        Section::Store,
    ];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Section::Listeners => "Listeners",
            Section::Cluster => "Cluster",
            Section::Logs => "Logs",
            Section::Proxy => "Proxy",
            Section::Tls => "TLS",
            Section::Limits => "Limits",
            Section::Store => "Store",
        }
    }
}

macro_rules! settings {
    (@kong) => { None };
    (@kong $kong:literal) => { Some($kong) };
    ($( $section:ident { $(
        $(#[doc = $text:literal])+
        $name:ident: $kind:ty = $default:literal $(, kong $kong:literal)? $(, secret $secret:literal)?;
    )+ } )+) => {
        /// Everything one process was told about itself, parsed.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Settings { $( $( $(#[doc = $text])+ pub $name: $kind, )+ )+ }

        impl Settings {
            /// What holds when nobody says anything.
            pub(crate) fn defaults() -> Self {
                Settings { $( $(
                    $name: <$kind as Value>::parse($default).expect("invariant: a default of the table parses"),
                )+ )+ }
            }
        }

        static TABLE: &[Setting] = &[ $( $( Setting {
            name: stringify!($name),
            kong: settings!(@kong $($kong)?),
            default: $default,
            form: <$kind as Value>::FORM,
            section: Section::$section,
            text: &[$($text),+],
            secret: false $( || $secret )?,
            fill: |settings, text| {
                settings.$name = <$kind as Value>::parse(text)?;
                Ok(())
            },
            show: |settings| settings.$name.show(),
        }, )+ )+ ];
    };
}

/// Every setting there is, in the order of the reference page.
pub fn table() -> &'static [Setting] {
    TABLE
}

settings! {
    Listeners {
        /// Where clients connect. Entries are `ADDRESS:PORT`, or `unix:/PATH` for a unix socket, with flags behind (`ssl`, `http2`,
        /// `proxy_protocol`, `backlog=N`); `off` opens none. Port 0 takes a free port. The file of a unix socket may be used by everybody on
        /// the machine unless the flag `mode=0660` says otherwise.
        proxy_listen: Vec<Listen> = "0.0.0.0:8000, 0.0.0.0:8443 ssl http2", kong "proxy_listen";
        /// Where connections and datagrams are taken that are passed on as they come, by routes for `tcp`, `tls`,
        /// `tls_passthrough` and `udp`. Flags: `ssl`, `udp`, `proxy_protocol`, `backlog=N`; unix sockets as for `proxy_listen`.
        stream_listen: Vec<StreamListen> = "off", kong "stream_listen";
        /// Where the Admin API answers, with the flags `ssl` and `http2`, too. It has no password: an address other than loopback is refused
        /// unless clients must show a certificate there (`admin_ssl_client_ca`), or `insecure_admin` says so. The file of a unix socket is for the node's own user (mode 0600) unless the flag
        /// `mode` says otherwise.
        admin_listen: Vec<Listen> = "127.0.0.1:8001", kong "admin_listen";
        /// Where load balancers and monitoring ask whether this node is well, with the flags `ssl` and `http2`, too.
        status_listen: Vec<Listen> = "127.0.0.1:8007", kong "status_listen";
        /// Where the other nodes connect, always with TLS and a certificate of the cluster on both sides.
        peer_listen: SocketAddr = "0.0.0.0:7443";
        /// Allows `admin_listen` to leave loopback although anybody who reaches it may change everything.
        insecure_admin: bool = "off";
        /// Addresses of web pages that may use the Admin API from a browser, such as Kong Manager's. Unset: any.
        admin_gui_url: Vec<WebOrigin> = "", kong "admin_gui_url";
    }
    Cluster {
        /// Directory of the store, the node's identity and the cluster's certificates. One process at a time.
        data_dir: PathBuf = "./troop-data";
        /// Name of this node for people. Unset: the name of the host.
        node_name: Option<String> = "";
        /// Address under which the other nodes reach `peer_listen`. Unset: the address of `peer_listen`, or the
        /// host's own where that is a wildcard.
        advertise: Option<HostPort> = "";
        /// Peer address of any member of the cluster to join. Read only while the data directory is empty.
        join: Option<HostPort> = "";
        /// Join token printed by `troop token create`; works only with `join`.
        token: Option<Secret> = "", secret true;
        /// How long a node that was told to stop waits for open requests before it ends them.
        drain_timeout: Duration = "30s";
    }
    Logs {
        /// Least severe message written to standard error.
        log_level: LogLevel = "notice", kong "log_level";
        /// Lines for people (`text`) or one JSON object per line (`json`).
        log_format: LogFormat = "text";
        /// File that gets one line per proxied request; `off` writes none. A relative path starts in `data_dir`.
        proxy_access_log: AccessLog = "/dev/stdout", kong "proxy_access_log";
        /// What the line looks like: `standard`, `combined` (as nginx and Apache write it), `json`, or a pattern with nginx's
        /// `$variables`; see [Observing troop](../observing.md#the-access-log).
        proxy_access_log_format: String = "standard";
        /// Share of requests that get a line: every tenth one with `0.1`.
        proxy_access_log_sampling: Share = "1";
        /// File that gets one line per connection, or run of datagrams, that was passed on as it came (`stream_listen`); `off` writes none. It may
        /// be the file of `proxy_access_log`. A relative path starts in `data_dir`.
        proxy_stream_access_log: StreamAccessLog = "/dev/stdout", kong "proxy_stream_access_log";
        /// What that line looks like: `basic` (as nginx writes it for streams), `json`, or a pattern with nginx's `$variables`; see
        /// [Observing troop](../observing.md#connections-and-datagrams).
        proxy_stream_access_log_format: String = "basic";
        /// What becomes a span of a trace: the exchange with the client (`request`), each try to reach a peer (`balancer`), changes
        /// through the Admin API (`admin`). Kong's other words are taken and make none.
        tracing_instrumentations: Instrumentations = "off", kong "tracing_instrumentations";
        /// Share of the traces that begin here which is kept; of those that come from elsewhere, as their header says.
        tracing_sampling_rate: Share = "0.01", kong "tracing_sampling_rate";
        /// Where a collector takes spans by OTLP: `http://` or `https://` with a path, or `grpc://` or `grpcs://` without.
        tracing_endpoint: String = "http://127.0.0.1:4318/v1/traces";
        /// File (PEM) of the authorities that vouch for a collector behind `https` or `grpcs`. Unset: those the machine trusts. A
        /// relative path starts in `data_dir`.
        tracing_ca_cert: Option<PathBuf> = "";
    }
    Proxy {
        /// Threads that serve requests; `auto` is one per core.
        workers: Workers = "auto", kong "nginx_worker_processes";
        /// Plugins that may be configured: `bundled`, names, both, or `off`.
        plugins: PluginNames = "bundled", kong "plugins";
        /// How routes are written and ordered: `traditional_compatible` (hosts, paths, methods and the like), `traditional`
        /// (the same, in the order of Kong before 3.0, with `path_handling`) or `expressions` (besides, in a language of
        /// conditions). The same on every node.
        router_flavor: Flavor = "traditional_compatible", kong "router_flavor";
        /// Largest body of a proxied request; 0 is no limit.
        client_max_body_size: ByteSize = "0", kong "nginx_http_client_max_body_size";
        /// Largest body of an Admin API request; 0 is no limit.
        admin_client_max_body_size: ByteSize = "10m", kong "nginx_admin_client_max_body_size";
        /// Addresses and CIDR ranges whose `X-Forwarded-*` headers are believed; with `unix:` also those of clients over unix sockets.
        trusted_ips: TrustedIps = "", kong "trusted_ips";
        /// Header from which a trusted address tells its client's: a single address or a list of which the last
        /// counts, or `proxy_protocol` for what the connection's PROXY header said.
        real_ip_header: RealIpHeader = "X-Real-IP", kong "real_ip_header";
        /// Goes on to the left in that list while the addresses in it are trusted themselves.
        real_ip_recursive: bool = "off", kong "real_ip_recursive";
        /// Headers the gateway adds to responses: `server_tokens`, `latency_tokens`, single names, or `off`.
        headers: Headers = "server_tokens, latency_tokens, x-kong-request-id", kong "headers";
        /// Headers the gateway adds to requests for the service.
        headers_upstream: HeadersUpstream = "x-kong-request-id", kong "headers_upstream";
        /// Content type of the gateway's own errors for a client that accepts anything.
        error_default_type: ErrorType = "text/plain", kong "error_default_type";
        /// File with the page for the gateway's own errors where a client asks for HTML: the first `%s` in it is the message, the second the id of
        /// the request, `%%` a percent sign. Read at the start; a relative path starts in `data_dir`. Unset: Kong's page.
        error_template_html: Option<PathBuf> = "", kong "error_template_html";
        /// The same for `application/json`, and for whoever names no preference to a plugin or the router.
        error_template_json: Option<PathBuf> = "", kong "error_template_json";
        /// The same for `text/plain`.
        error_template_plain: Option<PathBuf> = "", kong "error_template_plain";
        /// The same for `application/xml`.
        error_template_xml: Option<PathBuf> = "", kong "error_template_xml";
        /// Idle connections kept per worker and address behind the gateway; 0 keeps none.
        upstream_keepalive_pool_size: usize = "512", kong "upstream_keepalive_pool_size";
        /// Requests sent over one such connection before it is closed; 0 is no limit.
        upstream_keepalive_max_requests: u64 = "10000", kong "upstream_keepalive_max_requests";
        /// How long such a connection may stay idle; 0 is for ever.
        upstream_keepalive_idle_timeout: Duration = "60", kong "upstream_keepalive_idle_timeout";
    }
    Tls {
        /// Versions of TLS offered to clients. Older ones are not spoken.
        ssl_protocols: Protocols = "TLSv1.2 TLSv1.3", kong "ssl_protocols";
        /// What clients may encrypt with, by the names of Mozilla's guide: `intermediate` is every suite with forward
        /// secrecy and authenticated encryption, `modern` those of TLS 1.3, which is then the only version offered. `custom`
        /// are those that `ssl_ciphers` names.
        ssl_cipher_suite: CipherSuite = "intermediate", kong "ssl_cipher_suite";
        /// Files (PEM, with the chain) of the certificates shown for names that no SNI of the configuration is for; one per
        /// kind of key. Unset: a self-signed one is made at every start. A relative path starts in `data_dir`.
        ssl_cert: Vec<PathBuf> = "", kong "ssl_cert";
        /// Files (PEM) of the keys of `ssl_cert`, in the same order.
        ssl_cert_key: Vec<PathBuf> = "", kong "ssl_cert_key";
        /// The suites of `ssl_cipher_suite = custom`, such as `ECDHE-RSA-AES128-GCM-SHA256`. Without any of TLS 1.3 among them, all of
        /// those are offered.
        ssl_ciphers: Ciphers = "", kong "ssl_ciphers";
        /// With `custom`, the order of `ssl_ciphers` decides; else the client's, which knows what is cheap for it.
        ssl_prefer_server_ciphers: bool = "on", kong "ssl_prefer_server_ciphers";
        /// Lets clients that come back resume their session with a ticket. Without it they shake hands in full.
        ssl_session_tickets: bool = "on", kong "ssl_session_tickets";
        /// How long a session may be resumed. The keys of tickets change, so more than 12 hours is 12 hours.
        ssl_session_timeout: Duration = "1d", kong "ssl_session_timeout";
        /// Shows a certificate of the node to services that ask for one and have no `client_certificate`, nor does their upstream.
        client_ssl: bool = "off", kong "client_ssl";
        /// File (PEM, with the chain) of that certificate. A relative path starts in `data_dir`.
        client_ssl_cert: Option<PathBuf> = "", kong "client_ssl_cert";
        /// File (PEM) of its key.
        client_ssl_cert_key: Option<PathBuf> = "", kong "client_ssl_cert_key";
        /// Files of the certificates of `admin_listen`, as for `ssl_cert`. Versions and suites are those for clients.
        admin_ssl_cert: Vec<PathBuf> = "", kong "admin_ssl_cert";
        /// Files of their keys.
        admin_ssl_cert_key: Vec<PathBuf> = "", kong "admin_ssl_cert_key";
        /// File (PEM) of authorities: whoever uses the Admin API with TLS must show a certificate of one of them. With it, entries of
        /// `admin_listen` with `ssl` may leave loopback.
        admin_ssl_client_ca: Option<PathBuf> = "";
        /// Files of the certificates of `status_listen`, as for `ssl_cert`.
        status_ssl_cert: Vec<PathBuf> = "", kong "status_ssl_cert";
        /// Files of their keys.
        status_ssl_cert_key: Vec<PathBuf> = "", kong "status_ssl_cert_key";
    }
    Limits {
        /// Connections a worker holds at once; more wait in the kernel. `auto` is 16384, or as many as the
        /// process may open files for.
        connections_per_worker: Workers = "auto", kong "nginx_events_worker_connections";
        /// Connections one client address (for IPv6 one /64 network) may hold open on this node; 0 is no limit. More are
        /// closed at once. `trusted_ips` are not counted.
        connections_per_ip: u32 = "0";
        /// Requests a worker serves at once; more are answered with 503 and `Retry-After`. 0 is no limit.
        requests_per_worker: u64 = "0";
        /// A worker that runs this late for ten rounds of 100 ms in a row answers new requests with 503 and
        /// `Retry-After` until it keeps up again; 0 never.
        overload_lag: Duration = "500ms";
        /// How long a new connection may stay silent.
        client_first_byte_timeout: Duration = "30s";
        /// From the first byte of a request's head to its last.
        client_header_timeout: Duration = "10s", kong "nginx_http_client_header_timeout";
        /// Largest head of a request; 0 is 1m.
        client_max_header_size: ByteSize = "32k";
        /// How long a request's body may pause.
        client_body_timeout: Duration = "60s", kong "nginx_http_client_body_timeout";
        /// How long a whole body may take to arrive; 0 is no limit.
        client_body_deadline: Duration = "0";
        /// How long a client may take nothing of its answer.
        client_send_timeout: Duration = "60s", kong "nginx_http_send_timeout";
        /// Slowest request body, and slowest taking of an answer, in bytes per second; 0 is no limit.
        client_min_rate: ByteSize = "256";
        /// For how long a client may be slower than that.
        client_min_rate_grace: Duration = "10s";
        /// How long a connection may wait for its next request.
        client_keepalive_timeout: Duration = "75s", kong "nginx_http_keepalive_timeout";
        /// Requests on one connection before it is closed, so that connections spread over the workers anew.
        client_keepalive_requests: u64 = "10000", kong "nginx_http_keepalive_requests";
    }
    Store {
        /// Log entries between two snapshots of the store.
        raft_snapshot_every: u64 = "50000";
        /// Log entries kept behind a snapshot, so that a member that was away catches up from the log. A value
        /// below the default is for tests: a member that lags further must be sent the whole state.
        raft_log_keep: u64 = "50000";
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_default_parses() {
        let mut settings = Settings::defaults();
        for setting in table() {
            (setting.fill)(&mut settings, setting.default)
                .unwrap_or_else(|problem| panic!("{}: {problem}", setting.name));
        }
    }

    #[test]
    fn what_a_setting_shows_parses_to_the_same_value() {
        let mut settings = Settings::defaults();
        for setting in table().iter().filter(|setting| !setting.secret) {
            let shown = (setting.show)(&settings);
            (setting.fill)(&mut settings, &shown)
                .unwrap_or_else(|problem| panic!("{} = {shown}: {problem}", setting.name));
            assert_eq!((setting.show)(&settings), shown, "{}", setting.name);
        }
        assert_eq!(settings, Settings::defaults());
    }

    #[test]
    fn no_name_stands_for_two_settings() {
        let mut seen = HashSet::new();
        for setting in table() {
            assert!(seen.insert(setting.name), "{} twice", setting.name);
        }
        for setting in table() {
            let Some(kong) = setting.kong else { continue };
            assert!(kong == setting.name || seen.insert(kong), "{kong} twice");
        }
    }

    #[test]
    fn flags_and_variables_are_spelled_from_the_name() {
        let setting = table().iter().find(|setting| setting.name == "workers").unwrap();
        assert_eq!(setting.flag(), "workers");
        assert_eq!(setting.variable(), "TROOP_WORKERS");
        assert_eq!(setting.kong_variable().unwrap(), "KONG_NGINX_WORKER_PROCESSES");
    }
}
