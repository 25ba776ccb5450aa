//! What responses cost, and who has nothing left.

use crate::{
    Courier, Tally,
    response_ratelimiting::ResponseRateLimiting,
    stage::{Played, Stage, configured},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Instant};
use troop_plugin_api::Handler;

fn limiter(changes: Value) -> Arc<dyn Handler> {
    let mut config = json!({"limits": {"v": {"year": 2}, "w": {"year": 9}}, "limit_by": "ip"});
    config
        .as_object_mut()
        .expect("an object")
        .extend(changes.as_object().cloned().expect("an object"));
    configured(&ResponseRateLimiting::default(), config)
}

/// Two nodes' plugins, and what carries counts from the first to the second.
fn neighbours() -> ([Arc<dyn Handler>; 2], Arc<Tally>, Courier) {
    let tallies = [1, 2].map(|node| Arc::new(Tally::new(node, 77)));
    let config = json!({"limits": {"v": {"year": 2}}, "limit_by": "ip", "policy": "cluster"});
    let limiters = tallies
        .each_ref()
        .map(|tally| configured(&ResponseRateLimiting::with(tally), config.clone()));
    let [first, second] = tallies;
    (limiters, second, Courier::new(first))
}

fn play(limiter: &dyn Handler, cost: &'static str) -> Played {
    let stage = Stage {
        target: "/x",
        response: vec![("x-kong-limit", cost)],
        ..Stage::default()
    };
    stage.play(limiter)
}

fn check(played: &Played, name: &str, expected: Option<&str>) {
    let said = played.echoed.iter().find(|(own, _)| own == name);
    assert_eq!(said.map(|(_, value)| value.as_str()), expected, "{name}");
}

#[test]
fn what_the_peer_names_is_counted_when_it_is_over() {
    let limiter = limiter(json!({}));
    let played = play(&*limiter, "v=2, w=1, unknown=5");
    check(&played, "x-ratelimit-limit-v-year", Some("2"));
    check(&played, "x-ratelimit-remaining-v", Some("2"));
    check(&played, "x-ratelimit-remaining-v-year", Some("0"));
    check(&played, "x-ratelimit-remaining-w-year", Some("8"));
    let played = play(&*limiter, "w=x");
    check(&played, "x-ratelimit-remaining-v", Some("0"));
    check(&played, "x-ratelimit-remaining-w-year", Some("8"));
    assert_eq!(played.status, 200);
}

#[test]
fn who_has_nothing_left_gets_an_empty_answer_and_is_not_counted() {
    let limiter = limiter(json!({}));
    play(&*limiter, "v=2");
    let played = play(&*limiter, "v=1, w=1");
    assert_eq!(played.status, 429);
    check(&play(&*limiter, ""), "x-ratelimit-remaining-w-year", Some("9"));
}

#[test]
fn who_has_nothing_left_can_be_refused_beforehand() {
    let limiter = limiter(json!({"block_on_first_violation": true}));
    assert_eq!(play(&*limiter, "v=2").refused(), None);
    let refused = play(&*limiter, "").refused();
    assert_eq!(refused, Some((429, "API rate limit exceeded for 'v'".to_owned())));
}

#[test]
fn hidden_from_clients_is_all_but_what_is_left() {
    let played = play(&*limiter(json!({"hide_client_headers": true})), "v=1");
    check(&played, "x-ratelimit-remaining-v", Some("2"));
    check(&played, "x-ratelimit-limit-v-year", None);
    check(&played, "x-ratelimit-remaining-v-year", None);
}

#[test]
fn what_one_node_counted_is_held_against_the_limit_on_the_next() {
    let ([here, there], other, mut courier) = neighbours();
    play(&*here, "v=2");
    check(&play(&*there, ""), "x-ratelimit-remaining-v", Some("2"));
    courier.round(&[2], Instant::now());
    let sheet = courier.sheet_for(2, 0, Instant::now()).expect("news");
    assert!(other.take_in(&sheet, 0).is_some());
    check(&play(&*there, ""), "x-ratelimit-remaining-v", Some("0"));
}
