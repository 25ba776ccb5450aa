//! The path in its normal form: one spelling for every way to write the same path.
//!
//! `/a/../b`, `/%62` and `//b` are three spellings of `/b`. A gateway that matched the spelling
//! instead of the meaning would let a client walk around a route, and the plugins on it, with a
//! percent sign. So escapes of ordinary characters are decoded, dot segments are walked, doubled
//! slashes are merged; only then is the path matched, and the result is what the peer gets.
//!
//! The catch: escapes of *reserved* characters must stay. `/a%2Fb` is one segment with a slash in
//! its name, and decoding it would make two. They keep their escape in upper case, which also
//! makes the function idempotent: `%25` stays, so nothing is ever decoded twice.
//!
//! Kong: in front of its router sits nginx, which decodes everything including `%2F` to see where
//! the path leads, and refuses one that climbs above the root or has a broken escape. We refuse
//! the same paths, before and besides normalising.
//!
//! Escapes that do not decode to UTF-8 stay escaped: paths are text for everyone after this.

use std::borrow::Cow;

/// Why a path is refused; the answer is 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path does not start with a slash.
    #[error("the path does not start with a slash")]
    NotAbsolute,
    /// A percent sign without two hexadecimal digits behind it.
    #[error("the path has a broken percent escape")]
    BadEscape,
    /// `%00`, or the byte itself.
    #[error("the path has a zero byte")]
    ZeroByte,
    /// More `..` than there are segments to leave.
    #[error("the path climbs above the root")]
    AboveRoot,
}

/// Brings the path of a request target, without its query, into normal form. A path that already
/// is in normal form is returned as it is, without a copy.
///
/// # Errors
/// When the path cannot mean a place below the root; see [`PathError`].
pub fn normalize_path(raw: &str) -> Result<Cow<'_, str>, PathError> {
    if !raw.starts_with('/') {
        return Err(PathError::NotAbsolute);
    }
    if is_plain(raw.as_bytes()) {
        return Ok(Cow::Borrowed(raw));
    }
    vet(raw)?;
    Ok(Cow::Owned(walk(&decode(raw))))
}

/// Whether nothing in the path could need a change: no escapes, no doubled slashes, no segment
/// that starts with a dot, no zero byte.
fn is_plain(raw: &[u8]) -> bool {
    !raw.iter().any(|byte| matches!(byte, b'%' | 0))
        && !raw.windows(2).any(|pair| matches!(pair, b"//" | b"/."))
}

/// Refuses what nginx would refuse: looks at the fully decoded path, and only looks.
fn vet(raw: &str) -> Result<(), PathError> {
    let decoded = decode_all(raw.as_bytes())?;
    if decoded.contains(&0) {
        return Err(PathError::ZeroByte);
    }
    let mut depth: usize = 0;
    for segment in decoded.split(|byte| *byte == b'/') {
        depth = match segment {
            b"" | b"." => depth,
            b".." => depth.checked_sub(1).ok_or(PathError::AboveRoot)?,
            _ => depth + 1,
        };
    }
    Ok(())
}

fn decode_all(mut raw: &[u8]) -> Result<Vec<u8>, PathError> {
    let mut decoded = Vec::with_capacity(raw.len());
    while let Some((byte, rest)) = raw.split_first() {
        raw = rest;
        if *byte == b'%' {
            decoded.push(escaped_byte(raw).ok_or(PathError::BadEscape)?);
            raw = &raw[2..];
        } else {
            decoded.push(*byte);
        }
    }
    Ok(decoded)
}

/// The byte behind a percent sign.
fn escaped_byte(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

/// Decodes the escapes of characters that are not reserved. Escapes are known to be well formed.
fn decode(raw: &str) -> String {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match escaped_byte(rest) {
            Some(meant) if *byte == b'%' => {
                rest = &rest[2..];
                if is_reserved(meant) {
                    push_escape(&mut decoded, meant)
                } else {
                    decoded.push(meant)
                }
            }
            _ => decoded.push(*byte),
        }
    }
    into_text(decoded)
}

/// RFC 3986 section 2.2, and the percent sign itself.
fn is_reserved(byte: u8) -> bool {
    b"!*'();:@&=+$,/?%#[]".contains(&byte)
}

fn push_escape(text: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    text.extend([
        b'%',
        DIGITS[usize::from(byte >> 4)],
        DIGITS[usize::from(byte & 15)],
    ]);
}

/// Text as it is; bytes that are no text as escapes again.
fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let mut text = Vec::new();
        for chunk in error.as_bytes().utf8_chunks() {
            text.extend_from_slice(chunk.valid().as_bytes());
            chunk
                .invalid()
                .iter()
                .for_each(|byte| push_escape(&mut text, *byte));
        }
        String::from_utf8(text).expect("invariant: valid chunks and ASCII escapes are UTF-8")
    })
}

/// Walks the segments: `.` and empty ones stay where they are, `..` goes back one.
fn walk(path: &str) -> String {
    let mut walked: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(walked.pop()),
            _ => walked.push(segment),
        }
    }
    let mut normal = String::with_capacity(path.len());
    for segment in &walked {
        normal.push('/');
        normal.push_str(segment);
    }
    if walked.is_empty() || ends_in_a_folder(path) {
        normal.push('/');
    }
    normal
}

fn ends_in_a_folder(path: &str) -> bool {
    path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(raw: &str, expected: Result<&str, PathError>) {
        let normal = normalize_path(raw);
        assert_eq!(normal.as_deref().map_err(|error| *error), expected, "{raw}");
    }

    #[test]
    fn dot_segments_are_walked_and_slashes_merged() {
        check("/", Ok("/"));
        check("//", Ok("/"));
        check("/foo/../foo/x", Ok("/foo/x"));
        check("/a/../foo", Ok("/foo"));
        check("/foo//bar", Ok("/foo/bar"));
        check("/foo/./bar", Ok("/foo/bar"));
        check("/foo/.", Ok("/foo/"));
        check("/foo/bar/..", Ok("/foo/"));
        check("/foo/..", Ok("/"));
        check("/a//../b", Ok("/b"));
        check("/foo/..x", Ok("/foo/..x"));
        check("/route../req", Ok("/route../req"));
    }

    #[test]
    fn escapes_are_decoded_unless_the_character_is_reserved() {
        check("/%66oo", Ok("/foo"));
        check("/foo/%2e%2e/foo", Ok("/foo"));
        check("/foo/a%2fb", Ok("/foo/a%2Fb"));
        check("/foo/a%20b", Ok("/foo/a b"));
        check("/foo/%7Euser", Ok("/foo/~user"));
        check("/foo/%c3%bc", Ok("/foo/ü"));
        check("/%2541", Ok("/%2541"));
        check("/%3F%23", Ok("/%3F%23"));
    }

    #[test]
    fn escapes_that_are_no_text_stay() {
        check("/%ff/a", Ok("/%FF/a"));
        check("/%c3/%bc", Ok("/%C3/%BC"));
    }

    #[test]
    fn paths_that_lead_nowhere_are_refused() {
        check("/../foo", Err(PathError::AboveRoot));
        check("/foo/..%2f..", Err(PathError::AboveRoot));
        check("/%zz", Err(PathError::BadEscape));
        check("/a%4", Err(PathError::BadEscape));
        check("/%00", Err(PathError::ZeroByte));
        check("*", Err(PathError::NotAbsolute));
        check("", Err(PathError::NotAbsolute));
    }

    #[test]
    fn a_path_in_normal_form_is_not_copied() {
        assert!(matches!(normalize_path("/a/b.c/"), Ok(Cow::Borrowed(_))));
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(raw in "/([a./%]|%2[eEfF5]|%6[1-9]|%[cf][3f]){0,12}") {
            if let Ok(once) = normalize_path(&raw) {
                let twice = normalize_path(&once).expect("a normal path is valid");
                prop_assert_eq!(&twice, &once);
                prop_assert!(!once.contains("//") && !once.contains("/./") && !once.contains("/../"));
            }
        }
    }
}
