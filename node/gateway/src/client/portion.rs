//! An answer as it is served to a stream: in portions, so that it shows whether the plate is being emptied.
//!
//! The codec of HTTP/2 takes a piece as soon as the client has room for its first byte, keeps what does not fit, and asks for the next one
//! when that fits too. How fast it asks is all that is seen of the client; of a large piece it may keep a lot for a long time, and the last
//! one it keeps without asking at all. So pieces are cut to the size of a frame, to which the codec would cut them anyway.

use bytes::Bytes;

/// A frame, if the client did not ask for larger ones. In the time that a client may take nothing (60 s) so much comes to hardly more than the
/// least rate, so neither limit undercuts the other. And so much of its last portion a stream can hold unseen until the connection
/// lies idle: two megabytes on 128 streams.
const PORTION_MAX_BYTES: usize = 16 * 1024;

/// What was handed over, and what is left of the piece it came from.
#[derive(Default)]
pub(crate) struct Portions {
    handed: usize,
    rest: Bytes,
}

impl Portions {
    /// The codec asks for more: the client had room for so many bytes, but for less than a portion.
    pub fn taken(&mut self) -> usize {
        std::mem::take(&mut self.handed)
    }

    /// The first portion of a piece.
    pub fn first(&mut self, piece: Bytes) -> Bytes {
        self.rest = piece;
        self.cut()
    }

    /// The next portion of the piece, if it has one.
    pub fn next(&mut self) -> Option<Bytes> {
        (!self.is_empty()).then(|| self.cut())
    }

    /// Whether all of the piece was handed over.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn cut(&mut self) -> Bytes {
        let portion = if self.rest.len() > PORTION_MAX_BYTES {
            self.rest.split_to(PORTION_MAX_BYTES)
        } else {
            std::mem::take(&mut self.rest)
        };
        self.handed = portion.len();
        portion
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(size: usize, expected: &[usize]) {
        let mut portions = Portions::default();
        let mut next = Some(portions.first(Bytes::from(vec![b'x'; size])));
        let mut seen = Vec::new();
        while let Some(portion) = next {
            assert_eq!(portions.taken(), portion.len());
            assert_eq!(portions.taken(), 0, "asking twice tells nothing new");
            seen.push(portion.len());
            next = portions.next();
        }
        assert_eq!(seen, expected, "{size}");
        assert!(portions.is_empty());
    }

    #[test]
    fn a_piece_is_handed_over_in_portions_and_nothing_is_lost() {
        const WHOLE: usize = PORTION_MAX_BYTES;
        check(0, &[0]);
        check(7, &[7]);
        check(WHOLE, &[WHOLE]);
        check(WHOLE + 1, &[WHOLE, 1]);
        check(4 * WHOLE - 1, &[WHOLE, WHOLE, WHOLE, WHOLE - 1]);
    }
}
