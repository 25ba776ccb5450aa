//! Reaching a node: over TCP, with TLS, or by the file of a unix socket.
//!
//! A telephone directory and the receiver. The address says how to call: `HOST:PORT` as it is, `https://HOST:PORT` when the line is to be
//! secret and the other side has to prove who it is, `unix:/PATH` when it is in the same house.
//!
//! The catch: there is no way of speaking TLS without that proof. A command that changes a cluster must not be talked into telling a stranger
//! about it, so whoever has a certificate of their own making says so (`--admin-ca`).

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use troop_runtime::system_roots;
use troop_settings::HostPort;
use troop_stdx::Whereabouts;

/// How to reach an Admin API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminAddress {
    /// As it is.
    Plain(HostPort),
    /// With TLS.
    Tls(HostPort),
    /// By a file.
    Unix(PathBuf),
}

impl AdminAddress {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = Whereabouts::unix_path(text) {
            return path.map(AdminAddress::Unix);
        }
        match text.strip_prefix("https://") {
            Some(rest) => HostPort::parse(rest.trim_end_matches('/')).map(AdminAddress::Tls),
            None => HostPort::parse(text).map(AdminAddress::Plain),
        }
    }

    /// What the request's `Host` says.
    pub(crate) fn host(&self) -> String {
        match self {
            AdminAddress::Plain(address) | AdminAddress::Tls(address) => address.to_string(),
            AdminAddress::Unix(_) => "localhost".to_owned(),
        }
    }
}

impl fmt::Display for AdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AdminAddress::Plain(address) => address.fmt(f),
            AdminAddress::Tls(address) => write!(f, "https://{address}"),
            AdminAddress::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Whom to believe, and what to show, when a node is reached with TLS.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Papers {
    /// Authorities (PEM) of which one must vouch for a node at https://; those of the machine unless given.
    #[arg(long, value_name = "FILE", env = "TROOP_ADMIN_CA")]
    pub(crate) admin_ca: Option<PathBuf>,
    /// Certificate (PEM) to show to a node that asks for one.
    #[arg(long, value_name = "FILE", env = "TROOP_ADMIN_CERT", requires = "admin_key")]
    pub(crate) admin_cert: Option<PathBuf>,
    /// Its key (PEM).
    #[arg(long, value_name = "FILE", env = "TROOP_ADMIN_KEY", requires = "admin_cert")]
    pub(crate) admin_key: Option<PathBuf>,
}

impl Papers {
    fn config(&self) -> io::Result<ClientConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(self.roots()?);
        let (Some(certificate), Some(key)) = (&self.admin_cert, &self.admin_key) else {
            return Ok(config.with_no_client_auth());
        };
        let unreadable = |_| unusable(key, "holds no private key in PEM");
        let private = PrivateKeyDer::from_pem_file(key).map_err(unreadable)?;
        config
            .with_client_auth_cert(certificates(certificate)?, private)
            .map_err(|error| unusable(certificate, &format!("cannot be shown: {error}")))
    }

    fn roots(&self) -> io::Result<RootCertStore> {
        let Some(path) = &self.admin_ca else {
            return Ok(system_roots());
        };
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(certificates(path)?);
        if added == 0 {
            return Err(unusable(path, "holds no certificate of an authority"));
        }
        Ok(roots)
    }
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let unreadable = |error: &dyn fmt::Display| unusable(path, &format!("cannot be read: {error}"));
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(|error| unreadable(&error))?
        .collect();
    found.map_err(|error| unreadable(&error))
}

fn unusable(path: &Path, problem: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, format!("{} {problem}", path.display()))
}

/// A line to a node.
pub(crate) enum Line {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    Unix(UnixStream),
}

impl Line {
    /// From now on reading and writing each fail after this long.
    pub(crate) fn set_timeout(&self, timeout: Duration) -> io::Result<()> {
        let tcp = |stream: &TcpStream| {
            stream.set_read_timeout(Some(timeout))?;
            stream.set_write_timeout(Some(timeout))
        };
        match self {
            Line::Plain(stream) => tcp(stream),
            Line::Tls(stream) => tcp(&stream.sock),
            Line::Unix(stream) => {
                stream.set_read_timeout(Some(timeout))?;
                stream.set_write_timeout(Some(timeout))
            }
        }
    }
}

impl Read for Line {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Line::Plain(stream) => stream.read(buf),
            Line::Tls(stream) => stream.read(buf),
            Line::Unix(stream) => stream.read(buf),
        }
    }
}

impl Write for Line {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Line::Plain(stream) => stream.write(buf),
            Line::Tls(stream) => stream.write(buf),
            Line::Unix(stream) => stream.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Line::Plain(stream) => stream.flush(),
            Line::Tls(stream) => stream.flush(),
            Line::Unix(stream) => stream.flush(),
        }
    }
}

/// Connects until the deadline. Hands are shaken with the first byte that is written.
pub(crate) fn dial(address: &AdminAddress, papers: &Papers, deadline: Instant) -> io::Result<Line> {
    match address {
        AdminAddress::Plain(address) => connect(address, deadline).map(Line::Plain),
        AdminAddress::Unix(path) => UnixStream::connect(path).map(Line::Unix),
        AdminAddress::Tls(address) => {
            let config = Arc::new(papers.config()?);
            let name = ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
            let session = ClientConnection::new(config, name).map_err(io::Error::other)?;
            let stream = connect(address, deadline)?;
            Ok(Line::Tls(Box::new(StreamOwned::new(session, stream))))
        }
    }
}

fn connect(address: &HostPort, deadline: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for candidate in (address.host.as_str(), address.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&candidate, left(deadline)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What is left until the deadline; the operating system refuses a timeout of zero, so none left is an error.
pub(crate) fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        Err(io::Error::new(ErrorKind::TimedOut, "no answer in time"))
    } else {
        Ok(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_how_to_call() {
        for text in [
            "127.0.0.1:8001",
            "https://node-1:8444",
            "https://[::1]:8444",
            "unix:/run/admin.sock",
        ] {
            assert_eq!(
                AdminAddress::parse(text)
                    .map(|address| address.to_string())
                    .as_deref(),
                Ok(text)
            );
        }
        for text in [
            "http://localhost:8001",
            "https://node",
            "unix:admin.sock",
            "ftp://a:1",
            "",
        ] {
            assert!(AdminAddress::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_name() {
        let home = std::env::temp_dir();
        let missing = Papers {
            admin_ca: Some(home.join("troop-no-such-file.pem")),
            ..Papers::default()
        };
        let problem = missing.config().expect_err("no file").to_string();
        assert!(
            problem.contains("troop-no-such-file.pem cannot be read"),
            "{problem}"
        );
    }
}
