//! The head of a request for a peer that speaks HTTP/2: the same fields, as a map for the codec.

use super::{Lines, RequestHead};
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// More than the gateway says about any client.
const OUR_FIELDS: usize = 12;

/// A map that is written line by line.
struct MapLines {
    map: HeaderMap,
    name: HeaderName,
    value: Vec<u8>,
}

impl Lines for MapLines {
    fn begin(&mut self, title: &'static str) {
        self.name =
            HeaderName::from_bytes(title.as_bytes()).expect("invariant: our titles are names of fields");
        self.value.clear();
    }

    fn put(&mut self, piece: &[u8]) {
        self.value.extend_from_slice(piece);
    }

    fn end(&mut self) {
        // Made of values that were ones already, and of addresses, hosts and paths that were let in.
        if let Ok(value) = HeaderValue::from_bytes(&self.value) {
            self.map.append(self.name.clone(), value);
        }
    }
}

impl RequestHead<'_> {
    /// The fields but `Host`, which HTTP/2 has in the target.
    pub fn to_map(&self) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(self.headers.len() + OUR_FIELDS);
        self.headers.each(|name, value| {
            if !self.fields.is_dropped(name) {
                map.append(name.clone(), value.clone());
            }
        });
        // A call ends with trailers, whoever makes it.
        map.insert(header::TE, HeaderValue::from_static("trailers"));
        let mut lines = MapLines {
            map,
            name: header::VIA,
            value: Vec::new(),
        };
        self.write_announced(&mut lines);
        self.write_forwarded(&mut lines);
        lines.map
    }
}
