//! Paths: of services, and of routes.
//!
//! The catch: the router compares a request's path in one normal form, so a route's fixed path must be spelled in that form
//! already; a path in another spelling could never match and is refused with the spelling that would.

use crate::fault::Fault;
use regex::Regex;
use serde_json::Value;

/// RFC 3986 section 2.2, and the percent sign itself: a path means something else when these are decoded.
const RESERVED: &[u8] = b"!#$%&'()*+,/:;=?@[]";

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(super) fn path(value: &Value) -> Result<(), Fault> {
    let text = text(value);
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._~-/%:@!$&'()*+,;=".contains(&b);
    if !text.bytes().all(allowed) {
        let err =
            format!("invalid path: '{text}' (characters outside of the reserved list of RFC 3986 found)");
        return Err(err.into());
    }
    match bad_escape(text) {
        Some(escape) => Err(format!("invalid url-encoded value: '{escape}'").into()),
        None => Ok(()),
    }
}

/// The first percent sign that two hexadecimal digits do not follow, with what follows it.
fn bad_escape(text: &str) -> Option<&str> {
    text.match_indices('%')
        .map(|(at, _)| &text[at..text.len().min(at + 3)])
        .find(|escape| escape.len() < 3 || !escape.bytes().skip(1).all(|b| b.is_ascii_hexdigit()))
}

pub(super) fn router_path(value: &Value) -> Result<(), Fault> {
    let text = text(value);
    if let Some(pattern) = text.strip_prefix('~') {
        return match Regex::new(pattern) {
            Ok(_) => Ok(()),
            Err(err) => Err(format!("invalid regex: '{pattern}' ({err})").into()),
        };
    }
    let normal = normalize(text);
    if normal == text.as_bytes() {
        return Ok(());
    }
    let normal = String::from_utf8_lossy(&normal);
    Err(format!("non-normalized path, consider use '{normal}' instead").into())
}

/// The normal form of a path: escapes of unreserved bytes decoded, other escapes in capitals, dots resolved, slashes merged.
pub fn normalize(path: &str) -> Vec<u8> {
    resolve(&decode(path.as_bytes()))
}

fn decode(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, tail)) = rest.split_first() {
        match (byte, escaped(tail)) {
            (b'%', Some(decoded)) if !RESERVED.contains(&decoded) => {
                out.push(decoded);
                rest = &tail[2..];
            }
            (b'%', Some(_)) => {
                out.push(b'%');
                out.extend(tail[..2].to_ascii_uppercase());
                rest = &tail[2..];
            }
            _ => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
    out
}

fn escaped(tail: &[u8]) -> Option<u8> {
    let digit = |b: &u8| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    Some(digit(tail.first()?)? * 16 + digit(tail.get(1)?)?)
}

/// RFC 3986 section 5.2.4, and no empty segments.
fn resolve(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path.split(|b| *b == b'/').skip(1).peekable();
    let mut ends_open = false;
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            b"." | b".." | b"" => {
                if segment == b".." {
                    kept.pop();
                }
                ends_open = last;
            }
            _ => kept.push(segment),
        }
    }
    let mut out = Vec::with_capacity(path.len());
    for segment in &kept {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    if ends_open || kept.is_empty() {
        out.push(b'/');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_normal_form() {
        for (path, normal) in [
            ("/", "/"),
            ("/foo", "/foo"),
            ("/foo/", "/foo/"),
            ("/foo/../bar", "/bar"),
            ("/a/./b", "/a/b"),
            ("/a/..", "/"),
            ("/a/.", "/a/"),
            ("/../a", "/a"),
            ("//a///b", "/a/b"),
            ("/%20", "/ "),
            ("/%2f%7e", "/%2F~"),
            ("/%zz", "/%zz"),
            ("/a?b", "/a?b"),
            ("/ü", "/ü"),
        ] {
            assert_eq!(String::from_utf8(normalize(path)).unwrap(), normal, "{path}");
        }
    }

    #[track_caller]
    fn check(judge: fn(&Value) -> Result<(), Fault>, text: &str, wanted: Option<&str>) {
        assert_eq!(judge(&text.into()).err(), wanted.map(Fault::from), "{text:?}");
    }

    #[test]
    fn a_services_path_has_url_letters_only() {
        check(path, "/v1/x:@%20", None);
        let outside = "invalid path: '/a b' (characters outside of the reserved list of RFC 3986 found)";
        check(path, "/a b", Some(outside));
        check(path, "/a%zz/b", Some("invalid url-encoded value: '%zz'"));
        check(path, "/a%2", Some("invalid url-encoded value: '%2'"));
    }

    #[test]
    fn a_routes_path_is_normal_or_a_regex() {
        check(router_path, "/foo bar", None);
        check(router_path, r"~/y/(?<id>\d+)", None);
        let hint = "non-normalized path, consider use '/bar' instead";
        check(router_path, "/foo/../bar", Some(hint));
        assert!(router_path(&"~/foo(".into()).is_err());
    }
}
