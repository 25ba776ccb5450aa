//! A short piece of a key, kept where it is used.
//!
//! Reading a text through a tree means comparing one label per node. A label that lives elsewhere
//! in memory is a second errand per node, and errands to memory are what a look-up among a
//! hundred thousand routes spends its time on. Most labels are a few bytes, so those stand in the
//! node itself.

use std::ops::Deref;

/// Labels up to this length stand in place; the type is then three words long, like a `Vec`.
const INLINE_MAX: usize = 22;

/// An immutable byte string, in place when it is short.
#[derive(Debug, Clone)]
pub(crate) enum Label {
    Inline { length: u8, bytes: [u8; INLINE_MAX] },
    Heap(Box<[u8]>),
}

impl Label {
    /// The two texts one after the other.
    pub(crate) fn joined(a: &[u8], b: &[u8]) -> Self {
        Label::from([a, b].concat().as_slice())
    }
}

impl From<&[u8]> for Label {
    fn from(text: &[u8]) -> Self {
        let mut bytes = [0; INLINE_MAX];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(text);
                Label::Inline { length, bytes }
            }
            _ => Label::Heap(text.into()),
        }
    }
}

impl Deref for Label {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Label::Inline { length, bytes } => &bytes[..usize::from(*length)],
            Label::Heap(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_reads_the_same_in_place_and_elsewhere() {
        for length in [0, 1, INLINE_MAX, INLINE_MAX + 1, 300] {
            let text = vec![b'x'; length];
            assert_eq!(*Label::from(text.as_slice()), text);
        }
        assert_eq!(*Label::joined(b"/a", b"pi"), *b"/api");
    }
}
