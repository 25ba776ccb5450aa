//! Clients and peers that break the rules, or break.

use crate::{
    house::{House, options},
    origin::Origin,
    wire::{Wire, ask, get},
};
use serde_json::json;
use std::time::{Duration, Instant};
use troop_gateway::{ErrorPages, GatewayOptions, Limits};

const FAILED: &str = "An invalid response was received from the upstream server";

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_fails_is_tried_as_often_as_configured() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    house.path_to("/two", &origin, json!({"retries": 2})).await;
    house.path_to("/none", &origin, json!({"retries": 0})).await;
    let answer = get(house.address(), "/two/drop", "").await;
    assert_eq!((answer.status, origin.hits()), (502, 3));
    assert!(answer.text().starts_with(FAILED) && answer.text().contains("request_id: "));
    for name in ["via", "x-kong-proxy-latency", "x-kong-upstream-latency", "date"] {
        assert!(answer.header(name).is_some(), "{name}");
    }
    assert_eq!(get(house.address(), "/none/drop", "").await.status, 502);
    assert_eq!(origin.hits(), 4);
    let post =
        "POST /two/drop HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let post = ask(house.address(), post).await;
    assert_eq!((post.status, origin.hits()), (502, 5));
    assert_eq!(
        post.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_ones_own_are_shown_for_the_gateways_errors_and_for_no_peers() {
    let form = |text: &str| text.parse().expect("a form");
    let pages = ErrorPages {
        html: form("<i>%s</i> %s"),
        plain: form("sorry: %s"),
        ..ErrorPages::default()
    };
    let options = GatewayOptions {
        error_pages: pages,
        ..options()
    };
    let (house, origin) = (House::build(options, Vec::new()).await, Origin::start("a").await);
    house.path_to("/p", &origin, json!({"retries": 0})).await;
    let nowhere = get(house.address(), "/nowhere", "Accept: text/html\r\n").await;
    let id = nowhere.header("x-kong-request-id").expect("an id").to_owned();
    assert_eq!(nowhere.status, 404);
    assert_eq!(
        nowhere.text(),
        format!("<i>no Route matched with those values</i> {id}")
    );
    assert_eq!(nowhere.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(
        get(house.address(), "/p/drop", "").await.text(),
        format!("sorry: {FAILED}")
    );
    let malformed = ask(house.address(), "GET /a HTTP/1.1\r\n\r\n").await;
    assert_eq!(
        (malformed.status, malformed.text()),
        (400, "sorry: Bad request".to_owned())
    );
    let of_the_peer = get(house.address(), "/p/status/500", "Accept: text/html\r\n").await;
    assert!(!of_the_peer.text().contains("<i>"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_died_while_it_waited_costs_nothing() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    house.path_to("/", &origin, json!({"retries": 0})).await;
    for _ in 0..20 {
        assert_eq!(get(house.address(), "/stale", "").await.status, 200);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_sent_again_with_another_try() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    house.path_to("/", &origin, json!({"retries": 1})).await;
    let put = "PUT /drop HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(ask(house.address(), put).await.status, 502);
    assert_eq!(origin.hits(), 2);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_peer_is_given_up() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    house
        .path_to("/", &origin, json!({"retries": 1, "read_timeout": 100}))
        .await;
    let started = Instant::now();
    let answer = get(house.address(), "/hang", "").await;
    assert_eq!((answer.status, origin.hits()), (504, 2));
    assert!(answer.text().starts_with("The upstream server is timing out"));
    assert!(started.elapsed() >= Duration::from_millis(200));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_or_no_http_is_502() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    house.path_to("/x", &origin, json!({})).await;
    let nobody = house
        .insert("services", json!({"host": "127.0.0.1", "port": 1}))
        .await;
    house.route("/nobody", Some(nobody), json!({})).await;
    assert_eq!(get(house.address(), "/nobody", "").await.status, 502);
    assert_eq!(get(house.address(), "/x/garbage", "").await.status, 502);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_ends_the_clients_connection() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    house.path_to("/", &origin, json!({})).await;
    let mut wire = Wire::dial(house.address()).await;
    wire.send(b"GET /half HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(wire.answer_or_end().await.is_none());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused_in_our_own_words() {
    let house = House::plain().await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GARBAGE\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET nopath HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
        ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /../x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405),
        ("GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505),
    ] {
        let answer = ask(house.address(), request).await;
        assert_eq!(answer.status, status, "{request}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; charset=utf-8"),
            "{request}"
        );
        assert!(
            answer.text().contains("\nrequest_id: "),
            "{request}: {}",
            answer.text()
        );
    }
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    assert_eq!(ask(house.address(), &long).await.status, 431);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_comes_after_the_answers_before_it() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    house.path_to("/", &origin, json!({})).await;
    let mut wire = Wire::dial(house.address()).await;
    wire.send(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\nGARBAGE\r\n\r\n")
        .await;
    assert_eq!(wire.answer().await.status, 200);
    let refusal = wire.answer().await;
    assert_eq!(
        (refusal.status, refusal.text().starts_with("Bad request\n")),
        (400, true)
    );
    assert!(wire.is_ended().await);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_let_go() {
    let limits = Limits {
        head_timeout: Duration::from_millis(200),
        first_byte_timeout: Duration::from_millis(300),
        body_pause_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let hasty = GatewayOptions { limits, ..options() };
    let (house, origin) = (House::build(hasty, Vec::new()).await, Origin::start("a").await);
    house.path_to("/", &origin, json!({})).await;
    let mut silent = Wire::dial(house.address()).await;
    let mut slow_head = Wire::dial(house.address()).await;
    let mut slow_body = Wire::dial(house.address()).await;
    slow_head.send(b"GET / HTTP/1.1\r\nHo").await;
    slow_body
        .send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nfirst")
        .await;
    assert!(silent.is_ended().await);
    assert_eq!(slow_head.answer().await.status, 408);
    assert_eq!(slow_body.answer().await.status, 408);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_makes_no_sense_is_passed_over_and_counted() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    let id = uuid::Uuid::from_u128(77);
    let put = troop_txn::Op::Put {
        key: troop_txn::Key::record("routes", id.as_bytes()),
        value: bytes::Bytes::from_static(b"{\"id\": 5}"),
    };
    house.commit(Vec::new(), vec![put], Vec::new()).await;
    house.path_to("/x", &origin, json!({})).await;
    assert_eq!(get(house.address(), "/x", "").await.status, 200);
    assert_eq!(house.gateway.gauges().counters().records_skipped_total, 1);
    house.close().await;
}
