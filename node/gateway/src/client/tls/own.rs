//! Certificates of the node itself: from files, or made at start.
//!
//! A name tag. Who has a printed one wears it; who has none writes one himself, as Kong does, and every client that checks will say that
//! it does not know us.

use super::CertificateError;
use crate::{
    badge::{Badge, side},
    options::KeyFiles,
};
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::{crypto::CryptoProvider, sign::CertifiedKey};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::{
    path::Path,
    time::{Duration, SystemTime},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A client's clock may be behind ours.
const CLOCK_LEEWAY: Duration = DAY;

/// Longer than a process lives; judges of certificates call ten years and more a mistake.
const SELF_SIGNED_LIFETIME: Duration = DAY.saturating_mul(5 * 365);

pub(super) fn default_badge(
    certificates: &[KeyFiles],
    provider: &CryptoProvider,
) -> Result<Badge, CertificateError> {
    let mut sides = Vec::new();
    for files in certificates {
        sides.push(side_of(files, provider)?);
    }
    match Badge::of(sides) {
        Some(badge) => Ok(badge),
        None => self_signed(provider),
    }
}

/// What is shown to peers that ask who the node is.
pub(crate) fn badge_for_peers(
    files: &KeyFiles,
    provider: &CryptoProvider,
) -> Result<Badge, CertificateError> {
    side_of(files, provider).map(Badge::new)
}

fn side_of(files: &KeyFiles, provider: &CryptoProvider) -> Result<CertifiedKey, CertificateError> {
    let KeyFiles { certificate, key } = files;
    let side = side(&read(certificate)?, &read(key)?, provider);
    side.map_err(|source| CertificateError::Unusable {
        path: certificate.clone(),
        source,
    })
}

fn read(path: &Path) -> Result<String, CertificateError> {
    std::fs::read_to_string(path).map_err(|source| CertificateError::Read {
        path: path.to_owned(),
        source,
    })
}

fn self_signed(provider: &CryptoProvider) -> Result<Badge, CertificateError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    let now = SystemTime::now();
    params.not_before = (now - CLOCK_LEEWAY).into();
    params.not_after = (now + SELF_SIGNED_LIFETIME).into();
    params.distinguished_name.push(DnType::CommonName, "localhost");
    let certificate = params.self_signed(&key)?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let side = CertifiedKey::from_der(vec![certificate.der().clone()], private, provider)?;
    Ok(Badge::new(side))
}
