//! Change sets: right as a whole, whatever the order of their lines, or refused.

use crate::desk::{Desk, id, object, reference};
use serde_json::{Value, json};
use troop_catalog::{Bulk, Problem};
use troop_schema::{Record, Registry, Stamp};
use troop_txn::{Outcome, RequestId, Txn, read};

/// A line: entity, number of the id, what it becomes.
type Line = (&'static str, u32, Option<Value>);

fn complete(registry: &Registry, entity: &str, n: u32, body: Value) -> Record {
    let entity = registry.entity(entity).unwrap();
    let mut body = object(body);
    body.insert("id".to_owned(), id(n).into());
    let ttl = body.remove("ttl");
    let mut random = || [7; 16];
    let mut stamp = Stamp::new(1_700_000_000_000, &mut random);
    let drafted = registry.draft(entity, body, &mut stamp).unwrap();
    let mut record = registry.judged(entity, drafted, false).unwrap();
    record.extend(ttl.map(|ttl| ("ttl".to_owned(), ttl)));
    record
}

fn carry_out(desk: &Desk, lines: Vec<Line>) -> Result<(), Problem> {
    let registry = desk.catalog.registry();
    let ops = read(&desk.store, |view| {
        let mut bulk = Bulk::new(desk.now_ms.get());
        for (entity, n, after) in lines {
            let after = after.map(|body| complete(registry, entity, n, body));
            bulk.add(&desk.catalog, view, entity, id(n).parse().unwrap(), after)?;
        }
        bulk.finish(&desk.catalog, view)
    })?;
    let txn = Txn {
        request: RequestId {
            client: 2,
            sequence: rand_sequence(desk),
        },
        guards: Vec::new(),
        ops,
        ensures: Vec::new(),
        stamped_at_ms: 0,
        actor: "test".into(),
    };
    assert!(matches!(desk.store.apply(&txn).unwrap(), Outcome::Applied(_)));
    Ok(())
}

/// One more than the revision: never used before.
fn rand_sequence(desk: &Desk) -> u64 {
    read(&desk.store, |view| view.revision().get()) + 1
}

fn service(name: &str) -> Option<Value> {
    Some(json!({"host": "h", "name": name}))
}

fn route(name: &str, service: u32) -> Option<Value> {
    Some(json!({"paths": ["/"], "name": name, "service": reference(&id(service))}))
}

#[track_caller]
fn refused(desk: &Desk, lines: Vec<Line>, code: u16) {
    let problem = carry_out(desk, lines).unwrap_err();
    assert_eq!(problem.code(), code, "{problem}");
}

#[test]
fn children_may_come_before_their_parents() {
    let desk = Desk::new();
    carry_out(
        &desk,
        vec![("routes", 2, route("r", 1)), ("services", 1, service("s"))],
    )
    .unwrap();
    assert_eq!(desk.find("routes", "r").unwrap()["service"], reference(&id(1)));
}

#[test]
fn names_can_be_swapped() {
    let desk = Desk::new();
    carry_out(
        &desk,
        vec![("services", 1, service("a")), ("services", 2, service("b"))],
    )
    .unwrap();
    carry_out(
        &desk,
        vec![("services", 1, service("b")), ("services", 2, service("a"))],
    )
    .unwrap();
    assert_eq!(desk.find("services", "a").unwrap()["id"], id(2));
    assert_eq!(desk.find("services", "b").unwrap()["id"], id(1));
}

#[test]
fn a_name_goes_from_one_that_goes_to_one_that_comes_in_either_order() {
    let desk = Desk::new();
    carry_out(&desk, vec![("services", 1, service("a"))]).unwrap();
    carry_out(&desk, vec![("services", 2, service("a")), ("services", 1, None)]).unwrap();
    assert_eq!(desk.find("services", "a").unwrap()["id"], id(2));
    carry_out(&desk, vec![("services", 2, None), ("services", 3, service("a"))]).unwrap();
    assert_eq!(desk.find("services", "a").unwrap()["id"], id(3));
    assert_eq!(desk.count("services"), 1);
}

#[test]
fn a_value_that_is_taken_is_refused() {
    let desk = Desk::new();
    carry_out(&desk, vec![("services", 1, service("a"))]).unwrap();
    refused(&desk, vec![("services", 2, service("a"))], 5);
    refused(
        &desk,
        vec![("services", 2, service("b")), ("services", 3, service("b"))],
        5,
    );
}

#[test]
fn a_parent_that_is_missing_or_goes_is_refused() {
    let desk = Desk::new();
    refused(&desk, vec![("routes", 2, route("r", 1))], 4);
    carry_out(&desk, vec![("services", 1, service("a"))]).unwrap();
    refused(
        &desk,
        vec![("routes", 2, route("r", 1)), ("services", 1, None)],
        4,
    );
}

#[test]
fn a_child_that_is_left_behind_is_refused_and_one_that_moves_is_not() {
    let desk = Desk::new();
    carry_out(
        &desk,
        vec![
            ("services", 1, service("a")),
            ("services", 2, service("b")),
            ("routes", 3, route("r", 1)),
        ],
    )
    .unwrap();
    refused(&desk, vec![("services", 1, None)], 4);
    carry_out(&desk, vec![("services", 1, None), ("routes", 3, route("r", 2))]).unwrap();
    carry_out(&desk, vec![("services", 2, None), ("routes", 3, None)]).unwrap();
    assert_eq!((desk.count("services"), desk.count("routes")), (0, 0));
}

#[test]
fn a_record_that_is_over_is_out_of_the_way() {
    let desk = Desk::new();
    let key = |n: u32, ttl: Value| Some(json!({"key": "k", "consumer": reference(&id(n)), "ttl": ttl}));
    let consumer = |name: &str| Some(json!({"username": name}));
    carry_out(
        &desk,
        vec![
            ("consumers", 1, consumer("a")),
            ("keyauth_credentials", 2, key(1, json!(5))),
        ],
    )
    .unwrap();
    refused(&desk, vec![("keyauth_credentials", 3, key(1, json!(null)))], 5);
    desk.now_ms.set(desk.now_ms.get() + 6_000);
    carry_out(
        &desk,
        vec![
            ("consumers", 4, consumer("b")),
            ("keyauth_credentials", 3, key(4, json!(null))),
            ("consumers", 1, None),
        ],
    )
    .unwrap();
    assert_eq!(
        (desk.count("consumers"), desk.count("keyauth_credentials")),
        (1, 1)
    );
}

#[test]
fn all_records_come_plain_and_those_that_are_over_do_not_come() {
    let desk = Desk::new();
    carry_out(&desk, vec![("consumers", 1, Some(json!({"username": "a"})))]).unwrap();
    let key = |key: &str, ttl: Value| json!({"key": key, "consumer": reference(&id(1)), "ttl": ttl});
    carry_out(
        &desk,
        vec![
            ("keyauth_credentials", 2, Some(key("x", json!(5)))),
            ("keyauth_credentials", 3, Some(key("y", json!(50)))),
            ("keyauth_credentials", 4, Some(key("z", json!(null)))),
        ],
    )
    .unwrap();
    desk.now_ms.set(desk.now_ms.get() + 6_000);
    let mut seen = Vec::new();
    desk.plan(|view, stamp| {
        desk.catalog
            .each(view, "keyauth_credentials", stamp.now_ms(), &mut |_, record| {
                seen.push((record["key"].clone(), record.get("ttl").cloned()));
                Ok(())
            })
    })
    .unwrap();
    assert_eq!(seen, [(json!("y"), Some(json!(44))), (json!("z"), None)]);
}
