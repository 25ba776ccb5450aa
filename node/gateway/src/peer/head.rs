//! The head of a peer's response: parsed, judged, and freed of what concerns only the connection.
//!
//! How long the body is follows from the head, and whoever disagrees about it with the client opens the way for a
//! smuggled response. So the rules of RFC 9112 §6.3 are applied strictly: two lengths, a length beside chunks, a coding other than
//! chunks, a negative length are no response at all.

use crate::fields::lists;
use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use httparse::{ParserConfig, Status};
use hyper::ext::ReasonPhrase;
use std::mem::MaybeUninit;
use thiserror::Error;

/// More fields than any sane origin sends.
const FIELDS_MAX: usize = 128;

/// A response's head.
#[derive(Debug)]
pub(crate) struct PeerHead {
    /// Its status.
    pub status: StatusCode,
    /// Its reason, if it is not the customary one.
    pub reason: Option<ReasonPhrase>,
    /// Its fields for the client.
    pub headers: HeaderMap,
    /// How its body is delimited.
    pub framing: Framing,
    /// Whether the connection may serve another request after the body.
    pub reusable: bool,
}

/// How the body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is none.
    Empty,
    /// This many bytes.
    Exactly(u64),
    /// In chunks.
    Chunked,
    /// By the end of the connection.
    UntilClose,
    /// It is no body: both sides speak another protocol from here on.
    Tunnel,
}

/// What the request means for the response's body.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Expected {
    /// It was `HEAD`: lengths are told, bodies are not sent.
    pub head_only: bool,
    /// It asked for a WebSocket.
    pub websocket: bool,
    /// The client reads what stands behind a body.
    pub trailers: bool,
}

/// Why it is no response.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum HeadError {
    /// It is not HTTP/1.
    #[error("no HTTP response: {0}")]
    Malformed(#[from] httparse::Error),
    /// It is larger than the limit.
    #[error("the head is larger than {0} bytes")]
    TooLarge(usize),
    /// It says two things about its length, or something impossible.
    #[error("contradictory or impossible length")]
    Length,
    /// A coding we cannot undo.
    #[error("transfer coding other than chunked")]
    Coding,
    /// It switches protocols though nobody asked.
    #[error("unsolicited switch of protocols")]
    Unsolicited,
}

/// What is in the buffer.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// Not all of it yet.
    Partial,
    /// An interim response; the real one follows.
    Interim,
    /// The response.
    Final(Box<PeerHead>),
}

/// What the fields say about length and connection.
#[derive(Default)]
struct Lines {
    length: Option<Length>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    /// There is a `Trailer`.
    announces: bool,
    forbidden: Vec<HeaderValue>,
}

/// A length in bytes, and as it is told: as it came, but without leading zeros.
struct Length {
    bytes: u64,
    told: HeaderValue,
}

/// Parses a head off the front of `buffer`, if all of it is there.
pub(crate) fn parse(
    buffer: &mut BytesMut,
    expected: Expected,
    max_bytes: usize,
) -> Result<Parsed, HeadError> {
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
    let mut response = httparse::Response::new(&mut []);
    let parsed =
        ParserConfig::default().parse_response_with_uninit_headers(&mut response, buffer, &mut fields)?;
    let Status::Complete(size) = parsed else {
        return if buffer.len() > max_bytes {
            Err(HeadError::TooLarge(max_bytes))
        } else {
            Ok(Parsed::Partial)
        };
    };
    if size > max_bytes {
        return Err(HeadError::TooLarge(max_bytes));
    }
    let code = response.code.unwrap_or_default();
    let status = StatusCode::from_u16(code).map_err(|_| HeadError::Malformed(httparse::Error::Status))?;
    if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
        buffer.advance(size);
        return Ok(Parsed::Interim);
    }
    let http_11 = response.version == Some(1);
    let reason = uncustomary(status, response.reason.unwrap_or_default());
    let (mut headers, lines) = collect(&buffer[..size], response.headers, http_11)?;
    // Only a body in chunks has anything behind it, and only who asked wants to know what.
    if lines.announces && !(expected.trailers && lines.chunked) {
        headers.remove(header::TRAILER);
    }
    buffer.advance(size);
    finish(status, reason, headers, lines, expected, http_11).map(|head| Parsed::Final(Box::new(head)))
}

fn finish(
    status: StatusCode,
    reason: Option<ReasonPhrase>,
    mut headers: HeaderMap,
    lines: Lines,
    expected: Expected,
    http_11: bool,
) -> Result<PeerHead, HeadError> {
    let framing = framing(status, &lines, expected)?;
    if let Some(length) = lines.length
        && status != StatusCode::NO_CONTENT
        && framing != Framing::Tunnel
    {
        headers.insert(header::CONTENT_LENGTH, length.told);
    }
    for named in lines.forbidden {
        for name in named.as_bytes().split(|b| *b == b',') {
            if let Ok(name) = HeaderName::from_bytes(name.trim_ascii()) {
                headers.remove(name);
            }
        }
    }
    Ok(PeerHead {
        status,
        reason,
        headers,
        framing,
        reusable: !lines.close && (http_11 || lines.keep_alive) && framing != Framing::UntilClose,
    })
}

/// The fields for the client; what concerns only the connection goes into `Lines`.
fn collect(
    head: &[u8],
    fields: &[httparse::Header<'_>],
    http_11: bool,
) -> Result<(HeaderMap, Lines), HeadError> {
    // One copy of the head, of which all values are slices: the connection's buffer stays its own and is used again.
    let shared = Bytes::copy_from_slice(head);
    let mut headers = HeaderMap::with_capacity(fields.len() + OUR_FIELDS);
    let mut lines = Lines::default();
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes())
            .map_err(|_| HeadError::Malformed(httparse::Error::HeaderName))?;
        let at = field.value.as_ptr() as usize - head.as_ptr() as usize;
        let value = HeaderValue::from_maybe_shared(shared.slice(at..at + field.value.len()))
            .map_err(|_| HeadError::Malformed(httparse::Error::HeaderValue))?;
        if !lines.take(&name, &value, http_11)? {
            headers.append(name, value);
        }
    }
    Ok((headers, lines))
}

/// Room for what the gateway and a plugin or two add: making room later means to sort all fields in anew.
const OUR_FIELDS: usize = 14;

impl Lines {
    /// Whether the field was for us and not for the client.
    fn take(&mut self, name: &HeaderName, value: &HeaderValue, http_11: bool) -> Result<bool, HeadError> {
        match name.as_str() {
            "content-length" => {
                let bytes = strict_length(value).ok_or(HeadError::Length)?;
                let told = if value.as_bytes().starts_with(b"0") {
                    bytes.into()
                } else {
                    value.clone()
                };
                if self.length.replace(Length { bytes, told }).is_some() {
                    return Err(HeadError::Length);
                }
            }
            "transfer-encoding" => {
                let chunked = value.as_bytes().eq_ignore_ascii_case(b"chunked");
                if !chunked || self.chunked || !http_11 {
                    return Err(HeadError::Coding);
                }
                self.chunked = true;
            }
            "connection" => {
                self.close |= lists(value, "close");
                self.keep_alive |= lists(value, "keep-alive");
                if !value.as_bytes().eq_ignore_ascii_case(b"keep-alive") && value != "close" {
                    self.forbidden.push(value.clone());
                }
            }
            "keep-alive" | "proxy-connection" | "upgrade" | "te" => {}
            "trailer" => {
                self.announces = true;
                return Ok(false);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// RFC 9112 §6.3, without its concessions.
fn framing(status: StatusCode, lines: &Lines, expected: Expected) -> Result<Framing, HeadError> {
    if lines.chunked && lines.length.is_some() {
        return Err(HeadError::Length);
    }
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return if expected.websocket {
            Ok(Framing::Tunnel)
        } else {
            Err(HeadError::Unsolicited)
        };
    }
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if expected.head_only || bodiless {
        return Ok(Framing::Empty);
    }
    let length = lines.length.as_ref().map(|length| length.bytes);
    Ok(match (lines.chunked, length) {
        (true, _) => Framing::Chunked,
        (_, Some(0)) => Framing::Empty,
        (_, Some(length)) => Framing::Exactly(length),
        (_, None) => Framing::UntilClose,
    })
}

/// Digits only, and few enough of them: `+5`, ` 5`, `5, 5` are no lengths.
fn strict_length(value: &HeaderValue) -> Option<u64> {
    let digits = value.as_bytes();
    let fits = !digits.is_empty() && digits.len() <= 19 && digits.iter().all(u8::is_ascii_digit);
    fits.then(|| digits.iter().fold(0, |sum, d| sum * 10 + u64::from(d - b'0')))
}

fn uncustomary(status: StatusCode, reason: &str) -> Option<ReasonPhrase> {
    if status.canonical_reason() == Some(reason) {
        return None;
    }
    ReasonPhrase::try_from(reason.as_bytes().to_vec()).ok()
}

#[cfg(test)]
mod tests;
