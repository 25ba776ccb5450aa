//! Request ids: 32 hexadecimal digits, different for every request of the cluster.
//!
//! They name, they do not protect, so a fast generator seeded once by the system is enough: two 64-bit lanes of
//! SplitMix64, of which no two workers share a seed.

use std::cell::Cell;

/// A worker's source of ids.
pub(crate) struct IdSource {
    high: Cell<u64>,
    low: Cell<u64>,
}

/// One id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RequestId([u8; 32]);

impl IdSource {
    /// Seeded with 128 random bits.
    pub fn new(seed: u128) -> Self {
        IdSource {
            high: Cell::new((seed >> 64) as u64),
            low: Cell::new(seed as u64),
        }
    }

    /// The next id.
    pub fn next(&self) -> RequestId {
        let mut digits = [0; 32];
        write_hex(step(&self.high), &mut digits[..16]);
        write_hex(step(&self.low), &mut digits[16..]);
        RequestId(digits)
    }
}

impl RequestId {
    /// As text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("invariant: hexadecimal digits are ASCII")
    }

    /// As bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn step(state: &Cell<u64>) -> u64 {
    let next = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    state.set(next);
    let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn write_hex(number: u64, out: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in out.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_32_hexadecimal_digits_and_differ() {
        let source = IdSource::new(7);
        let (a, b) = (source.next(), source.next());
        assert_ne!(a, b);
        assert!(
            a.as_str()
                .bytes()
                .all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase())
        );
    }
}
