//! Upstreams, tries, names.
//!
//! Who answered how often is counted by the origins' names; `health.rs`, `probing.rs` and `belonging.rs` count the same way.

use crate::{
    house::House,
    origin::Origin,
    wire::{get, until},
};
use serde_json::json;
use std::collections::BTreeMap;

/// A port that nobody listens on.
pub async fn dead() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    listener.local_addr().expect("an address").to_string()
}

/// Who answered how often, or with which status nobody did.
pub async fn tally(house: &House, target: &str, times: usize) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for _ in 0..times {
        let answer = get(house.address(), target, "").await;
        let who = answer
            .echoed("origin ")
            .unwrap_or_else(|| answer.status.to_string());
        *tally.entry(who).or_default() += 1;
    }
    tally
}

/// What [`tally`] should have found.
pub fn seen(pairs: &[(&str, usize)]) -> BTreeMap<String, usize> {
    pairs
        .iter()
        .map(|(name, count)| (name.to_string(), *count))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_shared_out_by_weight() {
    let (house, a, b) = (
        House::plain().await,
        Origin::start("a").await,
        Origin::start("b").await,
    );
    let upstream = house.insert("upstreams", json!({"name": "u"})).await;
    let target = |origin: &Origin, weight: u32| json!({"upstream": {"id": upstream}, "target": origin.address.to_string(), "weight": weight});
    house.insert("targets", target(&a, 100)).await;
    let second = house.insert("targets", target(&b, 300)).await;
    let service = house.insert("services", json!({"host": "u", "port": 1})).await;
    house.route("/x", Some(service), json!({})).await;
    assert_eq!(tally(&house, "/x", 40).await, seen(&[("a", 10), ("b", 30)]));
    house.update("targets", second, json!({"weight": 0})).await;
    assert_eq!(tally(&house, "/x", 10).await, seen(&[("a", 10)]));
    let facts = house.gateway.gauges().upstream_facts(upstream).expect("facts");
    let weights: Vec<u32> = facts.targets.iter().map(|t| t.weight).collect();
    assert_eq!(weights.iter().sum::<u32>(), 100);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_target_is_passed_over_by_another_try() {
    let (house, a) = (House::plain().await, Origin::start("a").await);
    let upstream = house.insert("upstreams", json!({"name": "u"})).await;
    for target in [a.address.to_string(), dead().await] {
        house
            .insert("targets", json!({"upstream": {"id": upstream}, "target": target}))
            .await;
    }
    let service = house.insert("services", json!({"host": "u"})).await;
    house.route("/x", Some(service), json!({})).await;
    assert_eq!(tally(&house, "/x", 20).await, seen(&[("a", 20)]));
    assert!(house.gateway.gauges().counters().retries_total > 0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_without_anybody_is_503() {
    let house = House::plain().await;
    house.insert("upstreams", json!({"name": "u"})).await;
    let service = house.insert("services", json!({"host": "u"})).await;
    house.route("/x", Some(service), json!({})).await;
    let answer = get(house.address(), "/x", "").await;
    assert_eq!(answer.status, 503);
    assert!(
        answer
            .text()
            .contains("failure to get a peer from the ring-balancer")
    );
    assert!(answer.header("x-kong-response-latency").is_some() && answer.header("via").is_none());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_resolved_and_an_upstream_of_that_name_comes_first() {
    let (house, a, b) = (
        House::plain().await,
        Origin::start("a").await,
        Origin::start("b").await,
    );
    let service = house.service(&a, json!({"host": "localhost"})).await;
    house.route("/x", Some(service), json!({})).await;
    assert_eq!(tally(&house, "/x", 3).await, seen(&[("a", 3)]));
    let upstream = house.insert("upstreams", json!({"name": "localhost"})).await;
    let target = json!({"upstream": {"id": upstream}, "target": format!("localhost:{}", b.address.port())});
    house.insert("targets", target).await;
    assert_eq!(tally(&house, "/x", 3).await, seen(&[("b", 3)]));
    until("the target's address", async || {
        house
            .gateway
            .gauges()
            .upstream_facts(upstream)
            .is_some_and(|f| !f.targets[0].addresses.is_empty())
    })
    .await;
    house.delete("upstreams", upstream).await;
    assert_eq!(tally(&house, "/x", 3).await, seen(&[("a", 3)]));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_without_address_is_503() {
    let house = House::plain().await;
    let service = house
        .insert("services", json!({"host": "does-not-exist.invalid"}))
        .await;
    house.route("/x", Some(service), json!({})).await;
    let answer = get(house.address(), "/x", "").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("name resolution failed"));
    house.close().await;
}
