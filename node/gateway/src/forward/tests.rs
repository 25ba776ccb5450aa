//! The head a peer gets, byte for byte.

use super::*;
use http::{HeaderMap, HeaderName, HeaderValue};

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(
            HeaderName::try_from(*name).expect("a name"),
            HeaderValue::try_from(*value).expect("a value"),
        );
    }
    map
}

fn forwarded() -> Forwarded<'static> {
    Forwarded {
        client: "127.0.0.1",
        connection: "127.0.0.1",
        trusted: false,
        scheme: "http",
        host: "gw.test",
        port: "8000",
        path: "/foo/bar",
        prefix: "/foo",
        via: "1.1 kong/3.9.1",
        request_id: Some(b"id"),
    }
}

fn written(lines: &[(&str, &str)], length: BodyLength, says: &Forwarded<'_>) -> String {
    let map = headers(lines);
    let arrived = Edited::arrived(&map);
    let fields = Fields::notice(arrived);
    let head = RequestHead {
        method: "GET",
        target: "/bar?x=1",
        host: "10.0.0.1:81",
        headers: arrived,
        fields: &fields,
        forwarded: says,
        length,
        websocket: fields.wants_websocket(),
    };
    let mut out = Vec::new();
    head.write_to(&mut out);
    String::from_utf8(out).expect("text")
}

fn check(lines: &[(&str, &str)], says: Forwarded<'_>, expected: &[&str], absent: &[&str]) {
    let head = written(lines, BodyLength::None, &says);
    for line in expected {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line} in {head}");
    }
    for start in absent {
        assert!(!head.contains(&format!("\r\n{start}")), "{start} in {head}");
    }
}

#[test]
fn the_whole_head() {
    let head = written(
        &[("host", "gw.test"), ("accept", "*/*")],
        BodyLength::Exactly(5),
        &forwarded(),
    );
    assert_eq!(
        head,
        "GET /bar?x=1 HTTP/1.1\r\nHost: 10.0.0.1:81\r\nConnection: keep-alive\r\naccept: */*\r\n\
         Content-Length: 5\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: gw.test\r\n\
         X-Forwarded-Port: 8000\r\nX-Forwarded-Path: /foo/bar\r\nX-Forwarded-Prefix: /foo\r\nX-Real-IP: 127.0.0.1\r\n\
         Via: 1.1 kong/3.9.1\r\nX-Kong-Request-Id: id\r\n\r\n"
    );
}

#[test]
fn a_stranger_is_not_believed_but_the_list_goes_on() {
    let claims = [
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil"),
        ("x-forwarded-port", "99"),
        ("x-forwarded-path", "/evil"),
        ("x-forwarded-prefix", "/evil"),
        ("x-real-ip", "10.0.0.2"),
        ("via", "1.0 fred"),
        ("x-kong-request-id", "abc"),
    ];
    let expected = [
        "X-Forwarded-For: 10.0.0.1, 127.0.0.1",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Host: gw.test",
        "X-Forwarded-Port: 8000",
        "X-Forwarded-Path: /foo/bar",
        "X-Forwarded-Prefix: /foo",
        "X-Real-IP: 127.0.0.1",
        "Via: 1.0 fred, 1.1 kong/3.9.1",
        "X-Kong-Request-Id: id",
    ];
    check(
        &claims,
        forwarded(),
        &expected,
        &["x-forwarded", "x-real-ip", "via", "x-kong"],
    );
}

#[test]
fn a_trusted_proxy_is_believed() {
    let claims = [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "front"),
        ("x-forwarded-prefix", "/p"),
    ];
    let says = Forwarded {
        trusted: true,
        ..forwarded()
    };
    let expected = [
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: front",
        "X-Forwarded-Port: 8000",
        "X-Forwarded-Prefix: /p",
    ];
    check(&claims, says, &expected, &["x-forwarded"]);
}

#[test]
fn a_new_list_of_addresses_starts_with_the_client_and_an_old_one_goes_on_with_the_connection() {
    let behind_a_proxy = || Forwarded {
        client: "9.9.9.9",
        connection: "10.0.0.1",
        trusted: true,
        ..forwarded()
    };
    check(
        &[],
        behind_a_proxy(),
        &["X-Forwarded-For: 9.9.9.9", "X-Real-IP: 9.9.9.9"],
        &[],
    );
    let begun = [("x-forwarded-for", "9.9.9.9")];
    check(
        &begun,
        behind_a_proxy(),
        &["X-Forwarded-For: 9.9.9.9, 10.0.0.1"],
        &[],
    );
}

#[test]
fn nothing_stripped_means_no_prefix() {
    let says = Forwarded {
        prefix: "",
        ..forwarded()
    };
    check(
        &[],
        says,
        &["X-Forwarded-Path: /foo/bar"],
        &["X-Forwarded-Prefix"],
    );
}

#[test]
fn a_websocket_is_asked_for_and_trailers_are_announced() {
    let lines = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("te", "gzip, trailers"),
    ];
    let expected = [
        "Connection: keep-alive, Upgrade",
        "Upgrade: websocket",
        "TE: trailers",
    ];
    check(&lines, forwarded(), &expected, &["upgrade", "te"]);
}

#[test]
fn several_lines_of_a_field_stay_several() {
    check(
        &[("x-multi", "1"), ("x-multi", "2"), ("x-empty", "")],
        forwarded(),
        &["x-multi: 1", "x-multi: 2", "x-empty: "],
        &[],
    );
}

#[test]
fn chunks_are_announced() {
    assert!(written(&[], BodyLength::Chunked, &forwarded()).contains("\r\nTransfer-Encoding: chunked\r\n"));
}
