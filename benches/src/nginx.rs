//! nginx as the measure: one worker, kept connections on both sides, no access log.
//!
//! It is given every advantage that its manual names for plain proxying, and nothing that it would then do less of: no header is
//! added, while troop adds all of Kong's.

use crate::program::{self, Place, Program, words};
use anyhow::Result;
use std::{
    ffi::OsString,
    fs,
    net::{SocketAddr, TcpStream},
    path::Path,
    time::Duration,
};

/// Longer than nginx takes to start under valgrind.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    /// Its process.
    pub program: Program,
    /// Where it proxies.
    pub proxy: SocketAddr,
}

impl Nginx {
    /// Starts it in front of `origin`, with `prefix` (valgrind, or nothing) in front of its command.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start(origin: SocketAddr, dir: &Path, prefix: &[OsString]) -> Result<Self> {
        let proxy = program::free_address()?;
        let conf = dir.join("nginx.conf");
        fs::write(&conf, configuration(origin, proxy, dir))?;
        let mut command = prefix.to_vec();
        command.extend(words([
            "nginx".as_ref(),
            "-p".as_ref(),
            dir.as_os_str(),
            "-e".as_ref(),
            dir.join("nginx-error.log").as_os_str(),
            "-c".as_ref(),
            conf.as_os_str(),
        ]));
        let mut program = Program::start("nginx", &command, dir, Place::ProxyCore)?;
        program.wait_until("it listens", START_TIMEOUT, || {
            Ok(TcpStream::connect(proxy).is_ok())
        })?;
        Ok(Nginx { program, proxy })
    }
}

/// Without a master the worker's loop runs in the one process, the same loop: its CPU time is that of the process we started.
fn configuration(origin: SocketAddr, proxy: SocketAddr, dir: &Path) -> String {
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
        listen {proxy};
        location / {{
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
        }}
    }}
}}
"
    )
}
