//! Which headers the gateway adds to responses, as Kong's `headers` setting words it.
//!
//! A row of switches: the list of words is turned into booleans once, so that the request path asks a
//! bit and never compares names. Two words (`server_tokens`, `latency_tokens`) stand for groups.

use crate::value::{Value, items};

/// One switch per header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Headers {
    /// `Server`, on answers the gateway makes itself.
    pub server: bool,
    /// `Via`, on answers of the peer.
    pub via: bool,
    /// `X-Kong-Proxy-Latency`.
    pub proxy_latency: bool,
    /// `X-Kong-Response-Latency`.
    pub response_latency: bool,
    /// `X-Kong-Upstream-Latency`.
    pub upstream_latency: bool,
    /// `X-Kong-Admin-Latency`, on the Admin API.
    pub admin_latency: bool,
    /// `X-Kong-Upstream-Status`.
    pub upstream_status: bool,
    /// `X-Kong-Request-Id`.
    pub request_id: bool,
}

/// A word, what it switches, and whether showing the value may use it.
struct Word {
    text: &'static str,
    set: fn(&mut Headers),
    is_set: fn(&Headers) -> bool,
}

macro_rules! words {
    ($($text:literal => $($field:ident)+,)+) => {
        &[$( Word {
            text: $text,
            set: |headers| { $( headers.$field = true; )+ },
            is_set: |headers| true $( && headers.$field )+,
        } ),+]
    };
}

const WORDS: &[Word] = words! {
    "server_tokens" => server via,
    "latency_tokens" => proxy_latency response_latency upstream_latency admin_latency,
    "Server" => server,
    "Via" => via,
    "X-Kong-Proxy-Latency" => proxy_latency,
    "X-Kong-Response-Latency" => response_latency,
    "X-Kong-Upstream-Latency" => upstream_latency,
    "X-Kong-Admin-Latency" => admin_latency,
    "X-Kong-Upstream-Status" => upstream_status,
    "X-Kong-Request-Id" => request_id,
};

impl Value for Headers {
    const FORM: &'static str = "list of header names and groups, or `off`";

    fn parse(text: &str) -> Result<Self, String> {
        let mut headers = Headers::default();
        for item in items(text) {
            if item.eq_ignore_ascii_case("off") {
                // Kong: `off` empties the whole list wherever it stands.
                return Ok(Headers::default());
            }
            let word = WORDS.iter().find(|word| word.text.eq_ignore_ascii_case(item));
            let word = word.ok_or_else(|| {
                let known: Vec<_> = WORDS.iter().map(|word| word.text).collect();
                format!(
                    "has '{item}' in it, which is not one of {}, off",
                    known.join(", ")
                )
            })?;
            (word.set)(&mut headers);
        }
        Ok(headers)
    }

    fn show(&self) -> String {
        let mut shown = Headers::default();
        let mut texts = Vec::new();
        for word in WORDS.iter().filter(|word| (word.is_set)(self)) {
            if !(word.is_set)(&shown) {
                (word.set)(&mut shown);
                texts.push(word.text);
            }
        }
        if texts.is_empty() {
            "off".to_owned()
        } else {
            texts.join(", ")
        }
    }
}

/// Which headers the gateway adds to requests, as Kong's `headers_upstream` words it: there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadersUpstream {
    /// `X-Kong-Request-Id`
    pub request_id: bool,
}

const REQUEST_ID: &str = "x-kong-request-id";

impl Value for HeadersUpstream {
    const FORM: &'static str = "`x-kong-request-id`, or `off`";

    fn parse(text: &str) -> Result<Self, String> {
        let mut request_id = false;
        for item in items(text) {
            if item.eq_ignore_ascii_case("off") {
                return Ok(HeadersUpstream { request_id: false });
            }
            if !item.eq_ignore_ascii_case(REQUEST_ID) {
                return Err(format!(
                    "has '{item}' in it, which is not one of {REQUEST_ID}, off"
                ));
            }
            request_id = true;
        }
        Ok(HeadersUpstream { request_id })
    }

    fn show(&self) -> String {
        if self.request_id { REQUEST_ID } else { "off" }.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(
            Headers::parse(text).ok().map(|headers| headers.show()).as_deref(),
            expected,
            "{text:?}"
        );
    }

    #[test]
    fn groups_and_single_names_switch_headers_whatever_their_case() {
        check(
            "SERVER_TOKENS, latency_tokens",
            Some("server_tokens, latency_tokens"),
        );
        check("x-kong-request-id", Some("X-Kong-Request-Id"));
        check("server, via", Some("server_tokens"));
        check("via, x-kong-upstream-status", Some("Via, X-Kong-Upstream-Status"));
    }

    #[test]
    fn off_empties_the_list() {
        check("off", Some("off"));
        check("server_tokens, off", Some("off"));
        check("", Some("off"));
    }

    #[test]
    fn peers_get_the_id_or_nothing() {
        let shown = |text: &str| HeadersUpstream::parse(text).map(|headers| headers.show());
        assert_eq!(shown("X-Kong-Request-Id").as_deref(), Ok("x-kong-request-id"));
        assert_eq!(shown("off").as_deref(), Ok("off"));
        assert_eq!(shown("x-kong-request-id, off").as_deref(), Ok("off"));
        assert!(shown("server").is_err_and(|problem| problem.contains("'server'")));
    }

    #[test]
    fn an_unknown_header_is_named() {
        assert!(Headers::parse("x-foo").unwrap_err().contains("'x-foo'"));
    }
}
