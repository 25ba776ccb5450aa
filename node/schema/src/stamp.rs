//! Time and chance, handed in.
//!
//! A record gets its dates and its id from here and from nowhere else, so that a test can say what they are and
//! a replicated entry carries what its proposer chose.

use serde_json::{Number, Value};
use uuid::{Builder, Uuid};

/// Letters of generated keys and secrets.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Kong: generated keys and secrets have 32 letters.
const TOKEN_LEN: usize = 32;
/// The largest multiple of the alphabet's size in a byte: bytes from here on would favour the first letters.
const FAIR_BYTES: u8 = 248;

/// When a change is made, and where its random parts come from.
pub struct Stamp<'a> {
    now_ms: u64,
    random: &'a mut dyn FnMut() -> [u8; 16],
}

impl<'a> Stamp<'a> {
    /// `now_ms` counts from 1970; `random` gives 16 unpredictable bytes at each call.
    pub fn new(now_ms: u64, random: &'a mut dyn FnMut() -> [u8; 16]) -> Self {
        Stamp { now_ms, random }
    }

    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// A fresh id, version 4.
    pub fn uuid(&mut self) -> Uuid {
        Builder::from_random_bytes((self.random)()).into_uuid()
    }

    /// Bytes that make two hashes of one secret differ.
    pub(crate) fn salt(&mut self) -> [u8; 16] {
        (self.random)()
    }

    /// Whole seconds since 1970.
    pub(crate) fn seconds(&self) -> Value {
        Value::from(self.now_ms / 1000)
    }

    /// Seconds since 1970 with milliseconds after the point.
    pub(crate) fn seconds_with_fraction(&self) -> Value {
        Number::from_f64(self.now_ms as f64 / 1000.0).map_or(Value::Null, Value::Number)
    }

    /// 32 random letters and digits.
    pub(crate) fn token(&mut self) -> String {
        let mut token = String::with_capacity(TOKEN_LEN);
        while token.len() < TOKEN_LEN {
            let fair = (self.random)().into_iter().filter(|byte| *byte < FAIR_BYTES);
            let letters = fair.map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
            token.extend(letters.take(TOKEN_LEN - token.len()));
        }
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_32_letters_or_digits() {
        let mut byte = 0u8;
        let mut random = || {
            byte = byte.wrapping_add(77);
            [byte; 16]
        };
        let token = Stamp::new(0, &mut random).token();
        assert_eq!(token.len(), 32);
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric()));
    }

    #[test]
    fn times_are_seconds() {
        let mut random = || [0; 16];
        let stamp = Stamp::new(1_500_000_000_123, &mut random);
        assert_eq!(stamp.seconds(), Value::from(1_500_000_000_u64));
        assert_eq!(stamp.seconds_with_fraction().to_string(), "1500000000.123");
    }
}
