//! TLS towards peers without terms of a service: proven by the machine's roots, or not proven at all.

use super::trust::{Authorities, Proof, Trust};
use rustls::{
    CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use std::{path::Path, sync::Arc};

/// Where the roots that a machine trusts lie on the usual distributions.
const SYSTEM_ROOTS: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// Chains of probes may be as long as their roots allow.
const ANY_DEPTH: usize = usize::MAX;

/// The two ways of connecting.
pub(crate) struct PeerTls {
    proven: Trust,
    unproven: Trust,
}

impl PeerTls {
    /// Reads the machine's roots. A machine without any proves nobody.
    pub fn load() -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let chain = Proof::Chain {
            authorities: Authorities::System,
            depth: ANY_DEPTH,
        };
        Ok(PeerTls {
            proven: Trust::new(chain, None, &provider)?,
            unproven: Trust::new(Proof::None, None, &provider)?,
        })
    }

    /// How to connect.
    pub fn trust(&self, verify: bool) -> &Trust {
        if verify { &self.proven } else { &self.unproven }
    }
}

/// What the machine trusts.
pub(super) fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for path in SYSTEM_ROOTS.map(Path::new) {
        if let Ok(certificates) = CertificateDer::pem_file_iter(path) {
            roots.add_parsable_certificates(certificates.filter_map(Result::ok));
            break;
        }
    }
    roots
}

/// Takes any certificate, but insists that the peer holds its key, where the certificate is of a form that tells it (version 1 does not).
#[derive(Debug)]
pub(super) struct Unproven(pub Arc<CryptoProvider>);

impl ServerCertVerifier for Unproven {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let judged = verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms);
        lenient(judged)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let judged = verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms);
        lenient(judged)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Only a wrong signature is held against a peer that need not prove itself. Kong: old forms of certificates are taken too, and who could show any
/// certificate gains nothing by showing one that cannot be read.
fn lenient(
    judged: Result<HandshakeSignatureValid, rustls::Error>,
) -> Result<HandshakeSignatureValid, rustls::Error> {
    match judged {
        Err(rustls::Error::InvalidCertificate(
            CertificateError::Other(_)
            | CertificateError::BadEncoding
            | CertificateError::UnhandledCriticalExtension,
        )) => Ok(HandshakeSignatureValid::assertion()),
        other => other,
    }
}
