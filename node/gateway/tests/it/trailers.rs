//! Fields behind bodies, in both directions and from each version of HTTP to each.

use crate::{
    calls::{self, Mood, Peer, field},
    house::House,
    origin::Origin,
    streams::{Caller, Heard},
    wire::{Answer, Wire, ask, get},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use serde_json::json;

/// A gateway for clients of both versions: an origin of HTTP/1.1 at `/`, unbuffered at `/unbuffered`, and a peer of HTTP/2 at `/call`.
async fn house() -> (House, Origin) {
    let (house, origin) = (calls::house().await, Origin::start("a").await);
    let service = house.service(&origin, json!({})).await;
    house.route("/", Some(service), json!({})).await;
    let unbuffered = json!({"request_buffering": false});
    house.route("/unbuffered", Some(service), unbuffered).await;
    let peer = Peer::start(Mood::Echo).await;
    let host = json!({"host": "127.0.0.1", "port": peer.address.port(), "protocol": "grpc"});
    let service = house.insert("services", host).await;
    house.route("/call", Some(service), json!({})).await;
    (house, origin)
}

/// A request in chunks with these lines behind it.
fn chunked(path: &str, head: &str, behind: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{head}\r\n5\r\nhello\r\n0\r\n{behind}\r\n"
    )
}

fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    map
}

async fn heard(house: &House, path: &str, behind: Option<HeaderMap>) -> Heard {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://gw.test{path}"));
    let request = request.body(()).expect("a request");
    let caller = Caller::dial(house.address()).await;
    caller
        .ask_with(request, "hello", behind)
        .await
        .expect("an answer")
}

/// All lines that the origin says stood behind the body.
fn behind(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("behind "))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_of_http_1_1_says_behind_a_body_reaches_the_origin_gathered_or_not() {
    let (house, _origin) = house().await;
    for path in ["/x", "/unbuffered"] {
        let request = chunked(
            path,
            "Trailer: X-Sum, Host\r\n",
            "X-Sum: 1\r\nX-Sum: 2\r\nHost: evil\r\n",
        );
        let answer = ask(house.address(), &request).await;
        let text = answer.text();
        assert_eq!(behind(&text), ["x-sum: 1", "x-sum: 2"], "{path}: {text}");
        assert_eq!(answer.echoed("body ").as_deref(), Some("hello"));
        assert_eq!(answer.echoed("Trailer: ").as_deref(), Some("x-sum"));
        assert!(text.contains("Transfer-Encoding: chunked") && !text.contains("Content-Length"));
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streaming_body_is_followed_by_what_stands_behind_it() {
    let (house, origin) = house().await;
    let mut wire = Wire::dial(house.address()).await;
    wire.send(b"POST /unbuffered HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        .await;
    crate::wire::until("the request under way", async || origin.hits() == 1).await;
    wire.send(b"0\r\nX-Sum: 1\r\n\r\n").await;
    let text = wire.answer().await.text();
    assert_eq!(behind(&text), ["x-sum: 1"], "{text}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_of_http_2_says_behind_a_body_reaches_the_origin() {
    let (house, _origin) = house().await;
    let said = heard(
        &house,
        "/x",
        Some(fields(&[("x-sum", "1"), ("authorization", "x")])),
    )
    .await;
    assert_eq!(behind(&said.body), ["x-sum: 1"], "{}", said.body);
    let nothing = heard(&house, "/x", None).await;
    assert!(nothing.body.contains("Content-Length: 5"), "{}", nothing.body);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_say_behind_a_body_reaches_a_peer_of_http_2() {
    let (house, _origin) = house().await;
    let said = heard(
        &house,
        "/call",
        Some(fields(&[("x-sum", "1"), ("x-consumer-id", "me")])),
    )
    .await;
    let told = said.trailers.expect("an outcome");
    assert_eq!(field(&told, "seen-x-sum"), Some("1"));
    assert_eq!(field(&told, "seen-x-consumer-id"), None);
    // From HTTP/1.1: the origin's word on it stands behind its answer, where only the outcome was announced.
    let request = chunked("/call", "TE: trailers\r\n", "grpc-status: 7\r\nX-Sum: 1\r\n");
    let answer = ask(house.address(), &request).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
    assert_eq!(answer.header("trailer"), Some("grpc-status, grpc-message"));
    assert_eq!(answer.trailers, ["grpc-status: 0"]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_http_1_1_that_asks_for_it_gets_what_was_announced_and_may_stand_there() {
    let (house, _origin) = house().await;
    let asked = get(house.address(), "/trailers", "TE: trailers\r\n").await;
    assert_eq!(asked.trailers, ["x-sum: 1", "x-sum: 2"]);
    assert_eq!(asked.header("trailer"), Some("X-Sum, Host, Set-Cookie"));
    assert_eq!(asked.echoed("TE: ").as_deref(), Some("trailers"));
    let silent = get(house.address(), "/trailers", "").await;
    assert_eq!((silent.status, silent.trailers.len()), (200, 0));
    assert_eq!((silent.header("trailer"), silent.echoed("TE: ")), (None, None));
    let old = "GET /trailers HTTP/1.0\r\nHost: a\r\nTE: trailers\r\n\r\n";
    let old = ask(house.address(), old).await;
    assert_eq!(old.echoed("target ").as_deref(), Some("/trailers"));
    assert!(!old.text().contains("x-sum"), "{}", old.text());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_http_2_gets_all_that_may_stand_there() {
    let (house, _origin) = house().await;
    let told = heard(&house, "/trailers", None).await;
    assert_eq!(told.line("body "), Some("hello"));
    let trailers = told.trailers.expect("fields behind the body");
    let expected = fields(&[("x-sum", "1"), ("x-sum", "2"), ("x-unannounced", "u")]);
    assert_eq!(trailers, expected);
    assert!(heard(&house, "/chunks", None).await.trailers.is_none());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_goes_on_after_what_stood_behind_bodies() {
    let (house, origin) = house().await;
    let mut wire = Wire::dial(house.address()).await;
    for _ in 0..3 {
        wire.send(chunked("/trailers", "TE: trailers\r\n", "X-Sum: 1\r\n").as_bytes())
            .await;
        let answer: Answer = wire.answer().await;
        assert_eq!((answer.trailers.len(), behind(&answer.text()).len()), (2, 1));
    }
    drop(wire);
    assert_eq!(origin.connections(), 1, "the peer's connection goes on too");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_too_much_or_nothing_readable_behind_a_body_is_refused() {
    let (house, origin) = house().await;
    let many = "X-Sum: 1\r\n".repeat(65);
    let large = format!("X-Sum: {}\r\n", "x".repeat(33 * 1024));
    for behind in [
        "Bad Trailer\r\n",
        "X-A : 1\r\n",
        "X-A: 1\r\n folded\r\n",
        &many,
        &large,
    ] {
        let mut wire = Wire::dial(house.address()).await;
        wire.send(chunked("/x", "", behind).as_bytes()).await;
        assert_eq!(wire.answer().await.status, 400, "{behind:?}");
        assert!(wire.is_ended().await, "{behind:?}");
    }
    assert_eq!(origin.hits(), 0);
    let mut lines = HeaderMap::new();
    for _ in 0..65 {
        lines.append("x-sum", HeaderValue::from_static("1"));
    }
    assert_eq!(heard(&house, "/x", Some(lines)).await.status, 400);
    assert_eq!(origin.hits(), 0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_with_too_much_or_nothing_readable_behind_it_is_broken_off() {
    let (house, _origin) = house().await;
    for path in ["/many-trailers", "/bad-trailers"] {
        let mut wire = Wire::dial(house.address()).await;
        wire.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n").as_bytes())
            .await;
        assert!(wire.answer_or_end().await.is_none(), "{path}");
        assert!(!wire.early.ends_with(b"0\r\n\r\n"), "{path}");
        let request = Request::builder().uri(format!("http://gw.test{path}"));
        let caller = Caller::dial(house.address()).await;
        let told = caller.ask(request.body(()).expect("a request"), "").await;
        assert!(told.is_err(), "{path}: {told:?}");
    }
    house.close().await;
}
