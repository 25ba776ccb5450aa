//! TLS towards peers.
//!
//! Kong: unless a service says `tls_verify`, the peer's certificate is not looked at; the connection is secret but not proven.
//! With it, the certificate must lead to a root that the machine trusts.

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use std::{path::Path, sync::Arc};

/// Where the roots that a machine trusts lie on the usual distributions.
const SYSTEM_ROOTS: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// The two ways of connecting.
pub(crate) struct PeerTls {
    proven: Arc<ClientConfig>,
    unproven: Arc<ClientConfig>,
}

impl PeerTls {
    /// Reads the machine's roots. A machine without any proves nobody.
    pub fn load() -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = || {
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()
        };
        let proven = builder()?
            .with_root_certificates(system_roots())
            .with_no_client_auth();
        let unproven = builder()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unproven(Arc::clone(&provider))))
            .with_no_client_auth();
        Ok(PeerTls {
            proven: Arc::new(proven),
            unproven: Arc::new(unproven),
        })
    }

    /// How to connect.
    pub fn config(&self, verify: bool) -> Arc<ClientConfig> {
        Arc::clone(if verify { &self.proven } else { &self.unproven })
    }
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for path in SYSTEM_ROOTS.map(Path::new) {
        if let Ok(certificates) = CertificateDer::pem_file_iter(path) {
            roots.add_parsable_certificates(certificates.filter_map(Result::ok));
            break;
        }
    }
    roots
}

/// Takes any certificate, but insists that the peer holds its key.
#[derive(Debug)]
struct Unproven(Arc<CryptoProvider>);

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
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
