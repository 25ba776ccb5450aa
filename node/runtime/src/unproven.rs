//! TLS with somebody whose certificate nobody looks at: the connection is secret, and not proven.
//!
//! A sealed envelope to whoever opens the door. Kong's defaults ask for that, towards origins and towards collectors of logs.

use rustls::{
    CertificateError, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::Arc;

/// Takes any certificate, but insists that the peer holds its key, where the certificate is of a form that tells it (version 1 does not).
#[derive(Debug)]
pub struct Unproven(pub Arc<CryptoProvider>);

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
