//! The strict door, class by class: what could be read in two ways reaches no origin, and what is legal reaches it in one form only.
//!
//! Each test is one class of tricks with its table; `check` plays one line of it through a gateway to an origin that counts.

use crate::{house::House, origin::Origin, wire::Wire};
use serde_json::json;

/// What is to become of a request.
enum Fate {
    /// Nobody sees it, and the connection is of no use any more.
    Refused,
    /// The origin gets it once, with these lines and without lines that start like these.
    Served(&'static [&'static str], &'static [&'static str]),
}
use Fate::{Refused, Served};

/// A request that must never be seen as one of its own.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";

/// Plays requests of one class, each on a connection of its own.
async fn check(lines: &[(&str, Fate)]) {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    let service = house.service(&origin, json!({})).await;
    let keeping = json!({"preserve_host": true, "strip_path": false});
    house.route("/", Some(service), keeping).await;
    for (raw, fate) in lines {
        let raw = raw.replace("{hidden}", HIDDEN);
        let before = origin.hits();
        let mut wire = Wire::dial(house.address()).await;
        wire.send(raw.as_bytes()).await;
        let answer = wire.answer_or_end().await;
        match fate {
            Refused => {
                let status = answer.map_or(400, |answer| answer.status);
                assert!((400..=505).contains(&status) && status != 500, "{status} {raw:?}");
                assert!(wire.is_ended().await && wire.early.is_empty(), "{raw:?}");
                assert_eq!(origin.hits(), before, "{raw:?}");
            }
            Served(present, absent) => {
                let answer = answer.unwrap_or_else(|| panic!("no answer to {raw:?}"));
                let text = answer.text();
                assert_eq!(
                    (answer.status, origin.hits()),
                    (200, before + 1),
                    "{raw:?}: {text}"
                );
                for line in *present {
                    assert!(text.lines().any(|l| l == *line), "{line} for {raw:?}: {text}");
                }
                for start in *absent {
                    assert!(
                        !text.lines().any(|l| l.starts_with(start)),
                        "{start} for {raw:?}: {text}"
                    );
                }
            }
        }
    }
    assert_eq!(house.close().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_is_one_number() {
    check(&[
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 38\r\n\r\nhello{hidden}",
            Refused,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\nhello{hidden}",
            Refused,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
            Refused,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
            Refused,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello",
            Refused,
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", Refused),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 5\r\n\r\nhello{hidden}",
            Refused,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\nhello{hidden}",
            Refused,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \u{b}5\r\n\r\nhello",
            Refused,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0000000005\r\n\r\nhello",
            Served(&["Content-Length: 5", "body hello"], &[]),
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent_Length: 5\r\nContent-Length: 0\r\n\r\n",
            Served(&["Content-Length: 0"], &["content_length"]),
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
            Served(&["body hello"], &[]),
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_in_chunks_or_has_a_length() {
    check(&[
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}", Refused),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}", Refused),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}", Refused),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n{hidden}", Refused),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n0\r\n\r\n{hidden}", Refused),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n{hidden}", Refused),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n{hidden}", Refused),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{hidden}", Refused),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n{hidden}", Refused),
        ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}", Refused),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n", Served(&["body hello"], &[])),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer_Encoding: chunked\r\n\r\nhello", Served(&["body hello"], &["transfer_encoding"])),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_is_spelt_as_the_standard_spells_it() {
    const HEAD: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "e".repeat(70_000));
    let refused = [
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "5_0\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "5\rX\r\nhello\r\n0\r\n\r\n",
        "5;\nGET /hidden HTTP/1.1\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "5\0\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nBad Trailer\r\n\r\n",
        &long,
    ];
    let refused: Vec<String> = refused.iter().map(|body| format!("{HEAD}{body}")).collect();
    let lines: Vec<(&str, Fate)> = refused.iter().map(|raw| (raw.as_str(), Refused)).collect();
    check(&lines).await;
    check(&[
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n00\r\n\r\n", Served(&["body hello"], &[])),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nHost: evil\r\nAuthorization: x\r\n\r\n",
            Served(&["Host: a", "body hello"], &["Host: evil", "authorization"]),
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_is_a_name_a_colon_and_a_value_on_one_line() {
    check(&[
        ("GET / HTTP/1.1\r\nHost: a\r\nX-A : 1\r\n\r\n{hidden}", Refused),
        ("GET / HTTP/1.1\r\nHost: a\r\n X-A: 1\r\n\r\n", Refused),
        ("GET / HTTP/1.1\r\n Host: evil\r\nHost: a\r\n\r\n", Refused),
        ("GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n folded\r\n\r\n", Refused),
        ("GET / HTTP/1.1\r\nHost: a\r\nX-A: a\0b\r\n\r\n", Refused),
        ("GET / HTTP/1.1\r\nHost: a\r\nX-A: a\rb\r\n\r\n", Refused),
        ("GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n", Refused),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\u{e9}: 1\r\n\r\n", Refused),
        ("GET / HTTP/1.1\r\nHost: a\r\nX(A): 1\r\n\r\n", Refused),
        ("GET / HTTP/1.1\r\nHost: a\r\nNoColonHere\r\n\r\n", Refused),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nX-Euro: \u{20ac}\r\n\r\n",
            Served(&["x-empty: ", "x-euro: \u{20ac}"], &[]),
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_named_once_and_is_a_host() {
    check(&[
        ("GET / HTTP/1.1\r\nX: 1\r\n\r\n", Refused),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Refused),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Refused),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Refused),
        ("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", Refused),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Refused),
        ("GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n", Refused),
        ("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", Refused),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", Refused),
        ("GET / HTTP/1.1\r\nHost: a\tb\r\n\r\n", Refused),
        ("GET http://a/x HTTP/1.1\r\nHost: b\r\n\r\n", Refused),
        ("GET http://u:p@a/x HTTP/1.1\r\nHost: a\r\n\r\n", Refused),
        ("GET ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n", Refused),
        (
            "GET http://a/x HTTP/1.1\r\nHost: A\r\n\r\n",
            Served(&["Host: A", "target /x"], &[]),
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_line_has_three_words_and_asks_for_a_path() {
    check(&[
        ("GET / HTTP/1.1 x\r\nHost: a\r\n\r\n", Refused),
        ("GET /p q HTTP/1.1\r\nHost: a\r\n\r\n", Refused),
        ("GET\t/p\tHTTP/1.1\r\nHost: a\r\n\r\n", Refused),
        ("GET /p\r\n\r\n", Refused),
        ("GET /p HTTP/2.0\r\nHost: a\r\n\r\n", Refused),
        ("GET /p HTTP/1.1x\r\nHost: a\r\n\r\n", Refused),
        ("GET /p http/1.1\r\nHost: a\r\n\r\n", Refused),
        ("GET /p HTTP/01.1\r\nHost: a\r\n\r\n", Refused),
        ("GE(T /p HTTP/1.1\r\nHost: a\r\n\r\n", Refused),
        ("GET /p\0q HTTP/1.1\r\nHost: a\r\n\r\n", Refused),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", Refused),
        ("CONNECT b:22 HTTP/1.1\r\nHost: b:22\r\n\r\n{hidden}", Refused),
        ("GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", Refused),
        ("GET p HTTP/1.1\r\nHost: a\r\n\r\n", Refused),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refused),
        ("GET /../x HTTP/1.1\r\nHost: a\r\n\r\n", Refused),
        ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", Refused),
        ("get /p HTTP/1.1\r\nHost: a\r\n\r\n", Served(&["method get"], &[])),
        (
            "\r\n\r\nGET /p HTTP/1.1\r\nHost: a\r\n\r\n",
            Served(&["target /p"], &[]),
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_the_connection_goes_no_further() {
    check(&[
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\n\r\n",
            Served(&["Connection: keep-alive"], &["x-secret"]),
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Forwarded-For, X-Real-IP\r\n\r\n",
            Served(&["X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1"], &[]),
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: Host, close\r\n\r\n", Served(&["Host: a"], &[])),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: 5\r\n\r\nhello",
            Served(&["Content-Length: 5", "body hello"], &[]),
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nProxy: http://evil\r\n\r\n",
            Served(&[], &["keep-alive", "proxy"]),
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\nTE: gzip, trailers\r\nConnection: TE\r\n\r\n", Served(&["TE: trailers"], &["te: "])),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\r\n",
            Served(&["Connection: keep-alive"], &["upgrade", "Upgrade", "http2-settings"]),
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 6.6.6.6\r\nX_Real_IP: 6.6.6.6\r\n\r\n",
            Served(&["X-Real-IP: 127.0.0.1"], &["x_forwarded_for", "x_real_ip"]),
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_passes_before_the_peer_agreed_to_another_protocol() {
    check(&[
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\nG(T /x HTTP/1.1\r\n\r\n", Served(&[], &["Upgrade"])),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nG(T /x HTTP/1.1\r\n\r\n",
            Served(&["Upgrade: websocket"], &[]),
        ),
    ])
    .await;
}
