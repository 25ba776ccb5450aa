//! Fields that stand behind a body: the postscript of a letter.
//!
//! What is only known when all is written (a checksum, the outcome of a call) is told behind the last byte. Both directions and both versions
//! of HTTP have room for it, HTTP/1.1 behind bodies in chunks only.
//!
//! The catch: most readers look at the address on the envelope and are done with it, and some put the postscript on the envelope
//! afterwards. So what decides about the letter itself (length, host, credentials, what the gateway vouches for) may not stand
//! there. RFC 9110 §6.5.1: such fields are ignored, so they are taken out here, and no origin behind us can be made to read them. What
//! cannot be read at all, or is more than anybody has to say, ends the exchange.
//!
//! Who gets them is the table in `docs/src/tls.md`; the codecs on both sides see to it, not this file.

use crate::{
    edited::Edited,
    fields::{is_alias, is_ours, lists},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use thiserror::Error;

/// Most fields behind one body: calls end with three or four, checksums with one or two, and heads have a hundred at most.
pub(crate) const FIELDS_MAX: usize = 64;

/// Most bytes behind one body, names and values: as many as the head of a request may have. The details of a failed call take up to 8 KiB.
pub(crate) const BYTES_MAX: usize = 32 * 1024;

/// What a field takes beside its name and value.
const SEPARATORS_BYTES: usize = ": \r\n".len();

/// Why nothing of it is passed on.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Too many fields.
    #[error("more than {FIELDS_MAX} fields behind the body")]
    TooMany,
    /// Too long in all.
    #[error("more than {BYTES_MAX} bytes of fields behind the body")]
    TooLarge,
    /// No fields.
    #[error("malformed fields behind the body")]
    Malformed,
}

/// Fields that may stand behind a body; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trailers(HeaderMap);

impl Trailers {
    /// What may be passed on of what a codec read; nothing if nothing may. Boxed, since nearly all bodies come without.
    pub fn admit(mut fields: HeaderMap) -> Result<Option<Box<Trailers>>, Refused> {
        if fields.len() > FIELDS_MAX {
            return Err(Refused::TooMany);
        }
        let size =
            |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + SEPARATORS_BYTES;
        if fields.iter().map(size).sum::<usize>() > BYTES_MAX {
            return Err(Refused::TooLarge);
        }
        let forbidden: Vec<HeaderName> = fields.keys().filter(|name| !may_trail(name)).cloned().collect();
        for name in &forbidden {
            fields.remove(name);
        }
        if !forbidden.is_empty() {
            tracing::debug!(
                ?forbidden,
                "fields that may not stand behind a body were taken out"
            );
        }
        Ok((!fields.is_empty()).then(|| Box::new(Trailers(fields))))
    }

    /// What may be passed on of these lines, the empty one at their end included.
    pub fn parse(lines: &[u8]) -> Result<Option<Box<Trailers>>, Refused> {
        let mut room = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let fields = match httparse::parse_headers(lines, &mut room) {
            Ok(httparse::Status::Complete((size, fields))) if size == lines.len() => fields,
            Err(httparse::Error::TooManyHeaders) => return Err(Refused::TooMany),
            Ok(_) | Err(_) => return Err(Refused::Malformed),
        };
        let mut map = HeaderMap::with_capacity(fields.len());
        for field in fields {
            let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Refused::Malformed)?;
            let value = HeaderValue::from_bytes(field.value).map_err(|_| Refused::Malformed)?;
            map.append(name, value);
        }
        Trailers::admit(map)
    }

    /// Appends a line for each, without the empty one at their end.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        for (name, value) in &self.0 {
            for piece in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                out.extend_from_slice(piece);
            }
        }
    }

    /// As codecs take them.
    pub fn to_map(&self) -> HeaderMap {
        self.0.clone()
    }

    /// As codecs take them.
    pub fn into_map(self) -> HeaderMap {
        self.0
    }
}

/// The names that these fields announce in `Trailer` and that may stand behind a body.
pub(crate) fn announced(headers: Edited<'_>) -> impl Iterator<Item = HeaderName> {
    let values = headers.all(header::TRAILER.as_str()).into_iter();
    values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(may_trail)
}

/// Whether a client says that it reads what stands behind a body.
pub(crate) fn are_wanted(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::TE).iter();
    values.any(|value| lists(value, "trailers"))
}

/// RFC 9110 §6.5.1: whether a field may stand behind a body. Not one that decides about framing, routing, credentials, conditions, caching or
/// the kind of content; not one that the gateway vouches for, however it is spelt.
fn may_trail(name: &HeaderName) -> bool {
    let name = name.as_str();
    let folded;
    let name = if name.as_bytes().contains(&b'_') {
        if is_alias(name) {
            return false;
        }
        folded = name.replace('_', "-");
        &folded
    } else {
        name
    };
    !(is_ours(name) || is_forbidden(name) || is_vouched_for(name))
}

/// Fields whose place is the head, by what they decide.
fn is_forbidden(name: &str) -> bool {
    let of_the_message = matches!(
        name,
        "content-encoding" | "content-type" | "content-range" | "content-location" | "content-disposition"
    );
    let of_credentials = matches!(
        name,
        "authorization"
            | "proxy-authorization"
            | "www-authenticate"
            | "proxy-authenticate"
            | "cookie"
            | "set-cookie"
    );
    let of_the_request = matches!(
        name,
        "cache-control" | "pragma" | "range" | "max-forwards" | "forwarded" | "origin" | "referer"
    ) || name.starts_with("if-")
        || name.starts_with("x-forwarded-");
    let of_the_response = matches!(
        name,
        "age" | "date" | "expires" | "location" | "retry-after" | "vary" | "warning"
    ) || name.starts_with("access-control-");
    of_the_message || of_credentials || of_the_request || of_the_response
}

/// What plugins of the gateway tell an origin about who asks.
fn is_vouched_for(name: &str) -> bool {
    ["x-consumer-", "x-credential-", "x-authenticated-"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || matches!(name, "x-anonymous-consumer" | "x-userinfo" | "x-access-token")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &str, expected: Result<&str, Refused>) {
        let seen = Trailers::parse(lines.as_bytes()).map(|trailers| {
            let mut out = Vec::new();
            if let Some(trailers) = trailers {
                trailers.write_to(&mut out);
            }
            String::from_utf8(out).expect("text")
        });
        assert_eq!(seen.as_deref().map_err(|refused| *refused), expected, "{lines:?}");
    }

    #[test]
    fn what_may_stand_behind_a_body_is_passed_on_in_order() {
        check("\r\n", Ok(""));
        check("X-Sum: 1\r\nX-B:  2 \r\n\r\n", Ok("x-sum: 1\r\nx-b: 2\r\n"));
        check("X-Sum: 1\r\nX-Sum: 2\r\n\r\n", Ok("x-sum: 1\r\nx-sum: 2\r\n"));
        check(
            "grpc-status: 0\r\nETag: \"a\"\r\n\r\n",
            Ok("grpc-status: 0\r\netag: \"a\"\r\n"),
        );
        check("x_own: 1\r\n\r\n", Ok("x_own: 1\r\n"));
    }

    #[test]
    fn what_belongs_into_a_head_is_taken_out() {
        for name in [
            "Content-Length",
            "Transfer-Encoding",
            "Transfer_Encoding",
            "Trailer",
            "TE",
            "Connection",
            "Keep-Alive",
            "Upgrade",
            "Host",
            "Via",
            "X-Forwarded-For",
            "X_Forwarded_For",
            "Forwarded",
            "X-Real-IP",
            "Authorization",
            "Proxy-Authorization",
            "WWW-Authenticate",
            "Cookie",
            "Set-Cookie",
            "set_cookie",
            "Content-Type",
            "Content-Encoding",
            "Cache-Control",
            "If-None-Match",
            "Expect",
            "Range",
            "Location",
            "X-Consumer-ID",
            "X_Consumer_ID",
            "X-Credential-Identifier",
            "X-Anonymous-Consumer",
        ] {
            check(&format!("{name}: 1\r\nX-Sum: 2\r\n\r\n"), Ok("x-sum: 2\r\n"));
            check(&format!("{name}: 1\r\n\r\n"), Ok(""));
        }
    }

    #[test]
    fn what_is_no_field_is_refused() {
        for lines in [
            "Bad Trailer\r\n\r\n",
            "X-A : 1\r\n\r\n",
            ": 1\r\n\r\n",
            "X-A: 1\r\n folded\r\n\r\n",
            "X(A): 1\r\n\r\n",
            "X-A: \u{0}\r\n\r\n",
            "X-A: 1\r\n",
            "X-A: 1\r\n\r\nX-B: 2\r\n\r\n",
        ] {
            check(lines, Err(Refused::Malformed));
        }
    }

    #[test]
    fn more_than_anybody_has_to_say_is_refused() {
        let many = |count: usize| "X: 1\r\n".repeat(count) + "\r\n";
        check(&many(FIELDS_MAX), Ok("x: 1\r\n".repeat(FIELDS_MAX).as_str()));
        check(&many(FIELDS_MAX + 1), Err(Refused::TooMany));
        let line = format!("x: {}\r\n", "y".repeat(BYTES_MAX - "x: \r\n".len()));
        check(&format!("{line}\r\n"), Ok(line.as_str()));
        check(&format!("x{line}\r\n"), Err(Refused::TooLarge));
    }

    #[test]
    fn only_what_may_come_is_announced() {
        let mut headers = HeaderMap::new();
        for value in ["X-Sum, Content-Length", " grpc-status ,", "b c"] {
            headers.append(header::TRAILER, HeaderValue::from_static(value));
        }
        let names: Vec<HeaderName> = announced(Edited::arrived(&headers)).collect();
        assert_eq!(names, ["x-sum", "grpc-status"]);
    }
}
