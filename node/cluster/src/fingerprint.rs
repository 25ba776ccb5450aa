//! The hash by which a certificate authority is recognised.
//!
//! Someone who visits a house for the first time is told the colour of the door. A joining node knows nothing of the
//! cluster but its join token; the fingerprint inside tells it whether the house that opens is the right one.
//!
//! It is the SHA-256 of the whole certificate, not of its public key: two clusters made from one stolen key
//! would still differ.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// SHA-256 of a certificate in DER.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint([u8; 32]);

/// A text is not a fingerprint.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a fingerprint is 43 characters of base64url")]
pub struct NotAFingerprint;

impl Fingerprint {
    /// Of this certificate.
    pub fn of_certificate(der: &[u8]) -> Self {
        Fingerprint(Sha256::digest(der).into())
    }

    /// The hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotAFingerprint)?;
        bytes.try_into().map(Fingerprint).map_err(|_| NotAFingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_text_is_read_back() {
        let print = Fingerprint::of_certificate(b"certificate");
        assert_eq!(print.to_string().parse(), Ok(print));
        assert_eq!(print.to_string().len(), 43);
    }

    #[test]
    fn another_text_is_refused() {
        for text in ["", "abc", "%", &"A".repeat(44), &"A".repeat(42)] {
            assert_eq!(text.parse::<Fingerprint>(), Err(NotAFingerprint), "{text}");
        }
    }
}
