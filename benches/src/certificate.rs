//! A certificate for the proxies under measurement: ECDSA on P-256, what public authorities give out by default.

use anyhow::Result;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls_pki_types::CertificateDer;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The name in it.
pub const NAME: &str = "bench.test";

/// Where it and its key lie.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// PEM.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
    /// For clients to trust.
    pub der: CertificateDer<'static>,
}

impl CertificateFiles {
    /// Makes one in `dir`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn make(dir: &Path) -> Result<Self> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec![NAME.to_owned()])?;
        let files = CertificateFiles {
            certificate: dir.join("bench.crt"),
            key: dir.join("bench.key"),
            der: cert.der().clone(),
        };
        fs::write(&files.certificate, cert.pem())?;
        fs::write(&files.key, signing_key.serialize_pem())?;
        Ok(files)
    }
}
