//! What clients' requests and a person's word teach the balancer.

use crate::{
    balancing::{dead, seen, tally},
    house::House,
    origin::Origin,
    wire::get,
};
use serde_json::{Value, json};

/// Two failures put a peer out, and one of the other kinds.
fn passive() -> Value {
    json!({"passive": {
        "healthy": {"successes": 1},
        "unhealthy": {"http_failures": 2, "tcp_failures": 1, "timeouts": 1},
    }})
}

async fn two() -> (House, Origin, Origin) {
    (
        House::plain().await,
        Origin::start("a").await,
        Origin::start("b").await,
    )
}

fn addresses(origins: &[&Origin]) -> Vec<String> {
    origins.iter().map(|origin| origin.address.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_that_clients_met_put_a_peer_out() {
    let (house, a, b) = two().await;
    let upstream = house
        .upstream(&addresses(&[&a, &b]), json!({"healthchecks": passive()}))
        .await;
    b.mood(500);
    assert_eq!(tally(&house, "/x", 4).await.len(), 2);
    assert_eq!(tally(&house, "/x", 10).await, seen(&[("a", 10)]));
    assert_eq!(
        house.up(upstream),
        [(a.address.port(), true), (b.address.port(), false)].into()
    );
    b.mood(0);
    house.mark(upstream, &b.address.to_string(), None, true).await;
    assert_eq!(tally(&house, "/x", 10).await, seen(&[("a", 5), ("b", 5)]));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_in_between_keeps_a_peer_in() {
    let (house, a, b) = two().await;
    let targets = addresses(&[&a, &b]);
    let upstream = house.upstream(&targets, json!({"healthchecks": passive()})).await;
    for status in [500, 0, 500, 0, 500] {
        b.mood(status);
        tally(&house, "/x", 2).await;
    }
    assert!(house.up(upstream)[&b.address.port()]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_puts_a_peer_out_without_a_client_noticing() {
    let (house, a) = (House::plain().await, Origin::start("a").await);
    let targets = [a.address.to_string(), dead().await];
    house.upstream(&targets, json!({"healthchecks": passive()})).await;
    assert_eq!(tally(&house, "/x", 10).await, seen(&[("a", 10)]));
    let retries = house.gateway.gauges().counters().retries_total;
    assert_eq!(retries, 1, "the dead peer is tried once");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_silent_for_too_long_is_put_out() {
    let (house, a, b) = two().await;
    let upstream = house
        .upstream(&addresses(&[&a, &b]), json!({"healthchecks": passive()}))
        .await;
    let service = house
        .insert(
            "services",
            json!({"host": "u", "read_timeout": 200, "retries": 0, "name": "impatient"}),
        )
        .await;
    house.route("/slow", Some(service), json!({})).await;
    let answer = get(house.address(), "/slow/hang", "").await;
    assert_eq!(answer.status, 504);
    assert_eq!(house.up(upstream).values().filter(|up| **up).count(), 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_serves_when_the_weight_that_is_up_falls_to_the_threshold() {
    let (house, a, b) = two().await;
    let c = Origin::start("c").await;
    let targets = addresses(&[&a, &b, &c]);
    let mut checks = passive();
    checks["threshold"] = json!(50);
    let upstream = house.upstream(&targets, json!({"healthchecks": checks})).await;
    house.mark(upstream, &targets[0], None, false).await;
    assert_eq!(tally(&house, "/x", 10).await, seen(&[("b", 5), ("c", 5)]));
    house.mark(upstream, &targets[1], None, false).await;
    let answer = get(house.address(), "/x", "").await;
    assert_eq!(answer.status, 503);
    assert!(
        answer
            .text()
            .contains("failure to get a peer from the ring-balancer")
    );
    let facts = house.gateway.gauges().upstream_facts(upstream).expect("facts");
    assert!(facts.checks_on && !facts.serves);
    assert_eq!((facts.capacity.total(), facts.capacity.available()), (300, 100));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_means_one_target_or_one_address_of_it() {
    let (house, a, b) = two().await;
    let targets = addresses(&[&a, &b]);
    let upstream = house.upstream(&targets, json!({"healthchecks": passive()})).await;
    let both = || house.up(upstream).into_values().filter(|up| *up).count();
    house.mark(upstream, &targets[0], Some(&targets[1]), false).await;
    assert_eq!(both(), 2, "an address of another target");
    house.mark(upstream, "nobody.test:80", None, false).await;
    assert_eq!(both(), 2, "no target");
    house.mark(upstream, &targets[0], Some(&targets[0]), false).await;
    assert_eq!(tally(&house, "/x", 4).await, seen(&[("b", 4)]));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_learnt_outlives_changes_of_the_upstream() {
    let (house, a, b) = two().await;
    let targets = addresses(&[&a, &b]);
    let upstream = house.upstream(&targets, json!({"healthchecks": passive()})).await;
    house.mark(upstream, &targets[0], None, false).await;
    let c = Origin::start("c").await;
    let newcomer = json!({"upstream": {"id": upstream}, "target": c.address.to_string()});
    house.insert("targets", newcomer).await;
    house.update("upstreams", upstream, json!({"slots": 2000})).await;
    assert_eq!(tally(&house, "/x", 10).await, seen(&[("b", 5), ("c", 5)]));
    house
        .update(
            "upstreams",
            upstream,
            json!({"healthchecks": {"passive": {"unhealthy": {
                "http_failures": 0, "tcp_failures": 0, "timeouts": 0,
            }}}}),
        )
        .await;
    assert_eq!(
        tally(&house, "/x", 9).await,
        seen(&[("a", 3), ("b", 3), ("c", 3)])
    );
    house.close().await;
}
