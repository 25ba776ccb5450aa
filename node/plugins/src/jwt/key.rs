//! Keys of issuers, and whether a signature was made with one.
//!
//! The algorithm is the one stored with the key, never the one a token asks for: a token that could choose would have its
//! signature checked with a public key as if that were a shared secret.

use super::token::Token;
use crate::authentication::BASE64;
use aws_lc_rs::{
    hmac,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
        RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
        RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, VerificationAlgorithm,
    },
};
use base64::Engine as _;
use troop_plugin_api::Credential;

/// Kong's algorithms.
pub(super) const ALGORITHMS: [&str; 13] = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384",
    "PS512", "EdDSA",
];

/// What a credential holds to check signatures with.
pub(super) enum Key {
    /// Known to both sides.
    Shared(hmac::Key),
    /// The public half of the issuer's.
    Public(ParsedPublicKey),
}

impl Key {
    /// The secret, if the algorithm works with one.
    pub fn shared(credential: &Credential, algorithm: &str, secret_is_base64: bool) -> Option<Key> {
        let algorithm = match algorithm {
            "HS256" => hmac::HMAC_SHA256,
            "HS384" => hmac::HMAC_SHA384,
            "HS512" => hmac::HMAC_SHA512,
            _ => return None,
        };
        let secret = credential.text("secret")?.as_bytes();
        let secret = if secret_is_base64 {
            BASE64.decode(secret).ok()?
        } else {
            secret.to_vec()
        };
        Some(Key::Shared(hmac::Key::new(algorithm, &secret)))
    }

    /// The public key, if there is one and it is one for this algorithm.
    pub fn public(credential: &Credential, algorithm: &str) -> Option<Key> {
        let der = from_pem(credential.text("rsa_public_key")?)?;
        ParsedPublicKey::new(public(algorithm)?, der)
            .ok()
            .map(Key::Public)
    }

    /// Whether the token was signed with it.
    pub fn has_signed(&self, token: &Token<'_>) -> bool {
        match self {
            Key::Shared(key) => hmac::verify(key, token.signed, &token.signature).is_ok(),
            Key::Public(key) => key.verify_sig(token.signed, &token.signature).is_ok(),
        }
    }
}

/// What stands between the lines that begin and end a PEM block.
fn from_pem(text: &str) -> Option<Vec<u8>> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("-----"));
    BASE64.decode(lines.collect::<String>()).ok()
}

fn public(algorithm: &str) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match algorithm {
        "RS256" => &RSA_PKCS1_2048_8192_SHA256,
        "RS384" => &RSA_PKCS1_2048_8192_SHA384,
        "RS512" => &RSA_PKCS1_2048_8192_SHA512,
        "PS256" => &RSA_PSS_2048_8192_SHA256,
        "PS384" => &RSA_PSS_2048_8192_SHA384,
        "PS512" => &RSA_PSS_2048_8192_SHA512,
        "ES256" => &ECDSA_P256_SHA256_FIXED,
        "ES384" => &ECDSA_P384_SHA384_FIXED,
        "ES512" => &ECDSA_P521_SHA512_FIXED,
        // Kong also knows Ed448, which hardly anybody signs with and our library does not have.
        "EdDSA" => &ED25519,
        _ => return None,
    })
}
