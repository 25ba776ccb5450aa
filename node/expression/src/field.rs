//! The vocabulary: the fields a sentence may speak of, and what each holds.
//!
//! Sentences spell a field as a dotted name. Whoever judges them works with [`Field`], read from the name once.
//!
//! The catch: header names are written with underscores (`http.headers.x_tenant`), since a hyphen would be another sign of the language.

use atc_router::{ast::Type, schema::Schema};
use std::sync::LazyLock;

/// Which requests a sentence is about; it decides the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subsystem {
    /// HTTP and gRPC.
    Http,
    /// Streams of bytes: TCP, TLS, UDP.
    Stream,
}

impl Subsystem {
    /// By a route's protocols.
    pub fn of<'a>(protocols: impl IntoIterator<Item = &'a str>) -> Subsystem {
        match protocols.into_iter().next() {
            Some("tcp" | "tls" | "tls_passthrough" | "udp") => Subsystem::Stream,
            _ => Subsystem::Http,
        }
    }
}

/// What a sentence may ask about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// `http.method`
    Method,
    /// `http.host`, without port.
    Host,
    /// `http.path`, normalised.
    Path,
    /// `http.path.segments.len`
    SegmentCount,
    /// `http.path.segments.2`, `http.path.segments.0_1`: these segments, counted from zero, the last included, joined by slashes.
    Segments {
        /// The first.
        first: usize,
        /// The last, not before the first.
        last: usize,
    },
    /// `http.headers.*`: lower-case, with hyphens.
    Header(Box<str>),
    /// `http.queries.*`
    Query(Box<str>),
    /// `net.protocol`
    Protocol,
    /// `tls.sni`
    Sni,
    /// `net.src.ip`
    SourceIp,
    /// `net.src.port`
    SourcePort,
    /// `net.dst.ip`
    DestinationIp,
    /// `net.dst.port`
    DestinationPort,
}

const HEADERS: &str = "http.headers.";
const QUERIES: &str = "http.queries.";
const SEGMENTS: &str = "http.path.segments.";

const ANYWHERE: [(&str, Type); 6] = [
    ("net.protocol", Type::String),
    ("tls.sni", Type::String),
    ("net.src.port", Type::Int),
    ("net.dst.port", Type::Int),
    ("net.src.ip", Type::IpAddr),
    ("net.dst.ip", Type::IpAddr),
];

const HTTP_ONLY: [(&str, Type); 7] = [
    ("http.method", Type::String),
    ("http.host", Type::String),
    ("http.path", Type::String),
    ("http.path.segments.*", Type::String),
    ("http.path.segments.len", Type::Int),
    ("http.headers.*", Type::String),
    ("http.queries.*", Type::String),
];

static STREAM_WORDS: LazyLock<Schema> = LazyLock::new(|| words(ANYWHERE.into_iter()));
static HTTP_WORDS: LazyLock<Schema> = LazyLock::new(|| words(ANYWHERE.into_iter().chain(HTTP_ONLY)));

fn words(fields: impl Iterator<Item = (&'static str, Type)>) -> Schema {
    let mut schema = Schema::default();
    fields.for_each(|(name, kind)| schema.add_field(name, kind));
    schema
}

/// Names of fields and their types.
pub fn vocabulary(subsystem: Subsystem) -> &'static Schema {
    match subsystem {
        Subsystem::Http => &HTTP_WORDS,
        Subsystem::Stream => &STREAM_WORDS,
    }
}

impl Field {
    /// By the name that a sentence uses; the name is known to be of the vocabulary. `None` for segments that are none.
    pub(crate) fn named(name: &str) -> Option<Field> {
        if let Some(segments) = name.strip_prefix(SEGMENTS) {
            return segments_named(segments);
        }
        if let Some(header) = name.strip_prefix(HEADERS) {
            return Some(Field::Header(
                header.to_ascii_lowercase().replace('_', "-").into(),
            ));
        }
        if let Some(query) = name.strip_prefix(QUERIES) {
            return Some(Field::Query(query.into()));
        }
        Some(match name {
            "http.method" => Field::Method,
            "http.host" => Field::Host,
            "http.path" => Field::Path,
            "net.protocol" => Field::Protocol,
            "tls.sni" => Field::Sni,
            "net.src.ip" => Field::SourceIp,
            "net.src.port" => Field::SourcePort,
            "net.dst.ip" => Field::DestinationIp,
            "net.dst.port" => Field::DestinationPort,
            _ => return None,
        })
    }
}

fn segments_named(text: &str) -> Option<Field> {
    if text == "len" {
        return Some(Field::SegmentCount);
    }
    let Some((first, last)) = text.split_once('_') else {
        let only = index(text)?;
        return Some(Field::Segments {
            first: only,
            last: only,
        });
    };
    let (first, last) = (index(first)?, index(last)?);
    (first < last).then_some(Field::Segments { first, last })
}

/// Digits without a superfluous zero in front. Numbers beyond counting are one: no path has so many segments.
fn index(text: &str) -> Option<usize> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = text == "0" || !text.starts_with('0');
    (is_number && is_plain).then(|| text.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_one_by_its_number_or_several_in_order() {
        let of = |first, last| Some(Field::Segments { first, last });
        for (name, expected) in [
            ("0", of(0, 0)),
            ("12", of(12, 12)),
            ("0_1", of(0, 1)),
            ("2_10", of(2, 10)),
            ("len", Some(Field::SegmentCount)),
            ("01", None),
            ("1_1", None),
            ("2_1", None),
            ("1_", None),
            ("_1", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(Field::named(&format!("{SEGMENTS}{name}")), expected, "{name}");
        }
    }

    #[test]
    fn every_word_of_the_vocabulary_is_a_field() {
        for (name, _) in ANYWHERE.into_iter().chain(HTTP_ONLY) {
            let name = name.replace('*', "1");
            assert!(Field::named(&name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_header_is_named_as_on_the_wire() {
        assert_eq!(
            Field::named("http.headers.X_Tenant"),
            Some(Field::Header("x-tenant".into()))
        );
    }

    #[test]
    fn the_first_protocol_decides_the_vocabulary() {
        for (protocols, expected) in [
            (&["http", "https"][..], Subsystem::Http),
            (&["grpcs"], Subsystem::Http),
            (&["tls", "tcp"], Subsystem::Stream),
            (&["tls_passthrough"], Subsystem::Stream),
            (&["udp"], Subsystem::Stream),
            (&[], Subsystem::Http),
        ] {
            assert_eq!(
                Subsystem::of(protocols.iter().copied()),
                expected,
                "{protocols:?}"
            );
        }
    }
}
