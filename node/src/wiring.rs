//! Settings to the options of parts: one function per part, no decisions.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};
use troop_gateway as gateway;
use troop_plugin_api::Node;
use troop_raft_store as raft_store;
use troop_settings::{self as settings, Settings};
use troop_telemetry::{LineFormat, trace::Spans};

/// For the data plane.
pub fn gateway_options(
    settings: &Settings,
    format: LineFormat,
    spans: Option<Arc<dyn Spans>>,
    node: Node,
) -> gateway::GatewayOptions {
    let listeners = settings.proxy_listen.iter().map(|listen| gateway::ListenOptions {
        http2: listen.http2,
        ..listen_options(listen)
    });
    let streams = settings.stream_listen.iter().filter_map(|listen| match listen {
        settings::StreamListen::Tcp(listen) => Some(gateway::ListenOptions {
            raw: true,
            ..listen_options(listen)
        }),
        settings::StreamListen::Udp(_) => None,
    });
    let datagrams = settings.stream_listen.iter().filter_map(|listen| match listen {
        settings::StreamListen::Udp(address) => Some(*address),
        settings::StreamListen::Tcp(_) => None,
    });
    let headers = &settings.headers;
    gateway::GatewayOptions {
        listeners: listeners.chain(streams).collect(),
        datagrams: datagrams.collect(),
        workers: workers(settings.workers),
        node,
        headers: gateway::HeaderTokens {
            server: headers.server,
            via: headers.via,
            proxy_latency: headers.proxy_latency,
            upstream_latency: headers.upstream_latency,
            response_latency: headers.response_latency,
            upstream_status: headers.upstream_status,
            request_id: headers.request_id,
            peer_request_id: settings.headers_upstream.request_id,
        },
        client_max_body_size_bytes: settings.client_max_body_size.limit().unwrap_or_default(),
        router_flavor: settings.router_flavor,
        trusted_ips: settings.trusted_ips.ranges.clone(),
        trusts_unix: settings.trusted_ips.unix,
        tls: tls_options(settings, [&settings.ssl_cert, &settings.ssl_cert_key]),
        badge_for_peers: badge_for_peers(settings),
        real_ip: gateway::RealIp {
            source: match &settings.real_ip_header {
                settings::RealIpHeader::Field(name) => gateway::RealIpSource::Field(name.clone()),
                settings::RealIpHeader::ProxyProtocol => gateway::RealIpSource::ProxyProtocol,
            },
            recursive: settings.real_ip_recursive,
        },
        keepalive: gateway::KeepaliveOptions {
            pool_size: settings.upstream_keepalive_pool_size,
            requests_max: settings.upstream_keepalive_max_requests,
            idle_timeout: settings.upstream_keepalive_idle_timeout,
        },
        access_log: access_log(&settings.proxy_access_log, settings),
        session_log: access_log(&settings.proxy_stream_access_log.0, settings),
        limits: limits(settings),
        tracing: spans.and_then(|spans| tracing(settings, spans)),
        access_log_format: format,
        access_log_share: settings.proxy_access_log_sampling.get(),
        ..gateway::GatewayOptions::default()
    }
}

fn access_log(log: &settings::AccessLog, settings: &Settings) -> gateway::AccessLog {
    match log {
        settings::AccessLog::Off => gateway::AccessLog::Off,
        settings::AccessLog::File(path) => gateway::AccessLog::File(settings.data_dir.join(path)),
    }
}

fn listen_options(listen: &settings::Listen) -> gateway::ListenOptions {
    let plain = gateway::ListenOptions::plain(listen.address.clone());
    gateway::ListenOptions {
        tls: listen.ssl,
        proxy_protocol: listen.proxy_protocol,
        backlog: listen.backlog,
        file_mode: listen.mode.unwrap_or(plain.file_mode),
        ..plain
    }
}

/// For a listener with these certificates and keys.
pub fn tls_options(settings: &Settings, [certificates, keys]: [&[PathBuf]; 2]) -> gateway::TlsOptions {
    let files = certificates.iter().zip(keys);
    gateway::TlsOptions {
        tls_12: settings.offers_tls_12(),
        tls_13: settings.ssl_protocols.tls_13,
        certificates: files
            .map(|(certificate, key)| key_files(settings, certificate, key))
            .collect(),
        suites: settings.chosen_ciphers(),
        own_order: settings.prefers_own_ciphers(),
        tickets: settings.ssl_session_tickets,
        session_timeout: settings.ssl_session_timeout,
    }
}

fn key_files(settings: &Settings, certificate: &Path, key: &Path) -> gateway::KeyFiles {
    gateway::KeyFiles {
        certificate: settings.data_dir.join(certificate),
        key: settings.data_dir.join(key),
    }
}

/// What the node shows to services, if it shows anything.
fn badge_for_peers(settings: &Settings) -> Option<gateway::KeyFiles> {
    let files = settings
        .client_ssl_cert
        .as_ref()
        .zip(settings.client_ssl_cert_key.as_ref());
    let (certificate, key) = files.filter(|_| settings.client_ssl)?;
    Some(key_files(settings, certificate, key))
}

fn limits(settings: &Settings) -> gateway::Limits {
    let some = |time: Duration| Some(time).filter(|time| !time.is_zero());
    let count = |number: u64| Some(number).filter(|number| *number > 0);
    let head_max_bytes = settings.client_max_header_size.limit().unwrap_or(HEAD_MAX_BYTES);
    gateway::Limits {
        connections_per_worker_max: match settings.connections_per_worker {
            settings::Workers::Auto => gateway::Limits::default().connections_per_worker_max,
            settings::Workers::Count(count) => u64::from(count.get()),
        },
        connections_per_ip_max: Some(settings.connections_per_ip).filter(|most| *most > 0),
        exchanges_per_worker_max: count(settings.requests_per_worker),
        overload_lag: some(settings.overload_lag),
        first_byte_timeout: settings.client_first_byte_timeout,
        head_timeout: settings.client_header_timeout,
        head_max_bytes: usize::try_from(head_max_bytes).unwrap_or(usize::MAX),
        body_pause_timeout: settings.client_body_timeout,
        body_deadline: some(settings.client_body_deadline),
        send_timeout: settings.client_send_timeout,
        rate_min_bytes: settings.client_min_rate.limit().unwrap_or(0),
        rate_grace: settings.client_min_rate_grace,
        idle_timeout: settings.client_keepalive_timeout,
        requests_per_connection_max: settings.client_keepalive_requests,
        ..gateway::Limits::default()
    }
}

/// Largest head of a request where the settings name none: still a limit, for each connection may hold one.
const HEAD_MAX_BYTES: u64 = 1 << 20;

/// None while no exchange becomes a span.
fn tracing(settings: &Settings, spans: Arc<dyn Spans>) -> Option<gateway::Tracing> {
    let wanted = settings.tracing_instrumentations;
    (wanted.request || wanted.balancer).then(|| gateway::Tracing {
        request: wanted.request,
        balancer: wanted.balancer,
        share: settings.tracing_sampling_rate.get(),
        spans,
    })
}

fn workers(workers: settings::Workers) -> NonZeroUsize {
    match workers {
        settings::Workers::Auto => thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        settings::Workers::Count(count) => count.into(),
    }
}

/// For the store.
pub fn store_options(settings: &Settings, data_dir: PathBuf, node_id: u64) -> raft_store::Options {
    raft_store::Options {
        snapshot_every_entries: settings.raft_snapshot_every,
        log_keep_entries: settings.raft_log_keep,
        ..raft_store::Options::new(data_dir, node_id)
    }
}

/// For the Admin and status APIs.
pub fn admin_options(settings: &Settings) -> troop_admin::Options {
    troop_admin::Options {
        body_size_max_bytes: settings.admin_client_max_body_size.limit().unwrap_or(u64::MAX),
        server_header: settings.headers.server,
        latency_header: settings.headers.admin_latency,
        web_origins: settings
            .admin_gui_url
            .iter()
            .filter_map(|origin| origin.as_str().parse().ok())
            .collect(),
        ..troop_admin::Options::default()
    }
}
