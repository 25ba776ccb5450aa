//! The envelope around every value on disk.
//!
//! A parcel with a customs form: what is inside, how it is packed, how long it is, and a seal over the
//! form, the contents *and the shelf it belongs on*. A value that was copied to another key, cut short or flipped a
//! bit is found out before anybody acts on it; one that a newer program packed is refused, not guessed at.
//!
//! Layout, little endian: kind `u8`, codec `u8`, schema `u16`, payload length `u32`, payload, crc32c `u32` over
//! all of that and then the key.

use thiserror::Error;

/// Bytes before the payload.
pub const HEADER_BYTES: usize = 8;
/// Bytes after it.
pub const TRAILER_BYTES: usize = 4;
/// The one codec so far: bincode 1, fixed-width integers.
pub const CODEC_BINCODE1: u8 = 1;

/// What a frame holds. The numbers are the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A Raft log entry.
    LogEntry = 1,
    /// Raft's own notes: vote, committed, purged.
    RaftMeta = 2,
    /// A row of the state.
    Row = 3,
    /// An event.
    Event = 4,
    /// The answer to a request, kept for retries.
    Session = 5,
    /// The machine's own notes: revision, digest, membership.
    StateMeta = 6,
    /// A block of a snapshot stream.
    SnapshotBlock = 7,
    /// What a data directory says of itself.
    Identity = 8,
}

/// Newest layout of the payload per kind. One so far for all.
pub const SCHEMA: u16 = 1;

/// Why a frame was not opened.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    /// Too short, or shorter than it says.
    #[error("frame is cut short: {have} bytes, {need} needed")]
    Short {
        /// Bytes there.
        have: usize,
        /// Bytes needed.
        need: usize,
    },
    /// Something follows the frame.
    #[error("{extra} bytes follow the frame")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// Another kind of value lies here.
    #[error("frame is of kind {found}, expected {expected}")]
    Kind {
        /// What was found.
        found: u8,
        /// What was asked for.
        expected: u8,
    },
    /// A newer program wrote it.
    #[error("frame uses codec {codec} and schema {schema}, written by a newer version of troop")]
    Version {
        /// Codec number found.
        codec: u8,
        /// Schema number found.
        schema: u16,
    },
    /// The seal is broken.
    #[error("checksum mismatch")]
    Checksum,
    /// The seal holds but the contents make no sense.
    #[error("payload does not decode: {0}")]
    Payload(String),
}

/// Wraps a payload that will be stored under `key`.
pub fn seal(kind: Kind, key: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES + payload.len() + TRAILER_BYTES);
    out.push(kind as u8);
    out.push(CODEC_BINCODE1);
    out.extend_from_slice(&SCHEMA.to_le_bytes());
    let len = u32::try_from(payload.len()).expect("invariant: payloads are capped far below 4 GiB");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(payload);
    let crc = checksum(&out, key);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// Checks a frame read from `key` and gives its payload.
///
/// # Errors
/// Any [`FrameError`] but `Payload`.
pub fn open<'a>(kind: Kind, key: &[u8], bytes: &'a [u8]) -> Result<&'a [u8], FrameError> {
    let need = HEADER_BYTES + TRAILER_BYTES;
    if bytes.len() < need {
        return Err(FrameError::Short {
            have: bytes.len(),
            need,
        });
    }
    let len = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]) as usize;
    let need = need.saturating_add(len);
    if bytes.len() < need {
        return Err(FrameError::Short {
            have: bytes.len(),
            need,
        });
    }
    if bytes.len() > need {
        return Err(FrameError::Trailing {
            extra: bytes.len() - need,
        });
    }
    let (body, seal) = bytes.split_at(HEADER_BYTES + len);
    // The seal first: a flipped bit in the version must not be reported as "written by a newer version".
    if seal != checksum(body, key).to_le_bytes() {
        return Err(FrameError::Checksum);
    }
    let schema = u16::from_le_bytes([bytes[2], bytes[3]]);
    if bytes[1] != CODEC_BINCODE1 || schema != SCHEMA {
        return Err(FrameError::Version {
            codec: bytes[1],
            schema,
        });
    }
    if bytes[0] != kind as u8 {
        return Err(FrameError::Kind {
            found: bytes[0],
            expected: kind as u8,
        });
    }
    Ok(&body[HEADER_BYTES..])
}

fn checksum(body: &[u8], key: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(body), key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_frame_of_a_newer_version_is_refused_by_name() {
        let mut bytes = seal(Kind::Row, b"k", b"v");
        bytes[2] = 9;
        let body = bytes.len() - TRAILER_BYTES;
        let crc = checksum(&bytes[..body], b"k");
        bytes[body..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(
            open(Kind::Row, b"k", &bytes),
            Err(FrameError::Version { codec: 1, schema: 9 })
        );
    }

    #[test]
    fn a_value_under_another_key_is_found_out() {
        let bytes = seal(Kind::Row, b"a", b"v");
        assert_eq!(open(Kind::Row, b"b", &bytes), Err(FrameError::Checksum));
    }

    #[test]
    fn a_value_of_another_kind_is_found_out() {
        let bytes = seal(Kind::Event, b"a", b"v");
        assert_eq!(
            open(Kind::Row, b"a", &bytes),
            Err(FrameError::Kind {
                found: 4,
                expected: 3
            })
        );
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(key: Vec<u8>, payload: Vec<u8>) {
            let bytes = seal(Kind::Row, &key, &payload);
            prop_assert_eq!(open(Kind::Row, &key, &bytes), Ok(&payload[..]));
        }

        #[test]
        fn one_flipped_bit_is_always_found(payload: Vec<u8>, at: prop::sample::Index, bit in 0u8..8) {
            let mut bytes = seal(Kind::Row, b"key", &payload);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(open(Kind::Row, b"key", &bytes).is_err());
        }

        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes: Vec<u8>) {
            prop_assert!(open(Kind::Row, b"key", &bytes).is_err());
        }
    }
}
