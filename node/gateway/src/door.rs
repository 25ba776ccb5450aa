//! The strict door: what a well-formed request must still satisfy before anybody looks at it.
//!
//! The parser checks spelling, the door checks sense. A letter may be spelt perfectly and still be addressed to two houses at once,
//! or to none. Everything behind the door may rely on: one host or none, a path without tricks, and an ordinary method.
//!
//! The catch is disagreement: each oddity let through is a chance that the origin reads it differently than we did.
//! So what is odd is refused, not repaired. (Framing is the parser's: lengths that contradict each other, chunks in HTTP/1.0.)

use crate::{edited::Edited, fields::Fields, rescue::Rescue};
use http::{Method, Uri, Version, request::Parts};
use std::borrow::Cow;
use troop_router::normalize_path;

/// A request that was let in.
pub(crate) struct Asked<'a> {
    /// The `Host` as sent; empty in HTTP/1.0 without one.
    pub host: &'a str,
    /// The path, normalised.
    pub path: Cow<'a, str>,
    /// The path as sent.
    pub raw_path: &'a str,
    /// What follows the path: nothing, or a question mark and the query.
    pub query: &'a str,
    /// What was noticed in the fields.
    pub fields: Fields<'a>,
    /// The target names another host than `Host` does.
    disputed: bool,
}

impl Asked<'_> {
    /// Lets pass what a route was found for.
    ///
    /// Kong: the route is chosen by `Host`, whatever host stands in the target. But a peer that follows the standard would believe the
    /// target: such a request finds no route or is refused, it is never sent on.
    pub fn undisputed(&self) -> Result<(), Rescue> {
        if self.disputed {
            Err(Rescue::BadRequest)
        } else {
            Ok(())
        }
    }
}

/// Lets a request in, or says why not.
pub(crate) fn admit(parts: &Parts) -> Result<Asked<'_>, Rescue> {
    if parts.method == Method::CONNECT {
        return Err(Rescue::MethodNotAllowed);
    }
    let fields = Fields::notice(Edited::arrived(&parts.headers));
    if fields.odd_coding {
        return Err(Rescue::BadRequest);
    }
    let host = host(&fields, parts)?;
    let target = target(&parts.uri)?;
    let (raw_path, query) = match target.bytes().position(|b| b == b'?') {
        Some(at) => target.split_at(at),
        None => (target, ""),
    };
    let path = normalize_path(raw_path).map_err(|_| Rescue::BadRequest)?;
    Ok(Asked {
        disputed: is_disputed(&parts.uri, host),
        host,
        path,
        raw_path,
        query,
        fields,
    })
}

/// Whether the target names another host than `Host`. One that has no `Host` disputes nothing.
fn is_disputed(uri: &Uri, host: &str) -> bool {
    let Some(authority) = uri.authority().filter(|_| !host.is_empty()) else {
        return false;
    };
    let usual = if uri.scheme_str() == Some("https") {
        ":443"
    } else {
        ":80"
    };
    let bare = |text: &str| text.strip_suffix(usual).unwrap_or(text).to_ascii_lowercase();
    bare(authority.as_str()) != bare(host)
}

/// Origin form, or absolute form of our schemes.
fn target(uri: &Uri) -> Result<&str, Rescue> {
    let known_form = match (uri.scheme_str(), uri.authority()) {
        (None, None) => true,
        (Some("http" | "https"), Some(authority)) => !authority.as_str().contains('@'),
        _ => false,
    };
    let target = uri.path_and_query().map_or("", |p| p.as_str());
    if known_form && target.starts_with('/') {
        Ok(target)
    } else {
        Err(Rescue::BadRequest)
    }
}

fn host<'a>(fields: &Fields<'a>, parts: &'a Parts) -> Result<&'a str, Rescue> {
    let text = match (fields.host, parts.uri.authority()) {
        (Some(host), _) => std::str::from_utf8(host.as_bytes()).map_err(|_| Rescue::BadRequest)?,
        // HTTP/2 has it in the target.
        (None, Some(authority)) if parts.version == Version::HTTP_2 => authority.as_str(),
        (None, _) if parts.version == Version::HTTP_10 => return Ok(""),
        (None, _) => return Err(Rescue::BadRequest),
    };
    if fields.several_hosts || !is_host(text) {
        return Err(Rescue::BadRequest);
    }
    Ok(text)
}

/// A name or address with an optional port, and no user in front.
fn is_host(text: &str) -> bool {
    let (name, port) = split_host(text);
    is_name(name) && is_port(port)
}

/// The name or address in front, and the port behind with its colon.
fn split_host(host: &str) -> (&str, &str) {
    let bytes = host.as_bytes();
    let end = if bytes.first() == Some(&b'[') {
        bytes.iter().position(|b| *b == b']').map(|at| at + 1)
    } else {
        bytes.iter().position(|b| *b == b':')
    };
    host.split_at(end.unwrap_or(host.len()))
}

/// A host without its port.
pub(crate) fn host_name(host: &str) -> &str {
    split_host(host).0
}

fn is_name(name: &str) -> bool {
    if let Some(address) = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'%');
    !name.is_empty() && name.bytes().all(fits)
}

fn is_port(port: &str) -> bool {
    match port.strip_prefix(':') {
        None => port.is_empty(),
        // RFC 3986: a port may be empty.
        Some("") => true,
        Some(digits) => digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn check(method: &str, target: &str, hosts: &[&str], expected: Result<(&str, &str, &str), Rescue>) {
        let mut request = Request::builder().method(method).uri(target);
        for host in hosts {
            request = request.header("host", *host);
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let seen = admit(&parts);
        let seen = seen
            .as_ref()
            .map(|a| (a.host, &*a.path, a.query))
            .map_err(Clone::clone);
        assert_eq!(seen, expected, "{method} {target} {hosts:?}");
    }

    #[test]
    fn an_ordinary_request_is_let_in() {
        check("GET", "/", &["a.test"], Ok(("a.test", "/", "")));
        check(
            "POST",
            "/a/../b?x=1",
            &["a.test:8000"],
            Ok(("a.test:8000", "/b", "?x=1")),
        );
        check("GET", "/a?", &["[::1]:80"], Ok(("[::1]:80", "/a", "?")));
        check(
            "GET",
            "http://b.test/x?q",
            &["a.test"],
            Ok(("a.test", "/x", "?q")),
        );
    }

    #[test]
    fn a_target_and_a_host_that_differ_are_a_dispute() {
        for (target, host, disputed) in [
            ("/x", "a.test", false),
            ("http://a.test/x", "A.test", false),
            ("http://a.test:80/x", "a.test", false),
            ("https://a.test/x", "a.test:443", false),
            ("http://a.test/x", "b.test", true),
            ("http://a.test:81/x", "a.test", true),
            ("http://a.test/x", "a.test:443", true),
        ] {
            let request = Request::builder().uri(target).header("host", host);
            let (parts, ()) = request.body(()).expect("a request").into_parts();
            let asked = admit(&parts).expect("a request to be let in");
            assert_eq!(asked.undisputed().is_err(), disputed, "{target} {host}");
        }
    }

    #[test]
    fn a_request_for_no_place_of_ours_is_refused() {
        let bad = || Err(Rescue::BadRequest);
        check(
            "CONNECT",
            "a.test:443",
            &["a.test"],
            Err(Rescue::MethodNotAllowed),
        );
        check("OPTIONS", "*", &["a.test"], bad());
        check("GET", "nopath", &["a.test"], bad());
        check("GET", "/../x", &["a.test"], bad());
        check("GET", "/%zz", &["a.test"], bad());
        check("GET", "http://u@b.test/x", &["a.test"], bad());
    }

    #[test]
    fn a_host_is_one_and_valid() {
        for hosts in [
            &[][..],
            &["a", "a"],
            &["a", "b"],
            &[""],
            &["a b"],
            &["a,b"],
            &["u@a"],
            &["a/b"],
            &["a:80x"],
            &["a:99999"],
            &["a:1:2"],
            &["[::1"],
            &["[x]"],
        ] {
            check("GET", "/", hosts, Err(Rescue::BadRequest));
        }
    }

    #[test]
    fn a_body_is_in_chunks_or_not_and_nothing_else() {
        for (codings, admitted) in [
            (&["chunked"][..], true),
            (&["Chunked"], true),
            (&["chunked", "chunked"], false),
            (&["chunked, chunked"], false),
            (&["identity"], false),
            (&["gzip, chunked"], false),
        ] {
            let mut request = Request::builder().uri("/").header("host", "a");
            for coding in codings {
                request = request.header("transfer-encoding", *coding);
            }
            let (parts, ()) = request.body(()).expect("a request").into_parts();
            assert_eq!(admit(&parts).is_ok(), admitted, "{codings:?}");
        }
    }

    #[test]
    fn http_1_0_may_come_without_a_host() {
        let (mut parts, ()) = Request::builder()
            .uri("/y")
            .body(())
            .expect("a request")
            .into_parts();
        parts.version = Version::HTTP_10;
        assert!(admit(&parts).is_ok_and(|asked| asked.host.is_empty()));
    }
}
