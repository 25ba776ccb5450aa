//! TLS towards clients: which certificate is shown, and what is spoken inside.
//!
//! The certificates hang in the plan like everything else, so a new one is shown to the next client that shakes hands, and whoever
//! has shaken hands already notices nothing. Where the plan has none for a name, one of the node's own is shown: from files if the
//! settings name some, else a self-signed one made at start, as Kong does. Traffic is secret then, and every client that checks will say
//! that it does not know us.
//!
//! A client that comes back resumes its session with a ticket, sealed with keys that change every few hours and that all workers share.
//! The ticket holds the name it was made for, and opens nothing under another name.
//!
//! The catch: for the name that decides on the certificate, capitals count (see `hello.rs`).

use super::{TlsFacts, hello};
use crate::{
    badge::{Badge, BadgeError, side},
    options::{KeyFiles, TlsOptions},
    plan::Plan,
};
use arc_swap::ArcSwap;
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::{fmt, io, path::PathBuf, sync::Arc};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// What TLS calls the two versions of HTTP.
const HTTP_2: &[u8] = b"h2";
const HTTP_11: &[u8] = b"http/1.1";

/// No certificate could be made or read.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// The key or the certificate.
    #[error("making the default certificate failed: {0}")]
    Make(#[from] rcgen::Error),
    /// TLS refused it, or the choice of versions.
    #[error("setting up TLS towards clients failed: {0}")]
    Use(#[from] rustls::Error),
    /// A file of the settings.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// Its name.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// What is in the files.
    #[error("the default certificate {path}: {source}")]
    Default {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: BadgeError,
    },
}

/// TLS of one listener.
#[derive(Clone)]
pub(crate) struct Terminator {
    by_name: TlsAcceptor,
    /// For names that are not known as they are spelt.
    nameless: TlsAcceptor,
}

/// TLS of all listeners.
pub(crate) struct Terminators {
    both: Terminator,
    only_http_11: Terminator,
    /// Whatever the client proposes is nobody's business here.
    anything: Terminator,
}

impl Terminators {
    /// Shows the certificates of whatever plan hangs on the wall.
    pub fn new(options: &TlsOptions, plan: &Arc<ArcSwap<Plan>>) -> Result<Arc<Self>, CertificateError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let default = Arc::new(default_badge(options, &provider)?);
        let tickets = aws_lc_rs::Ticketer::new()?;
        let config = |by_name| -> Result<ServerConfig, CertificateError> {
            let cloakroom = Cloakroom {
                plan: Arc::clone(plan),
                default: Arc::clone(&default),
                by_name,
            };
            let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
                .with_protocol_versions(&versions(options))?
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(cloakroom));
            config.ticketer = Arc::clone(&tickets);
            Ok(config)
        };
        let (by_name, nameless) = (config(true)?, config(false)?);
        let speaking = |protocols: &[&[u8]]| {
            let acceptor = |config: &ServerConfig| {
                let mut config = config.clone();
                config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
                TlsAcceptor::from(Arc::new(config))
            };
            Terminator {
                by_name: acceptor(&by_name),
                nameless: acceptor(&nameless),
            }
        };
        Ok(Arc::new(Terminators {
            both: speaking(&[HTTP_2, HTTP_11]),
            only_http_11: speaking(&[HTTP_11]),
            anything: speaking(&[]),
        }))
    }

    /// For a listener whose bytes are passed on as they come.
    pub fn silent(&self) -> Terminator {
        self.anything.clone()
    }

    /// For a listener with or without HTTP/2.
    pub fn speaking(&self, http2: bool) -> Terminator {
        if http2 { &self.both } else { &self.only_http_11 }.clone()
    }
}

impl Terminator {
    /// Shakes hands. What the client said of itself comes along.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<(TlsStream<TcpStream>, TlsFacts)> {
        let capitals = hello::capital_name(&stream).await;
        let acceptor = if capitals.is_some() {
            &self.nameless
        } else {
            &self.by_name
        };
        let stream = acceptor.accept(stream).await?;
        let (_, session) = stream.get_ref();
        let facts = TlsFacts {
            http2: session.alpn_protocol() == Some(HTTP_2),
            sni: capitals.or_else(|| session.server_name().map(str::to_owned)),
        };
        Ok((stream, facts))
    }
}

fn versions(options: &TlsOptions) -> Vec<&'static SupportedProtocolVersion> {
    let newer = options.tls_13.then_some(&TLS13);
    let older = options.tls_12.then_some(&TLS12);
    newer.into_iter().chain(older).collect()
}

/// Where clients' names are exchanged for certificates.
struct Cloakroom {
    plan: Arc<ArcSwap<Plan>>,
    default: Arc<Badge>,
    by_name: bool,
}

impl ResolvesServerCert for Cloakroom {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let plan = self.plan.load();
        let name = hello.server_name().filter(|_| self.by_name);
        let badge = plan.certificates.find(name).unwrap_or(&self.default);
        Some(Arc::clone(badge.side_for(hello.signature_schemes())))
    }
}

impl fmt::Debug for Cloakroom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cloakroom")
    }
}

fn default_badge(options: &TlsOptions, provider: &CryptoProvider) -> Result<Badge, CertificateError> {
    let mut sides = Vec::new();
    for files in &options.certificates {
        let KeyFiles { certificate, key } = files;
        let side = side(&read(certificate)?, &read(key)?, provider);
        sides.push(side.map_err(|source| CertificateError::Default {
            path: certificate.clone(),
            source,
        })?);
    }
    match Badge::of(sides) {
        Some(badge) => Ok(badge),
        None => self_signed(provider),
    }
}

fn read(path: &PathBuf) -> Result<String, CertificateError> {
    std::fs::read_to_string(path).map_err(|source| CertificateError::Read {
        path: path.clone(),
        source,
    })
}

fn self_signed(provider: &CryptoProvider) -> Result<Badge, CertificateError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    let certificate = params.self_signed(&key)?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let side = CertifiedKey::from_der(vec![certificate.der().clone()], private, provider)?;
    Ok(Badge::new(side))
}
