//! One line of the access log.
//!
//! nginx's "combined" line, which every log tool reads, then what a gateway knows beside it: the request
//! id, how long the whole exchange took, how long the peer took, and which peer it was.
//!
//! The catch: the target, `Referer` and `User-Agent` come from strangers. A quote or a line break in
//! them would let a client write log lines of its own, so such bytes are written as `\xHH`, as nginx does.

use std::io::Write;
use std::net::IpAddr;

use crate::calendar;

/// What the line tells, borrowed from the exchange.
#[derive(Debug, Clone, Copy)]
pub struct AccessLine<'a> {
    /// The client.
    pub remote: IpAddr,
    /// Name of the consumer, where one was identified.
    pub user: Option<&'a str>,
    /// When the request came in, in milliseconds since 1970.
    pub at_ms: u64,
    /// Method of the request.
    pub method: &'a str,
    /// Target as the client sent it.
    pub target: &'a [u8],
    /// Protocol: `HTTP/1.1`.
    pub version: &'a str,
    /// Status of the response.
    pub status: u16,
    /// Bytes of its body that were sent.
    pub body_bytes: u64,
    /// The `Referer` header.
    pub referer: Option<&'a [u8]>,
    /// The `User-Agent` header.
    pub agent: Option<&'a [u8]>,
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
}

impl AccessLine<'_> {
    /// Appends the line with its line break.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        write_plain(out, format_args!("{} - ", self.remote));
        escaped(self.user.map(str::as_bytes), out);
        out.extend_from_slice(b" [");
        calendar::write_moment(self.at_ms, out);
        out.extend_from_slice(b"] \"");
        escaped(Some(self.method.as_bytes()), out);
        out.push(b' ');
        escaped(Some(self.target), out);
        write_plain(
            out,
            format_args!(" {}\" {} {} \"", self.version, self.status, self.body_bytes),
        );
        escaped(self.referer, out);
        out.extend_from_slice(b"\" \"");
        escaped(self.agent, out);
        out.extend_from_slice(b"\" kong_request_id: \"");
        escaped(Some(self.request_id.as_bytes()), out);
        write_plain(out, format_args!("\" request_ms={}", self.request_ms));
        number("upstream_ms", self.upstream_ms, out);
        number("proxy_ms", self.proxy_ms, out);
        out.extend_from_slice(b" peer=");
        escaped(self.peer.map(str::as_bytes), out);
        out.push(b'\n');
    }
}

fn write_plain(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text)
        .expect("invariant: writing to a Vec cannot fail");
}

fn number(name: &str, value: Option<u32>, out: &mut Vec<u8>) {
    match value {
        Some(value) => write_plain(out, format_args!(" {name}={value}")),
        None => write_plain(out, format_args!(" {name}=-")),
    }
}

/// Kong: nginx's default escaping; an absent value is a dash.
fn escaped(value: Option<&[u8]>, out: &mut Vec<u8>) {
    let Some(value) = value else {
        out.push(b'-');
        return;
    };
    for &byte in value {
        match byte {
            b'"' | b'\\' | 0..=0x1f | 0x7f..=0xff => write_plain(out, format_args!("\\x{byte:02X}")),
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> AccessLine<'static> {
        AccessLine {
            remote: "10.1.2.3".parse().unwrap(),
            user: Some("anna"),
            at_ms: 1_763_778_600_000,
            method: "GET",
            target: b"/a?b=c",
            version: "HTTP/1.1",
            status: 200,
            body_bytes: 128,
            referer: None,
            agent: Some(b"curl/8.0"),
            request_id: "0123abcd",
            request_ms: 12,
            upstream_ms: Some(9),
            proxy_ms: Some(3),
            peer: Some("10.9.9.9:80"),
        }
    }

    #[track_caller]
    fn check(line: AccessLine<'_>, expected: &str) {
        let mut out = Vec::new();
        line.write_to(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_proxied_request_is_a_combined_line_with_times_behind() {
        check(
            line(),
            "10.1.2.3 - anna [22/Nov/2025:02:30:00 +0000] \"GET /a?b=c HTTP/1.1\" 200 128 \"-\" \"curl/8.0\" \
             kong_request_id: \"0123abcd\" request_ms=12 upstream_ms=9 proxy_ms=3 peer=10.9.9.9:80\n",
        );
    }

    #[test]
    fn what_is_absent_is_a_dash() {
        let bare = AccessLine {
            user: None,
            agent: None,
            upstream_ms: None,
            proxy_ms: None,
            peer: None,
            ..line()
        };
        check(
            bare,
            "10.1.2.3 - - [22/Nov/2025:02:30:00 +0000] \"GET /a?b=c HTTP/1.1\" 200 128 \"-\" \"-\" \
             kong_request_id: \"0123abcd\" request_ms=12 upstream_ms=- proxy_ms=- peer=-\n",
        );
    }

    #[test]
    fn a_client_cannot_forge_a_line() {
        let mut out = Vec::new();
        AccessLine {
            target: b"/\"\r\n1.1.1.1",
            agent: Some(b"\xff\\"),
            ..line()
        }
        .write_to(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("GET /\\x22\\x0D\\x0A1.1.1.1 HTTP/1.1"), "{text}");
        assert!(text.contains("\"\\xFF\\x5C\""), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}
