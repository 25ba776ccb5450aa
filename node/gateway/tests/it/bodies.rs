//! Bodies in both directions, however they are delimited.

use crate::{
    house::{House, options},
    origin::Origin,
    wire::{Wire, ask, get, until},
};
use serde_json::json;
use troop_gateway::GatewayOptions;

async fn house() -> (House, Origin) {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    house.path_to("/", &origin, json!({})).await;
    (house, origin)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_body_arrives_with_its_length_or_in_chunks() {
    let (house, _origin) = house().await;
    let measured = ask(
        house.address(),
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    )
    .await;
    assert_eq!(measured.echoed("body ").as_deref(), Some("hello"));
    assert!(measured.text().contains("Content-Length: 5"));
    let chunked = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let chunked = ask(house.address(), chunked).await;
    assert_eq!(chunked.echoed("body ").as_deref(), Some("hello"));
    assert!(chunked.text().contains("Content-Length: 5") && !chunked.text().contains("Transfer-Encoding"));
    let empty = ask(
        house.address(),
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    assert!(empty.text().contains("Content-Length: 0"));
    let none = ask(house.address(), "POST /x HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(none.echoed("body ").as_deref(), Some(""));
    assert!(!none.text().contains("Content-Length"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_body_arrives_however_it_is_delimited() {
    let (house, _origin) = house().await;
    let chunks = get(house.address(), "/chunks", "").await;
    assert_eq!(chunks.header("transfer-encoding"), Some("chunked"));
    assert_eq!(chunks.echoed("target ").as_deref(), Some("/chunks"));
    let until_close = get(house.address(), "/until-close", "").await;
    assert_eq!(until_close.echoed("target ").as_deref(), Some("/until-close"));
    assert_eq!(get(house.address(), "/big", "").await.body.len(), 1 << 20);
    let old = ask(house.address(), "GET /chunks HTTP/1.0\r\nHost: a\r\n\r\n").await;
    assert_eq!(
        (old.header("transfer-encoding"), old.echoed("target ").as_deref()),
        (None, Some("/chunks"))
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_unknown_length_streams_in_chunks_if_the_route_says_so_or_it_is_large() {
    let (house, origin) = house().await;
    let service = house.service(&origin, json!({})).await;
    house
        .route("/unbuffered", Some(service), json!({"request_buffering": false}))
        .await;
    let whole = "POST /unbuffered HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    let whole = ask(house.address(), whole).await;
    assert!(whole.text().contains("Content-Length: 11"), "{}", whole.text());
    let mut wire = Wire::dial(house.address()).await;
    let head = "POST /unbuffered HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    wire.send(head.as_bytes()).await;
    until("the request under way", async || origin.hits() == 2).await;
    wire.send(b"0\r\n\r\n").await;
    assert!(wire.answer().await.text().contains("Transfer-Encoding: chunked"));
    let mut wire = Wire::dial(house.address()).await;
    wire.send(b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    for _ in 0..20 {
        wire.send(format!("10000\r\n{}\r\n", "z".repeat(0x10000)).as_bytes())
            .await;
    }
    wire.send(b"0\r\n\r\n").await;
    let answer = wire.answer().await;
    assert!(answer.text().contains("Transfer-Encoding: chunked"));
    assert_eq!(answer.text().matches('z').count(), 20 * 0x10000);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_stream_up() {
    let (house, _origin) = house().await;
    let mut wire = Wire::dial(house.address()).await;
    let body = vec![b'y'; 3 << 20];
    wire.send(
        format!(
            "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .as_bytes(),
    )
    .await;
    wire.send(&body).await;
    let answer = wire.answer().await;
    assert_eq!(answer.echoed("body ").map(|b| b.len()), Some(body.len()));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_for_continue_is_told_to() {
    let (house, _origin) = house().await;
    let mut wire = Wire::dial(house.address()).await;
    wire.send(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        .await;
    assert_eq!(wire.answer_interim().await, 100);
    wire.send(b"hello").await;
    let answer = wire.answer().await;
    assert_eq!(answer.echoed("body ").as_deref(), Some("hello"));
    assert!(!answer.text().to_lowercase().contains("expect:"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_above_the_limit_is_refused() {
    let limited = GatewayOptions {
        client_max_body_size_bytes: 10,
        ..options()
    };
    let (house, origin) = (House::build(limited, Vec::new()).await, Origin::start("a").await);
    house.path_to("/", &origin, json!({})).await;
    let declared = ask(
        house.address(),
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
    )
    .await;
    assert_eq!(
        (declared.status, declared.header("connection")),
        (413, Some("close"))
    );
    assert_eq!(origin.hits(), 0);
    let chunked = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    assert_eq!(ask(house.address(), chunked).await.status, 413);
    let fitting = ask(
        house.address(),
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello worl",
    )
    .await;
    assert_eq!(fitting.status, 200);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_answer_is_heard() {
    let (house, _origin) = house().await;
    let mut wire = Wire::dial(house.address()).await;
    wire.send(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nfirst")
        .await;
    let answer = wire.answer().await;
    assert_eq!((answer.status, answer.text().as_str()), (413, "early"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn interim_responses_are_not_taken_for_the_answer() {
    let (house, _origin) = house().await;
    assert_eq!(
        get(house.address(), "/hints", "")
            .await
            .echoed("target ")
            .as_deref(),
        Some("/hints")
    );
    house.close().await;
}
