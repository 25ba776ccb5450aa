//! `multipart/form-data`: several letters in one envelope (RFC 7578).
//!
//! The header names a dividing line (the boundary); each part has a small head with the field's name, an
//! empty line, and its content. Only what forms need is read: the name, and whether the content is JSON. File
//! names and transfer encodings are ignored: Kong takes the content as the value.

use crate::{problem::Failure, query::readable};
use serde_json::Value;

/// Reads the fields of a body whose header is `content_type`; at most `max` of them. Without a boundary, or
/// without a closing line, what is there is what counts (Kong: as its parser does).
///
/// # Errors
/// [`Failure::TooManyArguments`].
pub fn parse(content_type: &str, body: &[u8], max: usize) -> Result<Vec<(String, Value)>, Failure> {
    let Some(boundary) = boundary(content_type) else {
        return Ok(Vec::new());
    };
    let mut fields = Vec::new();
    for part in parts(body, boundary.as_bytes()) {
        let Some(field) = field(part) else { continue };
        if fields.len() == max {
            return Err(Failure::TooManyArguments);
        }
        fields.push(field);
    }
    Ok(fields)
}

fn boundary(content_type: &str) -> Option<&str> {
    let parameter =
        |part: &'_ str| -> bool { part.trim_start().to_ascii_lowercase().starts_with("boundary=") };
    let part = content_type.split(';').skip(1).find(|part| parameter(part))?;
    let (_, value) = part.split_once('=')?;
    let value = value.trim().trim_matches('"');
    (!value.is_empty()).then_some(value)
}

/// What lies between the dividing lines, without the line breaks that belong to them.
fn parts<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let mark: Vec<u8> = [b"--", boundary].concat();
    let mut parts = Vec::new();
    let mut start = None;
    let mut at = 0;
    while let Some(found) = find(&body[at..], &mark).map(|offset| at + offset) {
        at = found + mark.len();
        if found > 0 && body[found - 1] != b'\n' {
            continue;
        }
        if let Some(start) = start {
            parts.push(without_break(&body[start..found.max(start)]));
        }
        if body[at..].starts_with(b"--") {
            return parts;
        }
        start = find(&body[at..], b"\n").map(|offset| at + offset + 1);
    }
    parts
}

fn without_break(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn field(part: &[u8]) -> Option<(String, Value)> {
    let (head, content) = split_head(part)?;
    let head = readable(head);
    let name = header(&head, "content-disposition").and_then(field_name)?;
    let is_json = header(&head, "content-type").is_some_and(|value| value.starts_with("application/json"));
    let text = || Value::String(readable(content));
    let value = if is_json {
        serde_json::from_slice(content).unwrap_or_else(|_| text())
    } else {
        text()
    };
    Some((name, value))
}

fn split_head(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let crlf = find(part, b"\r\n\r\n").map(|at| (at, 4));
    let lf = find(part, b"\n\n").map(|at| (at, 2));
    let (at, len) = crlf.into_iter().chain(lf).min()?;
    Some((&part[..at], &part[at + len..]))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields
        .find(|(own, _)| own.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

/// The `name` of `form-data; name="a\"b"; filename="c"`.
fn field_name(disposition: &str) -> Option<String> {
    let start = disposition
        .match_indices("name=")
        .find(|(at, _)| *at == 0 || matches!(disposition.as_bytes()[at - 1], b' ' | b';' | b'\t'))?;
    let value = &disposition[start.0 + start.1.len()..];
    let Some(quoted) = value.strip_prefix('"') else {
        return Some(value.split(';').next().unwrap_or_default().trim().to_owned());
    };
    let mut name = String::new();
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return Some(name),
            '\\' => name.extend(letters.next()),
            _ => name.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(content_type: &str, body: &str, expected: &[(&str, Value)]) {
        let fields = parse(content_type, body.as_bytes(), 10).unwrap();
        let seen: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        assert_eq!(seen, expected, "{body:?}");
    }

    const TYPE: &str = "multipart/form-data; boundary=XX";

    #[test]
    fn fields_are_read_with_their_names() {
        let body = "--XX\r\nContent-Disposition: form-data; name=\"host\"\r\n\r\nh.test\r\n\
                    --XX\r\nContent-Disposition: form-data; name=\"tags[]\"; filename=\"f\"\r\n\r\na\r\nb\r\n--XX--\r\n";
        check(
            TYPE,
            body,
            &[("host", json!("h.test")), ("tags[]", json!("a\r\nb"))],
        );
    }

    #[test]
    fn a_json_part_is_decoded() {
        let body = "--XX\r\ncontent-disposition: form-data; name=config\r\ncontent-type: application/json\r\n\r\n{\"a\":1}\r\n--XX--";
        check(TYPE, body, &[("config", json!({"a": 1}))]);
    }

    #[test]
    fn a_boundary_inside_a_line_is_content() {
        let body = "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx--XX\r\n--XX--\r\n";
        check(TYPE, body, &[("a", json!("x--XX"))]);
    }

    #[test]
    fn broken_envelopes_give_what_is_there() {
        check("multipart/form-data", "--XX\r\n\r\n--XX--", &[]);
        check(TYPE, "", &[]);
        check(TYPE, "--XX", &[]);
        check(TYPE, "--XX--", &[]);
        check(TYPE, "--XX\r\nno head\r\n--XX--", &[]);
        check(
            TYPE,
            "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--XX--",
            &[("a", json!(""))],
        );
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_read_without_harm(body in "(--XX|--|\r|\n|\r\n\r\n|Content-Disposition: |name=\"?|a|:|;){0,40}") {
            parse(TYPE, body.as_bytes(), 100).unwrap();
        }
    }

    #[test]
    fn quoted_boundaries_and_names_are_unquoted() {
        let body = "--X Y\nContent-Disposition: form-data; name=\"a\\\"b\"\n\n1\n--X Y--";
        check(
            "multipart/form-data; charset=x; Boundary=\"X Y\"",
            body,
            &[("a\"b", json!("1"))],
        );
    }

    #[test]
    fn one_part_too_many_is_refused() {
        let body = "--XX\n\nContent-Disposition: x\n".to_owned()
            + &"--XX\nContent-Disposition: form-data; name=\"a\"\n\n1\n".repeat(11)
            + "--XX--";
        assert!(matches!(
            parse(TYPE, body.as_bytes(), 10),
            Err(Failure::TooManyArguments)
        ));
    }
}
