//! One line of the access log.
//!
//! A line is written by a [`LineFormat`] out of what the exchange tells ([`AccessLine`]), into the caller's own buffer.
//!
//! The catch: the target, `Referer` and `User-Agent` come from strangers. A quote or a line break in
//! them would let a client write log lines of its own, so such bytes are written as `\xHH`, as nginx does. And what a client proves
//! itself with is not written at all: neither the headers that carry it nor the arguments that a plugin took it from.

use troop_stdx::Remote;

mod escape;
mod form;
mod format;
mod json;
mod pattern;
mod session;
mod target;

pub use form::FormatError;
pub use format::LineFormat;
pub use session::{SessionFormat, SessionLine};

/// What the line tells, borrowed from the exchange.
#[derive(Clone, Copy)]
pub struct AccessLine<'a> {
    /// The client.
    pub remote: Remote,
    /// Name of the consumer, where one was identified.
    pub user: Option<&'a str>,
    /// When the request came in, in milliseconds since 1970.
    pub at_ms: u64,
    /// Method of the request.
    pub method: &'a str,
    /// Target as the client sent it.
    pub target: &'a [u8],
    /// Names of arguments and headers whose values are secrets.
    pub hidden: &'a [&'a str],
    /// Protocol: `HTTP/1.1`.
    pub version: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The `Host` header, or the authority; empty if there is none.
    pub host: &'a [u8],
    /// The port the client asked at; 0 of a unix socket.
    pub port: u16,
    /// Looks up a header of the request by its name in lower case.
    pub header: &'a dyn Fn(&str) -> Option<&'a [u8]>,
    /// Status of the response.
    pub status: u16,
    /// Bytes of its body that were sent.
    pub body_bytes: u64,
    /// Bytes of the request's body.
    pub request_body_bytes: u64,
    /// Id of the request.
    pub request_id: &'a str,
    /// From the request's head to the response's last byte, in milliseconds.
    pub request_ms: u32,
    /// From sending to the peer to its response head.
    pub upstream_ms: Option<u32>,
    /// Time the gateway itself took.
    pub proxy_ms: Option<u32>,
    /// Address of the peer that answered.
    pub peer: Option<&'a str>,
    /// What it answered.
    pub peer_status: Option<u16>,
    /// Name or id of the route.
    pub route: Option<&'a str>,
    /// Name or id of the service.
    pub service: Option<&'a str>,
    /// Id of the trace, where the request belongs to one.
    pub trace_id: Option<&'a str>,
}

impl<'a> AccessLine<'a> {
    fn shown_header(&self, name: &str) -> Option<&'a [u8]> {
        let secret = self.hidden.iter().any(|own| own.eq_ignore_ascii_case(name));
        (self.header)(name).filter(|_| !secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str) -> Option<&'static [u8]> {
        match name {
            "user-agent" => Some(b"curl/8.0"),
            "x-team" => Some(b"blue"),
            _ => None,
        }
    }

    fn line() -> AccessLine<'static> {
        AccessLine {
            remote: Remote::Ip([10, 1, 2, 3].into()),
            user: Some("anna"),
            at_ms: 1_763_778_600_042,
            method: "GET",
            target: b"/a?b=c",
            hidden: &[],
            version: "HTTP/1.1",
            scheme: "https",
            host: b"a.test",
            port: 8443,
            header: &header,
            status: 200,
            body_bytes: 128,
            request_body_bytes: 5,
            request_id: "0123abcd",
            request_ms: 1_012,
            upstream_ms: Some(9),
            proxy_ms: Some(3),
            peer: Some("10.9.9.9:80"),
            peer_status: Some(201),
            route: Some("r"),
            service: Some("s"),
            trace_id: None,
        }
    }

    fn bare() -> AccessLine<'static> {
        AccessLine {
            user: None,
            header: &|_| None,
            upstream_ms: None,
            proxy_ms: None,
            peer: None,
            peer_status: None,
            route: None,
            service: None,
            ..line()
        }
    }

    #[track_caller]
    fn check(format: &str, line: AccessLine<'_>, expected: &str) {
        let mut out = Vec::new();
        format.parse::<LineFormat>().unwrap().write(&line, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\n"));
    }

    #[test]
    fn a_proxied_request_is_a_combined_line_with_times_behind() {
        check(
            "standard",
            line(),
            "10.1.2.3 - anna [22/Nov/2025:02:30:00 +0000] \"GET /a?b=c HTTP/1.1\" 200 128 \"-\" \"curl/8.0\" \
             kong_request_id: \"0123abcd\" request_ms=1012 upstream_ms=9 proxy_ms=3 peer=10.9.9.9:80",
        );
        check(
            "combined",
            line(),
            "10.1.2.3 - anna [22/Nov/2025:02:30:00 +0000] \"GET /a?b=c HTTP/1.1\" 200 128 \"-\" \"curl/8.0\"",
        );
        assert_eq!(LineFormat::default().to_string(), "standard");
    }

    #[test]
    fn what_is_absent_is_a_dash_in_a_pattern_and_left_out_of_an_object() {
        check(
            "standard",
            bare(),
            "10.1.2.3 - - [22/Nov/2025:02:30:00 +0000] \"GET /a?b=c HTTP/1.1\" 200 128 \"-\" \"-\" \
             kong_request_id: \"0123abcd\" request_ms=1012 upstream_ms=- proxy_ms=- peer=-",
        );
        check(
            "json",
            bare(),
            "{\"time\":\"2025-11-22T02:30:00.042+00:00\",\"request_id\":\"0123abcd\",\"remote_addr\":\"10.1.2.3\",\
             \"scheme\":\"https\",\"host\":\"a.test\",\"method\":\"GET\",\"target\":\"/a?b=c\",\"protocol\":\"HTTP/1.1\",\
             \"status\":200,\"body_bytes\":128,\"request_body_bytes\":5,\"request_ms\":1012}",
        );
    }

    #[test]
    fn a_pattern_of_ones_own_is_filled_hole_by_hole() {
        check(
            "$request_method ${uri}x $args|$status $request_time $upstream_response_time $msec",
            line(),
            "GET /ax b=c|200 1.012 0.009 1763778600.042",
        );
        check(
            "$scheme://$host:$server_port$request_uri $route $service $consumer $http_x_team $upstream_status $trace_id",
            line(),
            "https://a.test:8443/a?b=c r s anna blue 201 -",
        );
    }

    #[test]
    fn patterns_that_cannot_be_filled_or_would_tell_secrets_are_refused() {
        let refused = |text: &str| text.parse::<LineFormat>().unwrap_err();
        assert_eq!(
            refused("compact"),
            FormatError::NoPattern("standard, combined, json".into())
        );
        assert_eq!(refused("$status $sttaus"), FormatError::Unknown("sttaus".into()));
        assert_eq!(refused("costs $ 5"), FormatError::Unknown(String::new()));
        assert_eq!(
            refused("$http_authorization"),
            FormatError::Secret("http_authorization".into())
        );
        assert_eq!(refused("$http_cookie"), FormatError::Secret("http_cookie".into()));
        assert_eq!(refused("$status\n$status"), FormatError::Control);
        assert_eq!(refused(&"$status ".repeat(1_000)), FormatError::TooLong);
    }

    #[test]
    fn what_a_plugin_took_for_a_key_is_written_nowhere() {
        const HIDDEN: [&str; 2] = ["x-team", "b"];
        let line = AccessLine {
            hidden: &HIDDEN,
            ..line()
        };
        check("$request_uri $args $http_x_team", line, "/a?b=*** b=*** -");
        let mut out = Vec::new();
        "json".parse::<LineFormat>().unwrap().write(&line, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("\"target\":\"/a?b=***\""), "{text}");
    }

    #[test]
    fn a_client_cannot_forge_a_line() {
        let forged = AccessLine {
            target: b"/\"\r\n1.1.1.1",
            header: &|_| Some(b"\xff\\"),
            ..line()
        };
        for format in [
            "standard",
            "combined",
            "json",
            "$request_uri \"$http_user_agent\"",
        ] {
            let mut out = Vec::new();
            format.parse::<LineFormat>().unwrap().write(&forged, &mut out);
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.lines().count(), 1, "{text}");
            if format == "json" {
                let object: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert_eq!(object["target"], "/\"\r\n1.1.1.1");
            } else {
                assert!(text.contains("/\\x22\\x0D\\x0A1.1.1.1"), "{text}");
                assert!(text.contains("\"\\xFF\\x5C\""), "{text}");
            }
        }
    }
}
