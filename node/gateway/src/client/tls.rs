//! The certificate shown to clients.
//!
//! Until certificates are configured, a self-signed one made at start is shown, as Kong does: traffic is secret, and every client that
//! checks will say that it does not know us.

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;
use thiserror::Error;

/// No certificate could be made.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// The key or the certificate.
    #[error("making the default certificate failed: {0}")]
    Make(#[from] rcgen::Error),
    /// TLS refused it.
    #[error("using the default certificate failed: {0}")]
    Use(#[from] rustls::Error),
}

/// TLS towards clients, with a new self-signed certificate.
pub(crate) fn default_config() -> Result<Arc<ServerConfig>, CertificateError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    let certificate = params.self_signed(&key)?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
