//! The head of a response as it leaves for the client.
//!
//! Three kinds: a peer's, one of the gateway's own before any peer was asked, and one of its own after a peer failed. They differ in what
//! the gateway says about them. Kong: latency to the peer and `Via` are told for the first and the third, the time it took to answer
//! for the second.

use crate::{client::Client, number::header_value, request_id::RequestId, rescue::Letter};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, DATE, SERVER, TRANSFER_ENCODING, UPGRADE, VIA},
};
use troop_plugin_api::{Edit, ReplyBody};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const UPSTREAM_LATENCY: HeaderName = HeaderName::from_static("x-kong-upstream-latency");
const PROXY_LATENCY: HeaderName = HeaderName::from_static("x-kong-proxy-latency");
const RESPONSE_LATENCY: HeaderName = HeaderName::from_static("x-kong-response-latency");
const UPSTREAM_STATUS: HeaderName = HeaderName::from_static("x-kong-upstream-status");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-kong-request-id");

/// What the gateway says about a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// A peer was asked.
    Proxied {
        /// Until the peer was asked.
        gateway_ms: u32,
        /// Until it answered, or until it was given up.
        peer_ms: u32,
        /// Its status, if it answered.
        peer_status: Option<StatusCode>,
        /// Whether it was asked over HTTP/2.
        is_call: bool,
    },
    /// Nobody was asked.
    Own {
        /// Until the answer.
        gateway_ms: u32,
    },
}

/// How the connection goes on after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// With another request.
    KeepAlive,
    /// Not at all.
    Close,
    /// As a WebSocket.
    Tunnel,
    /// However it likes: this was one stream of many.
    Stream,
}

/// Adds what the gateway says.
pub(crate) fn complete(headers: &mut HeaderMap, client: &Client, id: &RequestId, about: About, after: After) {
    let worker = &client.worker;
    let tokens = &worker.options.headers;
    match about {
        About::Proxied {
            gateway_ms,
            peer_ms,
            peer_status,
            is_call,
        } => {
            if tokens.via {
                let via = if is_call {
                    &worker.via_of_calls
                } else {
                    &worker.via
                };
                continue_via(headers, via);
            }
            if tokens.upstream_latency {
                headers.insert(UPSTREAM_LATENCY, header_value(peer_ms));
            }
            if tokens.proxy_latency {
                headers.insert(PROXY_LATENCY, header_value(gateway_ms));
            }
            if let Some(status) = peer_status.filter(|_| tokens.upstream_status) {
                headers.insert(UPSTREAM_STATUS, header_value(u32::from(status.as_u16())));
            }
        }
        About::Own { gateway_ms } if tokens.response_latency => {
            headers.insert(RESPONSE_LATENCY, header_value(gateway_ms));
        }
        About::Own { .. } => {}
    }
    if tokens.server && !headers.contains_key(SERVER) {
        headers.insert(SERVER, worker.server.clone());
    }
    if tokens.request_id
        && let Ok(value) = HeaderValue::from_bytes(id.as_bytes())
    {
        headers.insert(REQUEST_ID, value);
    }
    say_what_follows(headers, after);
}

static TEXTS: [(&str, HeaderValue); 6] = [
    (
        "text/plain",
        HeaderValue::from_static("text/plain; charset=UTF-8"),
    ),
    ("text/html", HeaderValue::from_static("text/html; charset=UTF-8")),
    ("text/xml", HeaderValue::from_static("text/xml; charset=UTF-8")),
    (
        "text/vnd.wap.wml",
        HeaderValue::from_static("text/vnd.wap.wml; charset=UTF-8"),
    ),
    (
        "application/javascript",
        HeaderValue::from_static("application/javascript; charset=UTF-8"),
    ),
    (
        "application/rss+xml",
        HeaderValue::from_static("application/rss+xml; charset=UTF-8"),
    ),
];

/// Kong: nginx names a charset for texts that come from peers without one, unless they are encoded.
pub(crate) fn name_charset(headers: &mut HeaderMap) {
    let Some(told) = headers.get(CONTENT_TYPE) else {
        return;
    };
    let Some((_, named)) = TEXTS.iter().find(|(text, _)| told == text) else {
        return;
    };
    if !headers.contains_key(CONTENT_ENCODING) {
        headers.insert(CONTENT_TYPE, named.clone());
    }
}

fn say_what_follows(headers: &mut HeaderMap, after: After) {
    match after {
        // An answer that asks for an upgrade brings its own.
        After::KeepAlive if headers.contains_key(CONNECTION) => {}
        After::KeepAlive => _ = headers.insert(CONNECTION, const { HeaderValue::from_static("keep-alive") }),
        After::Close => _ = headers.insert(CONNECTION, const { HeaderValue::from_static("close") }),
        After::Stream => {
            // RFC 9113 §8.2.2: a response with one of these is none.
            for name in [
                CONNECTION,
                UPGRADE,
                TRANSFER_ENCODING,
                KEEP_ALIVE,
                PROXY_CONNECTION,
            ] {
                headers.remove(name);
            }
        }
        After::Tunnel => {
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
    }
}

fn continue_via(headers: &mut HeaderMap, ours: &HeaderValue) {
    let Some(theirs) = headers.get(VIA) else {
        headers.insert(VIA, ours.clone());
        return;
    };
    let list = [theirs.as_bytes(), b", ", ours.as_bytes()].concat();
    if let Ok(list) = HeaderValue::from_bytes(&list) {
        headers.insert(VIA, list);
    }
}

/// The head and body of an answer of the gateway's own.
pub(crate) fn own(letter: Letter, client: &Client) -> (StatusCode, HeaderMap, bytes::Bytes) {
    let mut headers = HeaderMap::with_capacity(letter.headers.len() + 6);
    headers.insert(DATE, client.worker.date());
    for (name, value) in letter.headers {
        headers.insert(name, value);
    }
    (letter.status, headers, letter.body)
}

/// A plugin's answer as a letter; `message` renders the kind that is rendered for the client's taste.
pub(crate) fn reply(
    reply: troop_plugin_api::Reply,
    message: impl FnOnce(StatusCode, &str) -> Letter,
) -> Letter {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut letter = match reply.body {
        ReplyBody::Empty => Letter {
            status,
            headers: Vec::new(),
            body: bytes::Bytes::new(),
        },
        ReplyBody::Message(text) => message(status, &text),
        ReplyBody::Exact { content_type, bytes } => Letter {
            status,
            headers: content_type
                .map(|kind| (http::header::CONTENT_TYPE, kind))
                .into_iter()
                .collect(),
            body: bytes,
        },
    };
    letter.headers.extend(reply.headers);
    letter
}

/// Carries out wishes.
pub(crate) fn apply(edits: Vec<Edit>, headers: &mut HeaderMap) {
    for edit in edits {
        match edit {
            Edit::Set(name, value) => _ = headers.insert(name, value),
            Edit::Add(name, value) => _ = headers.append(name, value),
            Edit::Remove(name) => _ = headers.remove(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content_type: &'static str, encoding: Option<&'static str>, expected: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        name_charset(&mut headers);
        assert_eq!(headers[CONTENT_TYPE], expected);
    }

    #[test]
    fn texts_without_a_charset_get_one_named() {
        check("text/plain", None, "text/plain; charset=UTF-8");
        check("text/html", Some("gzip"), "text/html");
        check("text/plain; charset=latin1", None, "text/plain; charset=latin1");
        check("text/css", None, "text/css");
        check("application/json", None, "application/json");
    }
}
