//! Whom to believe when a peer shows its certificate, and what to show in return.
//!
//! Kong: unless a service says `tls_verify`, the peer's certificate is not looked at; the connection is secret but not proven. With it, the
//! certificate must be for the name asked for, and lead to one of the service's authorities, or to a root that the machine trusts
//! if it names none, over no more than `tls_verify_depth` certificates in between.
//!
//! The catch: a connection that waits in the pool was proven under the terms of its time. So the terms are part of what makes two connections
//! interchangeable: after a change of authorities, of depth, or of our own certificate, nobody is served over an old one. (Kong
//! goes on using them.)

use crate::badge::Badge;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
    client::{
        ResolvesClientCert, Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::{fmt, sync::Arc};
use thiserror::Error;
use troop_runtime::{Unproven, system_roots};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

/// Kong: nginx's default; a root, one certificate below it, and the peer's own.
pub(crate) const DEPTH: usize = 1;

/// How peers are to prove themselves.
pub(crate) enum Proof {
    /// Not at all.
    None,
    /// By a certificate that leads to one of these over so many in between.
    Chain { authorities: Authorities, depth: usize },
}

/// Whose word counts.
pub(crate) enum Authorities {
    /// Those the machine trusts.
    System,
    /// These, in DER.
    Own(Vec<CertificateDer<'static>>),
}

/// A way of shaking hands with peers.
pub(crate) struct Trust {
    config: Arc<ClientConfig>,
    shows: bool,
}

impl Trust {
    /// Under these terms, showing this certificate to peers that ask; without one, what is shown by default unless somebody else has one.
    pub fn new(
        proof: Proof,
        badge: Option<Arc<Badge>>,
        by_default: Option<Arc<Badge>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, rustls::Error> {
        let verifier: Arc<dyn ServerCertVerifier> = match proof {
            Proof::None => Arc::new(Unproven(Arc::clone(provider))),
            Proof::Chain { authorities, depth } => Arc::new(Chain {
                roots: authorities.roots(),
                depth,
                provider: Arc::clone(provider),
            }),
        };
        let config = ClientConfig::builder_with_provider(Arc::clone(provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let shows = badge.is_some();
        let config = match badge.or(by_default) {
            Some(badge) => config.with_client_cert_resolver(Arc::new(Shown(badge))),
            None => config.with_no_client_auth(),
        };
        Ok(Trust {
            config: Arc::new(config),
            shows,
        })
    }

    /// Whether it shows a certificate of its own, which goes before any other.
    pub fn shows(&self) -> bool {
        self.shows
    }

    /// How to connect, showing `badge` to peers that ask if there is no other, and speaking `protocol` inside.
    pub fn config(&self, badge: Option<&Arc<Badge>>, protocol: Option<&[u8]>) -> Arc<ClientConfig> {
        let badge = badge.filter(|_| !self.shows);
        if badge.is_none() && protocol.is_none() {
            return Arc::clone(&self.config);
        }
        let mut config = ClientConfig::clone(&self.config);
        if let Some(badge) = badge {
            config.client_auth_cert_resolver = Arc::new(Shown(Arc::clone(badge)));
            // A session that is resumed is one as whoever began it.
            config.resumption = Resumption::disabled();
        }
        config.alpn_protocols = protocol.into_iter().map(<[u8]>::to_vec).collect();
        Arc::new(config)
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").finish_non_exhaustive()
    }
}

impl Authorities {
    fn roots(self) -> RootCertStore {
        match self {
            Authorities::System => system_roots(),
            Authorities::Own(certificates) => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(certificates);
                roots
            }
        }
    }
}

/// A certificate that is shown whoever asks.
struct Shown(Arc<Badge>);

impl ResolvesClientCert for Shown {
    fn resolve(&self, _roots: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(self.0.side_for(schemes)))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

/// More certificates in between than allowed.
#[derive(Debug, Error)]
#[error("the chain of certificates is longer than tls_verify_depth allows")]
struct TooDeep;

/// Takes certificates that lead to a root.
struct Chain {
    roots: RootCertStore,
    depth: usize,
    provider: Arc<CryptoProvider>,
}

impl Chain {
    fn check(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), webpki::Error> {
        let certificate = EndEntityCert::try_from(certificate)?;
        let short = |path: &VerifiedPath<'_>| {
            if path.intermediate_certificates().count() > self.depth {
                Err(webpki::Error::MaximumPathDepthExceeded)
            } else {
                Ok(())
            }
        };
        certificate.verify_for_usage(
            self.provider.signature_verification_algorithms.all,
            &self.roots.roots,
            between,
            now,
            KeyUsage::server_auth(),
            None,
            Some(&short),
        )?;
        certificate.verify_is_valid_for_subject_name(name)
    }
}

impl ServerCertVerifier for Chain {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.check(certificate, between, name, now) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(webpki::Error::MaximumPathDepthExceeded) => Err(refused(TooDeep)),
            Err(error) => Err(refused(error)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}

fn refused(error: impl std::error::Error + Send + Sync + 'static) -> rustls::Error {
    CertificateError::Other(OtherError(Arc::new(error))).into()
}
