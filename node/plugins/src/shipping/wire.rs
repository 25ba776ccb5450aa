//! Connections to collectors.
//!
//! Kong: whose certificate a collector shows is not looked at; the connection is secret but not proven.

use super::Undelivered;
use rustls::{ClientConfig, crypto::aws_lc_rs};
use rustls_pki_types::ServerName;
use std::{
    io,
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use troop_runtime::Unproven;

/// A connection, plain or not.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<W: AsyncRead + AsyncWrite + Unpin + Send> Wire for W {}

/// Where to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub host: String,
    pub port: u16,
    /// The name to ask for, if TLS is spoken there.
    pub tls: Option<String>,
}

/// Connects within a time, the handshake included.
pub(crate) async fn connect(place: &Place, within: Duration) -> Result<Box<dyn Wire>, Undelivered> {
    let connected = timeout(within, async {
        let stream = TcpStream::connect((place.host.as_str(), place.port)).await?;
        stream.set_nodelay(true)?;
        let Some(name) = &place.tls else {
            return Ok(Box::new(stream) as Box<dyn Wire>);
        };
        let name = ServerName::try_from(name.clone()).map_err(io::Error::other)?;
        let stream = CONNECTOR.connect(name, stream).await?;
        Ok(Box::new(stream) as Box<dyn Wire>)
    });
    connected.await.map_err(|_| Undelivered::Timeout)?
}

/// One for all collectors: it remembers sessions, so that a connection that is made again need not begin anew.
static CONNECTOR: LazyLock<TlsConnector> = LazyLock::new(|| {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("invariant: the provider has suites for the usual versions of TLS")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Unproven(provider)))
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
});
