//! Names and values as they stand in URLs and forms.
//!
//! `a=1&b&a=%C3%BC+x` is a list of pairs: order and repetition matter, and a name without `=` is not the same
//! as one with an empty value. Decoding happens once, here.
//!
//! The catch: escapes may spell bytes that are not UTF-8, and our strings cannot hold those. They become NUL, a
//! character that no name, tag or path may contain, so that such a value is refused or found nowhere instead of
//! being mistaken for a neighbour.

use crate::problem::Failure;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What `ngx.escape_uri` leaves alone: letters, digits and `-._~`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// One name with its value; no value when there was no `=`.
pub type Pair = (String, Option<String>);

/// Splits and decodes `text`, at most `max` pairs.
///
/// # Errors
/// [`Failure::TooManyArguments`].
pub fn parse_pairs(text: &str, max: usize) -> Result<Vec<Pair>, Failure> {
    let parts: Vec<&str> = text
        .split('&')
        .filter(|part| !part.is_empty())
        .take(max + 1)
        .collect();
    if parts.len() > max {
        return Err(Failure::TooManyArguments);
    }
    Ok(parts.into_iter().map(pair).collect())
}

fn pair(part: &str) -> Pair {
    match part.split_once('=') {
        Some((name, value)) => (unescape_plus(name), Some(unescape_plus(value))),
        None => (unescape_plus(part), None),
    }
}

/// Undoes percent escapes and reads `+` as a space, as in forms.
fn unescape_plus(text: &str) -> String {
    if text.contains('+') {
        unescape(&text.replace('+', " "))
    } else {
        unescape(text)
    }
}

/// Undoes percent escapes, as in paths.
pub fn unescape(text: &str) -> String {
    let bytes: Vec<u8> = percent_decode_str(text).collect();
    readable(&bytes)
}

/// Text from bytes; what is not UTF-8 becomes NUL.
pub fn readable(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            out.push('\0');
        }
    }
    out
}

/// Escapes a value for a URL the way Kong does.
pub fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// The arguments of a URL.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<Pair>);

impl Query {
    /// Reads what follows the `?`.
    ///
    /// # Errors
    /// [`Failure::TooManyArguments`].
    pub fn parse(text: &str, max: usize) -> Result<Self, Failure> {
        parse_pairs(text, max).map(Query)
    }

    /// The first value of `name`; empty when it stands there without one.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(own, _)| own == name)?;
        Some(value.as_deref().unwrap_or_default())
    }

    /// Whether `name` stands there and means yes.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| !matches!(value, "0" | "false" | "off" | "no"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, Option<&str>)]) {
        let pairs = parse_pairs(text, 10).unwrap();
        let seen: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_deref())).collect();
        assert_eq!(seen, expected, "{text}");
    }

    #[test]
    fn pairs_are_split_and_decoded() {
        check("a=1&b=2", &[("a", Some("1")), ("b", Some("2"))]);
        check("a=b=c", &[("a", Some("b=c"))]);
        check("a&b=", &[("a", None), ("b", Some(""))]);
        check("&&a=1&", &[("a", Some("1"))]);
        check("a=x+y%20z%2B", &[("a", Some("x y z+"))]);
        check("%5Ba%5D=%C3%BC", &[("[a]", Some("ü"))]);
        check("a=%zz%4", &[("a", Some("%zz%4"))]);
        check("a=%FFb", &[("a", Some("\0b"))]);
        check("", &[]);
    }

    #[test]
    fn one_pair_too_many_is_refused() {
        assert!(parse_pairs("a&b&c", 3).is_ok());
        assert!(matches!(
            parse_pairs("a&b&c&d", 3),
            Err(Failure::TooManyArguments)
        ));
    }

    #[test]
    fn a_name_without_value_is_on_and_empty() {
        let query = Query::parse("strict&size=&off=0", 10).unwrap();
        assert!(query.is_on("strict") && !query.is_on("off") && !query.is_on("absent"));
        assert_eq!((query.get("size"), query.get("absent")), (Some(""), None));
    }

    #[test]
    fn escaping_is_kongs() {
        assert_eq!(escape("a,b c/d~e-f"), "a%2Cb%20c%2Fd~e-f");
    }
}
