//! Ways into the gateway's readers for the fuzz targets in `tests/fuzz`; compiled for them and for tests alone.
//!
//! Each takes bytes of a stranger, reads them as the gateway would, and panics when what was read breaks a promise that the
//! code behind the reader relies on.

use crate::{
    door,
    peer::{
        chunked::{Chunks, Read},
        head::{Expected, Framing, Parsed, parse},
    },
};
use bytes::{Bytes, BytesMut};
use http::{Request, request::Parts};
use troop_router::normalize_path;

/// Fields of one head; hyper's own limit.
const FIELDS_MAX: usize = 100;

/// Largest head of a peer here: small, so that the limit is met.
const HEAD_MAX_BYTES: usize = 4 * 1024;

/// A client's head, through the door.
pub fn client_head(bytes: &[u8]) {
    let Some(parts) = request(bytes) else {
        return;
    };
    let Ok(asked) = door::admit(&parts) else {
        return;
    };
    assert!(asked.path.starts_with('/') && asked.raw_path.starts_with('/'));
    assert_eq!(normalize_path(&asked.path).as_deref(), Ok(&*asked.path));
    assert!(asked.query.is_empty() || asked.query.starts_with('?'));
    let is_visible = |text: &str| !text.bytes().any(|byte| byte.is_ascii_control() || byte == b' ');
    assert!(is_visible(asked.host) && is_visible(asked.raw_path) && is_visible(asked.query));
    assert!(!asked.host.contains(['@', '/', '?', '#', ',']), "{}", asked.host);
}

fn request(bytes: &[u8]) -> Option<Parts> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut head = httparse::Request::new(&mut fields);
    head.parse(bytes).ok().filter(httparse::Status::is_complete)?;
    let version = match head.version? {
        0 => http::Version::HTTP_10,
        _ => http::Version::HTTP_11,
    };
    let mut request = Request::builder()
        .method(head.method?)
        .uri(head.path?)
        .version(version);
    for field in head.headers {
        request = request.header(field.name, field.value);
    }
    Some(request.body(()).ok()?.into_parts().0)
}

/// A peer's head, for every kind of request it may answer.
pub fn peer_head(bytes: &[u8]) {
    for (head_only, websocket, trailers) in [
        (false, false, false),
        (false, false, true),
        (true, false, false),
        (false, true, false),
    ] {
        let expected = Expected {
            head_only,
            websocket,
            trailers,
        };
        let mut buffer = BytesMut::from(bytes);
        let before = buffer.len();
        let Ok(Parsed::Final(head)) = parse(&mut buffer, expected, HEAD_MAX_BYTES) else {
            continue;
        };
        assert!(buffer.len() < before && before - buffer.len() <= HEAD_MAX_BYTES);
        assert!(websocket || head.framing != Framing::Tunnel);
        assert!(!head_only || head.framing == Framing::Empty);
        assert!(!(head.reusable && head.framing == Framing::UntilClose));
        for name in [http::header::CONNECTION, http::header::TRANSFER_ENCODING] {
            assert!(!head.headers.contains_key(name) || head.framing == Framing::Tunnel);
        }
    }
}

/// A body in chunks reads the same in one piece and byte by byte.
pub fn chunks(bytes: &[u8]) {
    let whole = read([Bytes::copy_from_slice(bytes)]);
    let single = read(bytes.iter().map(|byte| Bytes::copy_from_slice(&[*byte])));
    assert_eq!(whole, single);
}

/// The body with what stands behind it, and whether it is complete; `None` when it is malformed.
fn read(pieces: impl IntoIterator<Item = Bytes>) -> Option<(Vec<u8>, bool)> {
    let (mut chunks, mut body, mut input) = (Chunks::new(), Vec::new(), BytesMut::new());
    for piece in pieces {
        input.extend_from_slice(&piece);
        loop {
            match chunks.read(&mut input).ok()? {
                Read::Data(data) => body.extend_from_slice(&data),
                Read::More => break,
                Read::End(trailers) => {
                    if let Some(trailers) = trailers {
                        trailers.write_to(&mut body);
                    }
                    return Some((body, true));
                }
            }
        }
    }
    Some((body, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_read_without_a_broken_promise() {
        let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz/corpus/head");
        let mut count = 0;
        for seed in std::fs::read_dir(seeds).expect("seeds") {
            let bytes = std::fs::read(seed.expect("a seed").path()).expect("a seed");
            client_head(&bytes);
            peer_head(&bytes);
            chunks(&bytes);
            count += 1;
        }
        assert!(count > 0);
    }
}
