//! A private key on its way to its public half.
//!
//! The catch: `PRIVATE KEY` (PKCS #8) says inside what it is, `RSA PRIVATE KEY` and `EC PRIVATE KEY` on the label. A key on a curve
//! need not contain its public half, so that is computed; RSA keys always contain it. An encrypted key cannot be used without
//! a password, and there is nowhere to put one.

use super::{PkiError, PublicKey};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _,
};
use x509_parser::asn1_rs::{Any, FromDer as _, Oid, oid};

/// Names of algorithms (RFC 8017, RFC 5480, RFC 8410).
const RSA: Oid<'_> = oid!(1.2.840.113549.1.1.1);
const RSA_PSS: Oid<'_> = oid!(1.2.840.113549.1.1.10);
const EC: Oid<'_> = oid!(1.2.840.10045.2.1);
const ED25519: Oid<'_> = oid!(1.3.101.112);

/// The curves there are private keys for.
static CURVES: [(Oid<'static>, &EcdsaSigningAlgorithm); 4] = [
    (oid!(1.2.840.10045.3.1.7), &ECDSA_P256_SHA256_FIXED_SIGNING),
    (oid!(1.3.132.0.34), &ECDSA_P384_SHA384_FIXED_SIGNING),
    (oid!(1.3.132.0.35), &ECDSA_P521_SHA512_FIXED_SIGNING),
    (oid!(1.3.132.0.10), &ECDSA_P256K1_SHA256_FIXED_SIGNING),
];

/// The public half of the key in a PEM block.
pub(super) fn public_half(label: &str, der: &[u8]) -> Result<PublicKey, PkiError> {
    match label {
        "PRIVATE KEY" => of_pkcs8(der),
        "RSA PRIVATE KEY" => of_rsa(der),
        "EC PRIVATE KEY" => of_curve(der),
        _ => Err(PkiError::OtherKind),
    }
}

/// `SEQUENCE { version, SEQUENCE { algorithm, … }, OCTET STRING }`.
fn of_pkcs8(der: &[u8]) -> Result<PublicKey, PkiError> {
    let [_, algorithm, key, ..] = contents(der)?[..] else {
        return Err(PkiError::Damaged);
    };
    let (_, name) = Oid::from_der(algorithm).map_err(|_| PkiError::Damaged)?;
    if name == RSA || name == RSA_PSS {
        of_rsa(key)
    } else if name == EC {
        of_curve(der)
    } else if name == ED25519 {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| PkiError::Damaged)?;
        Ok(PublicKey::other(&ED25519, pair.public_key().as_ref()))
    } else {
        Err(PkiError::OtherKind)
    }
}

/// `SEQUENCE { version, modulus, publicExponent, privateExponent, … }` (RFC 8017, A.1.2): nine numbers.
fn of_rsa(der: &[u8]) -> Result<PublicKey, PkiError> {
    match contents(der)?[..] {
        [_, modulus, exponent, _, _, _, _, _, _, ..] => Ok(PublicKey::rsa(modulus, exponent)),
        _ => Err(PkiError::Damaged),
    }
}

fn of_curve(der: &[u8]) -> Result<PublicKey, PkiError> {
    let half = CURVES.iter().find_map(|(curve, algorithm)| {
        let pair = EcdsaKeyPair::from_private_key_der(algorithm, der).ok()?;
        Some(PublicKey::ec(curve, pair.public_key().as_ref()))
    });
    half.ok_or(PkiError::Damaged)
}

/// What is in each member of a DER sequence.
fn contents(der: &[u8]) -> Result<Vec<&[u8]>, PkiError> {
    let (_, sequence) = Any::from_der(der).map_err(|_| PkiError::Damaged)?;
    let mut rest = sequence.data;
    let mut members = Vec::new();
    while !rest.is_empty() {
        let (after, member) = Any::from_der(rest).map_err(|_| PkiError::Damaged)?;
        members.push(member.data);
        rest = after;
    }
    Ok(members)
}
