//! Keys that are valid for a while.

use crate::desk::{Desk, id, problem, reference};
use serde_json::{Value, json};
use troop_catalog::decode;
use troop_txn::{EventBody, Revision, Store};

fn desk() -> Desk {
    let desk = Desk::new();
    desk.insert("consumers", json!({"username": "bob", "id": id(1)}))
        .unwrap();
    desk
}

fn key(key: &str, ttl: Value) -> Value {
    json!({"consumer": reference(&id(1)), "key": key, "ttl": ttl})
}

fn pass(desk: &Desk, ms: u64) {
    desk.now_ms.set(desk.now_ms.get() + ms);
}

#[test]
fn a_reader_sees_the_seconds_left() {
    let desk = desk();
    let credential = desk.insert("keyauth_credentials", key("k", json!(1000))).unwrap();
    assert_eq!(credential["ttl"], 1000);
    pass(&desk, 1500);
    assert_eq!(desk.find("keyauth_credentials", "k").unwrap()["ttl"], 998);
    let forever = desk.insert("keyauth_credentials", key("l", json!(0))).unwrap();
    assert_eq!(forever["ttl"], json!(null));
}

#[test]
fn a_bad_ttl_is_an_invalid_option() {
    let desk = desk();
    for bad in [json!(-1), json!(100_000_001), json!(1.5), json!("x")] {
        assert_eq!(
            problem(desk.insert("keyauth_credentials", key("k", bad))),
            json!({
                "code": 11, "name": "invalid options",
                "message": "invalid option (ttl: must be an integer between 0 and 100000000)",
                "options": {"ttl": "must be an integer between 0 and 100000000"}
            })
        );
    }
    let answer = problem(desk.insert("services", json!({"host": "h", "ttl": 10})));
    assert_eq!(answer["message"], "schema violation (ttl: unknown field)");
}

#[test]
fn what_is_over_is_seen_by_nobody_and_its_value_is_free() {
    let desk = desk();
    desk.insert("keyauth_credentials", key("k", json!(1))).unwrap();
    desk.insert("keyauth_credentials", key("l", json!(null))).unwrap();
    pass(&desk, 1000);
    assert_eq!(desk.find("keyauth_credentials", "k"), None);
    assert_eq!(desk.count("keyauth_credentials"), 1);
    assert!(!desk.delete("keyauth_credentials", "k").unwrap());
    desk.insert("keyauth_credentials", key("k", json!(null))).unwrap();
    assert_eq!(desk.count("keyauth_credentials"), 2);
}

#[test]
fn a_change_keeps_the_end_and_replacing_does_not() {
    let desk = desk();
    desk.insert("keyauth_credentials", key("k", json!(1000))).unwrap();
    let changed = desk
        .update("keyauth_credentials", "k", json!({"tags": ["x"]}))
        .unwrap();
    assert_eq!(changed["ttl"], 1000);
    let changed = desk
        .update("keyauth_credentials", "k", json!({"ttl": 5}))
        .unwrap();
    assert_eq!(changed["ttl"], 5);
    let body = json!({"consumer": reference(&id(1))});
    let replaced = desk.upsert("keyauth_credentials", "k", body).unwrap();
    assert_eq!(replaced["ttl"], json!(null));
}

#[test]
fn what_is_over_is_removed_in_one_go() {
    let desk = desk();
    for n in 0..3 {
        desk.insert("keyauth_credentials", key(&format!("k{n}"), json!(1)))
            .unwrap();
    }
    desk.insert("keyauth_credentials", key("later", json!(60)))
        .unwrap();
    let expired = || desk.plan(|view, stamp| desk.catalog.delete_expired(view, stamp.now_ms()).unwrap());
    assert!(expired().is_none());
    pass(&desk, 1000);
    let plan = expired().unwrap();
    assert_eq!(plan.guards.len(), 3);
    desk.apply(plan);
    assert!(expired().is_none());
    assert_eq!(desk.count("keyauth_credentials"), 1);
}

#[test]
fn an_event_carries_the_moment_of_the_end() {
    let desk = desk();
    desk.insert("keyauth_credentials", key("k", json!(10))).unwrap();
    let events = desk.store.events(Revision::ZERO, 100).unwrap().events;
    let Some(EventBody::Crud {
        entity: Some(bytes), ..
    }) = events.last().map(|event| &event.body)
    else {
        panic!("the last event is the credential");
    };
    assert_eq!(
        decode(bytes).unwrap()["expires_at_ms"],
        desk.now_ms.get() + 10_000
    );
}
