//! How passwords are kept: never as they are.
//!
//! Two old habits of Kong, each readable by the gateway that checks a password and by a Kong that reads an export:
//! [`of_consumer`] for basic authentication and [`hashed`] for the secrets of OAuth 2.0 applications.
//!
//! The catch: the first is SHA-1 with the consumer's id as its only salt. It is what clients of the Admin API compute and compare,
//! so it cannot be better than that here; a strong password is the defence.

use aws_lc_rs::{digest, pbkdf2};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use std::{fmt::Write as _, num::NonZeroU32};

/// Kong: rounds of PBKDF2, about ten milliseconds.
const ROUNDS: NonZeroU32 = NonZeroU32::new(10_000).expect("invariant: not zero");
/// Kong: bytes kept of a derived key.
const HASH_LEN: usize = 32;
/// The most rounds a stored hash may ask for: more would let one record keep a core busy for seconds per request.
const ROUNDS_MAX: u32 = 1_000_000;
/// The name of the method in stored hashes.
const METHOD: &str = "pbkdf2-sha512";

/// What is stored of the password of a consumer: lower-case hexadecimal SHA-1 of both, one after the other.
pub fn of_consumer(password: &str, consumer_id: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(password.as_bytes());
    context.update(consumer_id.as_bytes());
    hex(context.finish().as_ref())
}

/// What is stored of a secret, with its salt: `$pbkdf2-sha512$i=10000,l=32$<salt>$<hash>`, base64 without padding.
pub fn hashed(secret: &str, salt: &[u8]) -> String {
    let mut hash = [0; HASH_LEN];
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA512,
        ROUNDS,
        salt,
        secret.as_bytes(),
        &mut hash,
    );
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    format!("${METHOD}$i={ROUNDS},l={HASH_LEN}${salt}${hash}")
}

/// Whether `stored`, made by [`hashed`], is of this secret. Compares in constant time.
pub fn is_of(stored: &str, secret: &str) -> bool {
    let Some((rounds, salt, hash)) = parts(stored) else {
        return false;
    };
    let verdict = pbkdf2::verify(
        pbkdf2::PBKDF2_HMAC_SHA512,
        rounds,
        &salt,
        secret.as_bytes(),
        &hash,
    );
    verdict.is_ok()
}

fn parts(stored: &str) -> Option<(NonZeroU32, Vec<u8>, Vec<u8>)> {
    let mut parts = stored.strip_prefix('$')?.split('$');
    if parts.next()? != METHOD {
        return None;
    }
    let rounds = parts
        .next()?
        .strip_prefix("i=")?
        .split(',')
        .next()?
        .parse()
        .ok()?;
    let salt = STANDARD_NO_PAD.decode(parts.next()?).ok()?;
    let hash = STANDARD_NO_PAD.decode(parts.next()?).ok()?;
    (rounds <= ROUNDS_MAX).then_some((NonZeroU32::new(rounds)?, salt, hash))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_hashed_with_its_consumer() {
        let hash = of_consumer("p", "00000001-1111-4111-8111-111111111111");
        assert_eq!(hash, "d9831041b9af733dcb0d418cd0cd77e6b7c0c6c6");
    }

    #[test]
    fn a_hashed_secret_is_known_again_and_others_are_not() {
        let stored = hashed("secret", &[7; 16]);
        assert!(stored.starts_with("$pbkdf2-sha512$i=10000,l=32$"), "{stored}");
        assert!(is_of(&stored, "secret"));
        for (stored, secret) in [
            (stored.as_str(), "Secret"),
            ("secret", "secret"),
            ("$argon2$i=1,l=32$AAAA$AAAA", "secret"),
            ("$pbkdf2-sha512$i=4000000000,l=32$AAAA$AAAA", "secret"),
        ] {
            assert!(!is_of(stored, secret), "{stored}");
        }
    }
}
