//! The public half of a key pair.

use super::{PkiError, first_block, private_key};
use x509_parser::{
    asn1_rs::{FromDer as _, Oid},
    public_key::{PublicKey as Parsed, RSAPublicKey},
    x509::SubjectPublicKeyInfo,
};

/// What sort of key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA.
    Rsa,
    /// A point on a named curve.
    Ec,
    /// Edwards curves and everything else.
    Other,
}

/// A public key by its numbers. Equal ones are opened by the same private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(Numbers);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Numbers {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    Ec { curve: String, point: Vec<u8> },
    Other { algorithm: String, bits: Vec<u8> },
}

impl PublicKey {
    /// From the first block of a PEM text; that of a private key counts as its public half.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn from_pem(text: &str) -> Result<Self, PkiError> {
        let block = first_block(text)?;
        match block.label.as_str() {
            "PUBLIC KEY" => Self::from_spki(&block.contents),
            "RSA PUBLIC KEY" => {
                let (_, key) = RSAPublicKey::from_der(&block.contents).map_err(|_| PkiError::Damaged)?;
                Ok(Self::rsa(key.modulus, key.exponent))
            }
            label => private_key::public_half(label, &block.contents),
        }
    }

    /// The public half of the private key in the first block of a PEM text.
    ///
    /// # Errors
    /// [`PkiError`]; [`PkiError::OtherKind`] for a public key.
    pub fn from_private_pem(text: &str) -> Result<Self, PkiError> {
        let block = first_block(text)?;
        private_key::public_half(&block.label, &block.contents)
    }

    /// From the DER of a `SubjectPublicKeyInfo`.
    pub(super) fn from_spki(der: &[u8]) -> Result<Self, PkiError> {
        let (_, info) = SubjectPublicKeyInfo::from_der(der).map_err(|_| PkiError::Damaged)?;
        Self::of_info(&info)
    }

    pub(super) fn of_info(info: &SubjectPublicKeyInfo<'_>) -> Result<Self, PkiError> {
        match info.parsed().map_err(|_| PkiError::Damaged)? {
            Parsed::RSA(key) => Ok(Self::rsa(key.modulus, key.exponent)),
            Parsed::EC(point) => {
                let curve = info.algorithm.parameters.as_ref().ok_or(PkiError::Damaged)?;
                let curve = curve.as_oid().map_err(|_| PkiError::Damaged)?;
                Ok(Self::ec(&curve, point.data()))
            }
            _ => Ok(Self::other(
                &info.algorithm.algorithm,
                &info.subject_public_key.data,
            )),
        }
    }

    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        PublicKey(Numbers::Rsa {
            modulus: without_leading_zeros(modulus),
            exponent: without_leading_zeros(exponent),
        })
    }

    pub(super) fn ec(curve: &Oid<'_>, point: &[u8]) -> Self {
        PublicKey(Numbers::Ec {
            curve: curve.to_id_string(),
            point: point.to_vec(),
        })
    }

    pub(super) fn other(algorithm: &Oid<'_>, bits: &[u8]) -> Self {
        PublicKey(Numbers::Other {
            algorithm: algorithm.to_id_string(),
            bits: bits.to_vec(),
        })
    }

    /// What sort of key it is.
    pub fn kind(&self) -> KeyKind {
        match self.0 {
            Numbers::Rsa { .. } => KeyKind::Rsa,
            Numbers::Ec { .. } => KeyKind::Ec,
            Numbers::Other { .. } => KeyKind::Other,
        }
    }
}

/// DER puts a zero before a number whose first bit is set.
fn without_leading_zeros(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number[zeros..].to_vec()
}
