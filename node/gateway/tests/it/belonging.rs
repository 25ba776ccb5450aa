//! Requests that belong to a peer, and peers chosen by what they have to do.

use crate::{
    balancing::{seen, tally},
    house::House,
    origin::Origin,
    wire::{Wire, get, until},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn three(upstream: Value) -> (House, [Origin; 3], uuid::Uuid) {
    let house = House::plain().await;
    let origins = [
        Origin::start("a").await,
        Origin::start("b").await,
        Origin::start("c").await,
    ];
    let targets: Vec<String> = origins.iter().map(|o| o.address.to_string()).collect();
    let upstream = house.upstream(&targets, upstream).await;
    (house, origins, upstream)
}

async fn who(house: &House, target: &str, headers: &str) -> String {
    let answer = get(house.address(), target, headers).await;
    answer.echoed("origin ").expect("an origin's answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_with_one_key_find_one_peer_and_all_keys_find_all() {
    let hash = json!({"hash_on": "header", "hash_on_header": "x-user"});
    let (house, _origins, _) = three(hash).await;
    let mut all = BTreeSet::new();
    for user in 0..40 {
        let header = format!("X-User: u{user}\r\n");
        let first = who(&house, "/x", &header).await;
        assert_eq!(who(&house, "/x", &header).await, first);
        all.insert(first);
    }
    assert_eq!(all.len(), 3);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_known_again_by_its_cookie() {
    let hash = json!({"hash_on": "cookie", "hash_on_cookie": "sid", "hash_on_cookie_path": "/x"});
    let (house, _origins, _) = three(hash).await;
    for _ in 0..5 {
        let first = get(house.address(), "/x", "").await;
        let cookie = first.header("set-cookie").expect("a cookie").to_owned();
        assert!(cookie.ends_with("; Path=/x; Same-Site=Lax; HttpOnly"), "{cookie}");
        let pair = cookie.split(';').next().expect("a pair");
        let second = get(house.address(), "/x", &format!("Cookie: {pair}\r\n")).await;
        assert_eq!(second.echoed("origin "), first.echoed("origin "));
        assert_eq!(second.header("set-cookie"), None);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_moves_on_when_its_peer_is_down_and_returns_with_it() {
    let more = json!({
        "hash_on": "query_arg", "hash_on_query_arg": "id",
        "healthchecks": {"passive": {"unhealthy": {"tcp_failures": 1}}},
    });
    let (house, origins, upstream) = three(more).await;
    let home = who(&house, "/x?id=7", "").await;
    let names = ["a", "b", "c"];
    let at = names.iter().position(|name| *name == home).expect("one of ours");
    let target = origins[at].address.to_string();
    house.mark(upstream, &target, None, false).await;
    assert_ne!(who(&house, "/x?id=7", "").await, home);
    house.mark(upstream, &target, None, true).await;
    assert_eq!(who(&house, "/x?id=7", "").await, home);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_busy_is_spared_under_least_connections() {
    let (house, origins, _) = three(json!({"algorithm": "least-connections"})).await;
    let mut held = Vec::new();
    for count in 1..=2 {
        let mut wire = Wire::dial(house.address()).await;
        wire.send(b"GET /x/hang HTTP/1.1\r\nHost: a\r\n\r\n").await;
        held.push(wire);
        until("the request under way", async || {
            origins.iter().map(Origin::hits).sum::<usize>() == count
        })
        .await;
    }
    let busy: Vec<usize> = origins.iter().map(Origin::hits).collect();
    assert_eq!(busy, [1, 1, 0]);
    assert_eq!(tally(&house, "/x", 6).await, seen(&[("c", 6)]));
    drop(held);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_answers_under_latency() {
    let (house, _origins, _) = three(json!({"algorithm": "latency"})).await;
    let answers = tally(&house, "/x", 20).await;
    assert_eq!(answers.values().sum::<usize>(), 20);
    assert!(
        answers
            .keys()
            .all(|name| ["a", "b", "c"].contains(&name.as_str())),
        "{answers:?}"
    );
    house.close().await;
}
