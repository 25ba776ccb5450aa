//! One certificate.

use super::{PkiError, PublicKey};
use aws_lc_rs::digest;
use x509_parser::{certificate::X509Certificate, pem::Pem, prelude::FromDer as _};

/// What is known of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The key it speaks for.
    pub public_key: PublicKey,
    /// When it ends, in seconds since 1970.
    pub not_after: i64,
    /// Whether it may sign others: the CA flag of its basic constraints.
    pub is_ca: bool,
    /// SHA-256 over all of it.
    pub digest: [u8; 32],
}

impl Certificate {
    /// All certificates of a PEM text, in its order.
    ///
    /// # Errors
    /// [`PkiError`], also when there is none.
    pub fn all_from_pem(text: &str) -> Result<Vec<Self>, PkiError> {
        let blocks = Pem::iter_from_buffer(text.as_bytes());
        let all = blocks
            .map(|block| Self::of(&block.map_err(|_| PkiError::NotPem)?))
            .collect::<Result<Vec<_>, _>>()?;
        if all.is_empty() {
            Err(PkiError::NotPem)
        } else {
            Ok(all)
        }
    }

    /// The first certificate of a PEM text: a chain begins with its own.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn from_pem(text: &str) -> Result<Self, PkiError> {
        Self::of(&super::first_block(text)?)
    }

    fn of(block: &Pem) -> Result<Self, PkiError> {
        if !matches!(
            block.label.as_str(),
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE"
        ) {
            return Err(PkiError::OtherKind);
        }
        let (_, certificate) = X509Certificate::from_der(&block.contents).map_err(|_| PkiError::Damaged)?;
        let constraints = certificate.basic_constraints().ok().flatten();
        let hash = digest::digest(&digest::SHA256, &block.contents);
        Ok(Certificate {
            public_key: PublicKey::of_info(certificate.public_key())?,
            not_after: certificate.validity().not_after.timestamp(),
            is_ca: constraints.is_some_and(|constraints| constraints.value.ca),
            digest: hash.as_ref().try_into().map_err(|_| PkiError::Damaged)?,
        })
    }
}
