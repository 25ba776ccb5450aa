//! What the gateway answers to a call: the outcome in the words of gRPC.
//!
//! A caller does not read letters. It looks at one number and one sentence in the head of an answer without a body; so whatever the
//! letter to a browser would have been is put into these.
//!
//! Kong: the HTTP status stays what it was, and the number follows from it.

use crate::{
    error_pages::ErrorPages,
    rescue::{Letter, Taste},
    scene::is_grpc,
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, Version, header, request};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;
use std::sync::LazyLock;

/// The number.
pub(crate) const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Of a caller: letters are written in JSON for it, because there the sentence can be told from the rest.
pub(crate) const TASTE: Taste<'static> = Taste {
    accept: Some(b"application/json"),
    content_type: None,
};

/// The forms for that: Kong's own, whatever others are shown.
pub(crate) static PAGES: LazyLock<ErrorPages> = LazyLock::new(ErrorPages::default);

/// What may not stand in a message as it is; all beyond ASCII is encoded anyway.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// Whether an answer is to be in the words of gRPC.
pub(crate) fn is_call(request: &request::Parts) -> bool {
    request.version == Version::HTTP_2 && is_grpc(&request.headers)
}

/// A letter as the answer to a call.
pub(crate) fn outcome(mut letter: Letter) -> Letter {
    let message = message(&letter);
    letter
        .headers
        .retain(|(name, _)| !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH));
    letter.body = Bytes::new();
    let says_status = letter.headers.iter().any(|(name, _)| *name == STATUS);
    if !says_status {
        let number = HeaderValue::from(number(letter.status));
        letter.headers.push((STATUS, number));
    }
    let kind = HeaderValue::from_static("application/grpc");
    letter.headers.push((header::CONTENT_TYPE, kind));
    if let Some(message) = message {
        letter.headers.push((MESSAGE, message));
    }
    letter
}

/// The sentence of a letter: its `message` if it is JSON that has one, else its text.
fn message(letter: &Letter) -> Option<HeaderValue> {
    let text = std::str::from_utf8(&letter.body).ok()?;
    let json: Option<Value> = serde_json::from_str(text).ok();
    let told = json
        .as_ref()
        .and_then(|json| json.get("message"))
        .and_then(Value::as_str);
    let told = told.unwrap_or(text).trim();
    if told.is_empty() {
        return None;
    }
    HeaderValue::try_from(utf8_percent_encode(told, ENCODED).to_string()).ok()
}

/// The number for a status. Kong: these, and by their hundreds otherwise.
fn number(status: StatusCode) -> u16 {
    match status.as_u16() {
        200..=299 => 0,
        401 => 16,
        403 => 7,
        404 => 5,
        409 => 6,
        429 => 8,
        499 => 1,
        400..=498 => 3,
        501 => 12,
        503 => 14,
        504 => 4,
        500..=599 => 13,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &'static str, number: &str, message: Option<&str>) {
        let letter = Letter {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: vec![(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"))],
            body: Bytes::from_static(body.as_bytes()),
        };
        let told = outcome(letter);
        let field = |name: &str| {
            let found = told.headers.iter().find(|(other, _)| other == name);
            found.and_then(|(_, value)| value.to_str().ok())
        };
        assert_eq!(field("grpc-status"), Some(number), "{status}");
        assert_eq!(field("grpc-message"), message, "{body}");
        assert_eq!(field("content-type"), Some("application/grpc"));
        assert!(told.body.is_empty());
    }

    #[test]
    fn a_letter_becomes_a_number_and_a_sentence() {
        check(
            404,
            r#"{"message":"no Route matched with those values"}"#,
            "5",
            Some("no Route matched with those values"),
        );
        check(401, r#"{"message":"Unauthorized"}"#, "16", Some("Unauthorized"));
        check(503, "busy\n", "14", Some("busy"));
        check(502, "", "13", None);
        check(418, "50 %\n\u{fc}", "3", Some("50 %25%0A%C3%BC"));
        check(302, "", "2", None);
    }

    #[test]
    fn a_number_that_is_there_stays() {
        let told = outcome(Letter {
            headers: vec![(STATUS, HeaderValue::from_static("1"))],
            ..Letter::default()
        });
        let numbers: Vec<_> = told.headers.iter().filter(|(name, _)| *name == STATUS).collect();
        assert_eq!(numbers.len(), 1);
        assert_eq!(numbers[0].1, "1");
    }
}
