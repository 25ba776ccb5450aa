//! Types to frames and back: the one file that knows bincode.
//!
//! bincode's own entry points read without a size limit and ignore what follows a value; bytes from a disk or a
//! peer deserve neither trust. Hence fixed options, used nowhere else.

use crate::frame::{self, FrameError, Kind};
use bincode::Options;
use serde::{Serialize, de::DeserializeOwned};

/// Upper bound of one decoded payload: an entry's limit with room for the revisions and ids around it.
const PAYLOAD_MAX_BYTES: u64 = 4 << 20;

fn options() -> impl Options {
    bincode::DefaultOptions::new()
        .with_fixint_encoding()
        .with_limit(PAYLOAD_MAX_BYTES)
        .reject_trailing_bytes()
}

/// Packs `value` into the frame that is stored under `key`.
///
/// # Errors
/// [`FrameError::Payload`] when the value is larger than one frame may be.
pub fn encode<T: Serialize>(kind: Kind, key: &[u8], value: &T) -> Result<Vec<u8>, FrameError> {
    Ok(frame::seal(kind, key, &pack(value)?))
}

/// Opens the frame that was read from `key`.
///
/// # Errors
/// A [`FrameError`] that says what is wrong with it.
pub fn decode<T: DeserializeOwned>(kind: Kind, key: &[u8], bytes: &[u8]) -> Result<T, FrameError> {
    unpack(frame::open(kind, key, bytes)?)
}

/// The bare payload, for messages that carry their own checksum.
///
/// # Errors
/// [`FrameError::Payload`] when the value is too large.
pub fn pack<T: Serialize>(value: &T) -> Result<Vec<u8>, FrameError> {
    options()
        .serialize(value)
        .map_err(|e| FrameError::Payload(e.to_string()))
}

/// How long the bare payload of `value` is, whatever the limits.
pub fn packed_len<T: Serialize>(value: &T) -> usize {
    let bytes = options().with_no_limit().serialized_size(value);
    bytes.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
}

/// Reads a bare payload.
///
/// # Errors
/// [`FrameError::Payload`] when it does not decode or something follows it.
pub fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    options()
        .deserialize(bytes)
        .map_err(|e| FrameError::Payload(e.to_string()))
}
