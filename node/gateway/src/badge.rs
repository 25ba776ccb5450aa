//! A certificate with its key: who the gateway says it is, to clients and to peers that ask.
//!
//! A badge with two sides. One is signed with ECDSA, the other with RSA for readers that know nothing newer; which side is
//! shown depends on what the reader says it can read. The cheaper one, ECDSA, goes first.
//!
//! The catch: the key must never be seen. Nothing in here can be printed, and what is wrong with a key is told without quoting it.

use rustls::{
    InconsistentKeys, SignatureAlgorithm, SignatureScheme, crypto::CryptoProvider, sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::sync::Arc;
use thiserror::Error;

/// Why a certificate cannot be shown.
#[derive(Debug, Error)]
pub enum BadgeError {
    /// There is no certificate in the text, or a damaged one.
    #[error("the certificate is no PEM certificate")]
    Certificate,
    /// There is no key in the text, or a damaged one.
    #[error("the key is no PEM private key")]
    Key,
    /// TLS cannot use the two together.
    #[error("the certificate and its key cannot be used: {0}")]
    Pair(#[from] rustls::Error),
}

/// A certificate of each kind there is one of, with their keys.
pub(crate) struct Badge {
    first: Arc<CertifiedKey>,
    other: Option<Arc<CertifiedKey>>,
}

impl Badge {
    /// With one side.
    pub fn new(side: CertifiedKey) -> Self {
        Badge {
            first: Arc::new(side),
            other: None,
        }
    }

    /// With both sides, if there are two.
    pub fn of(sides: impl IntoIterator<Item = CertifiedKey>) -> Option<Self> {
        let mut sides: Vec<_> = sides.into_iter().map(Arc::new).collect();
        sides.sort_by_key(|side| side.key.algorithm() == SignatureAlgorithm::RSA);
        let mut sides = sides.into_iter();
        Some(Badge {
            first: sides.next()?,
            other: sides.next(),
        })
    }

    /// The side that a reader of these signatures can read; the first if it can read none.
    pub fn side_for(&self, schemes: &[SignatureScheme]) -> &Arc<CertifiedKey> {
        let readable = |side: &&Arc<CertifiedKey>| side.key.choose_scheme(schemes).is_some();
        self.sides().find(readable).unwrap_or(&self.first)
    }

    fn sides(&self) -> impl Iterator<Item = &Arc<CertifiedKey>> {
        std::iter::once(&self.first).chain(&self.other)
    }
}

/// One side from PEM texts: the certificate, perhaps with the chain behind it, and its key.
pub(crate) fn side(
    certificate: &str,
    key: &str,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, BadgeError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| BadgeError::Certificate)?;
    if chain.is_empty() {
        return Err(BadgeError::Certificate);
    }
    // What the reader of PEM says of a damaged text quotes it.
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| BadgeError::Key)?;
    let side = CertifiedKey::new(chain, provider.key_provider.load_private_key(key)?);
    match side.keys_match() {
        Err(mismatch @ rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err(mismatch.into())
        }
        // A certificate of an old form (version 1) cannot be looked into here; clients may take it all the same.
        _ => Ok(side),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm as Kind};

    pub fn provider() -> CryptoProvider {
        rustls::crypto::aws_lc_rs::default_provider()
    }

    /// A certificate for a name with its key, in PEM.
    pub fn pem(name: &str, kind: &'static Kind) -> (String, String) {
        let key = KeyPair::generate_for(kind).expect("a key");
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    fn made(kind: &'static Kind) -> CertifiedKey {
        let (certificate, key) = pem("a.test", kind);
        side(&certificate, &key, &provider()).expect("a side")
    }

    #[test]
    fn the_side_shown_is_one_that_the_reader_can_read() {
        let badge = Badge::of([made(&PKCS_RSA_SHA256), made(&PKCS_ECDSA_P256_SHA256)]).expect("two sides");
        let shown = |schemes: &[SignatureScheme]| badge.side_for(schemes).key.algorithm();
        let (rsa, ecdsa) = (
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::ECDSA_NISTP256_SHA256,
        );
        assert_eq!(shown(&[rsa]), SignatureAlgorithm::RSA);
        assert_eq!(shown(&[ecdsa]), SignatureAlgorithm::ECDSA);
        assert_eq!(shown(&[rsa, ecdsa]), SignatureAlgorithm::ECDSA);
        assert_eq!(shown(&[]), SignatureAlgorithm::ECDSA);
    }

    #[test]
    fn a_certificate_is_refused_with_the_key_of_another() {
        let (certificate, _) = pem("a.test", &PKCS_ECDSA_P256_SHA256);
        let (_, key) = pem("a.test", &PKCS_ECDSA_P256_SHA256);
        let refused = side(&certificate, &key, &provider());
        assert!(matches!(refused, Err(BadgeError::Pair(_))));
    }

    #[test]
    fn what_is_wrong_with_a_key_is_told_without_quoting_it() {
        let (certificate, key) = pem("a.test", &PKCS_ECDSA_P256_SHA256);
        let damaged = key.replace("-----BEGIN PRIVATE KEY-----\n", "-----BEGIN secret");
        for key in ["secret", &damaged] {
            let refused = side(&certificate, key, &provider()).expect_err("refused");
            assert!(
                !format!("{refused} {refused:?}").contains("secret"),
                "{refused:?}"
            );
        }
        assert!(matches!(
            side("", &key, &provider()),
            Err(BadgeError::Certificate)
        ));
    }
}
