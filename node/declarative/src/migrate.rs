//! Paths of routes in documents older than format 3.0.
//!
//! Before 3.0 Kong guessed whether a path was a regular expression; since then it is one if it begins with `~`. A document
//! that says it is older is brought up to date by the old guess: a path with anything but plain letters was a regular
//! expression.
//!
//! Kong: only routes at the top and in services at the top are touched, and escapes that a regular expression no longer needs
//! are resolved.

use serde_json::Value;
use troop_schema::{Record, typedef};

/// Bytes whose escapes stay: the delimiters of RFC 3986, and the escape itself.
const RESERVED: &[u8] = b"!#$%&'()*+,/:;=?@[]";

/// Bytes that mean something in a regular expression and must be escaped there once they are decoded.
const META: &[u8] = b".^-{}\\|";

/// Brings the routes of a document up to date.
pub(crate) fn old_paths(document: &mut Record) {
    routes(document);
    each(document, "services", routes);
}

fn routes(holder: &mut Record) {
    each(holder, "routes", |route| {
        let paths = route.get_mut("paths").and_then(Value::as_array_mut);
        for path in paths.into_iter().flatten() {
            if let Value::String(path) = path {
                *path = migrated(path);
            }
        }
    });
}

fn each(holder: &mut Record, collection: &str, change: impl Fn(&mut Record)) {
    let list = holder.get_mut(collection).and_then(Value::as_array_mut);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
        .for_each(change);
}

fn migrated(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_~/%".contains(&b);
    if !path.bytes().all(plain) {
        return format!("~{}", decoded(path));
    }
    match String::from_utf8(typedef::normalize(path)) {
        Ok(normal) => normal,
        Err(_) => path.to_owned(), // escapes that are no text stay escapes
    }
}

/// A regular expression with its needless escapes resolved.
fn decoded(regex: &str) -> String {
    let mut out = Vec::with_capacity(regex.len());
    let mut rest = regex.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        match escaped(*byte, tail) {
            None => out.push(*byte),
            Some(code) => {
                rest = &tail[2..];
                if RESERVED.contains(&code) {
                    out.push(b'%');
                    out.extend(tail[..2].to_ascii_uppercase());
                } else {
                    out.extend(META.contains(&code).then_some(b'\\'));
                    out.push(code);
                }
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| regex.to_owned())
}

fn escaped(byte: u8, tail: &[u8]) -> Option<u8> {
    let digits = tail.get(..2).filter(|_| byte == b'%')?;
    let digit = |at: usize| char::from(digits[at]).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(path: &str, wanted: &str) {
        assert_eq!(migrated(path), wanted, "{path}");
    }

    #[test]
    fn what_looks_like_a_regular_expression_becomes_one() {
        check("/a", "/a");
        check("/a/../b", "/b");
        check("/%61", "/a");
        check(r"/a/\d+$", r"~/a/\d+$");
        check("/a%2e(b|c)", r"~/a\.(b|c)");
        check("/a%2f%61(b)", "~/a%2Fa(b)");
        check("/a%zz(b)", "~/a%zz(b)");
        check("/%ff", "/%ff");
    }

    #[test]
    fn routes_at_the_top_and_in_services_are_touched() {
        let document =
            json!({"routes": [{"paths": ["/(a)"]}, 5], "services": [{"routes": [{"paths": ["/(b)"]}]}]});
        let mut document = document.as_object().cloned().unwrap();
        old_paths(&mut document);
        let wanted =
            json!({"routes": [{"paths": ["~/(a)"]}, 5], "services": [{"routes": [{"paths": ["~/(b)"]}]}]});
        assert_eq!(Value::Object(document), wanted);
    }
}
