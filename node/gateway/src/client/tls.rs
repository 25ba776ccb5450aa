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

mod own;
mod terms;

use super::{TlsFacts, hello};
use crate::{
    badge::{Badge, BadgeError},
    options::TlsOptions,
    plan::Plan,
};
use arc_swap::ArcSwap;
pub(crate) use own::badge_for_peers;
use own::default_badge;
use rustls::{
    RootCertStore, ServerConfig,
    server::{ClientHello, ResolvesServerCert, VerifierBuilderError, WebPkiClientVerifier},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};
use terms::Terms;
use thiserror::Error;
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use troop_runtime::Line;

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
    #[error("the certificate {path}: {source}")]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: BadgeError,
    },
    /// A file of authorities.
    #[error("{path} holds no usable certificates of authorities{}", reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    Authorities {
        /// Its name.
        path: PathBuf,
        /// What is wrong with them.
        reason: Option<VerifierBuilderError>,
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
        let terms = Terms::new(options)?;
        let default = Arc::new(default_badge(&options.certificates, &terms.provider)?);
        let config = |by_name| -> Result<ServerConfig, CertificateError> {
            let cloakroom = Cloakroom {
                plan: Arc::clone(plan),
                default: Arc::clone(&default),
                by_name,
            };
            let mut config = terms
                .begin()?
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(cloakroom));
            terms.finish(&mut config);
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
    pub async fn accept(&self, stream: Line) -> io::Result<(TlsStream<Line>, TlsFacts)> {
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

/// TLS of a listener of the node itself: one certificate for all names, and clients that prove themselves to these authorities if there are any.
///
/// # Errors
/// [`CertificateError`] names the file that cannot be used.
pub fn own_tls(
    options: &TlsOptions,
    client_authorities: Option<&Path>,
) -> Result<ServerConfig, CertificateError> {
    let terms = Terms::new(options)?;
    let badge = default_badge(&options.certificates, &terms.provider)?;
    let config = terms.begin()?;
    let config = match client_authorities {
        None => config.with_no_client_auth(),
        Some(path) => {
            let roots = Arc::new(authorities(path)?);
            let judge =
                WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&terms.provider)).build();
            config.with_client_cert_verifier(judge.map_err(|reason| CertificateError::Authorities {
                path: path.to_owned(),
                reason: Some(reason),
            })?)
        }
    };
    let mut config = config.with_cert_resolver(Arc::new(OneForAll(badge)));
    terms.finish(&mut config);
    Ok(config)
}

fn authorities(path: &Path) -> Result<RootCertStore, CertificateError> {
    let text = std::fs::read(path).map_err(|source| CertificateError::Read {
        path: path.to_owned(),
        source,
    })?;
    let unusable = || CertificateError::Authorities {
        path: path.to_owned(),
        reason: None,
    };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.map_err(|_| unusable())?);
    if added == 0 { Err(unusable()) } else { Ok(roots) }
}

/// The node's own certificate, whatever name is asked for.
struct OneForAll(Badge);

impl ResolvesServerCert for OneForAll {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(self.0.side_for(hello.signature_schemes())))
    }
}

impl fmt::Debug for OneForAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneForAll")
    }
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
