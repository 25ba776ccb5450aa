//! Two clerks with the same image: one slip is carried out, the other is refused, and planning again finds out why.

use crate::desk::{Desk, id, object, reference};
use serde_json::{Value, json};
use troop_catalog::{Planned, Problem, Selector};
use troop_txn::Outcome;

/// Plans both on one image and carries out the first; the second must be refused, and give this when planned again.
#[track_caller]
fn check(
    desk: &Desk,
    first: impl Fn(&Desk) -> Result<Planned, Problem>,
    second: impl Fn(&Desk) -> Result<Planned, Problem>,
    again: Result<(), u16>,
) {
    let (one, two) = (first(desk).unwrap(), second(desk).unwrap());
    assert!(matches!(desk.apply(one), Outcome::Applied(_)));
    assert!(matches!(desk.apply(two), Outcome::Refused { .. }));
    match second(desk) {
        Ok(plan) => {
            assert_eq!(again, Ok(()));
            assert!(matches!(desk.apply(plan), Outcome::Applied(_)));
        }
        Err(problem) => assert_eq!(again, Err(problem.code()), "{problem}"),
    }
}

fn insert(entity: &'static str, body: Value) -> impl Fn(&Desk) -> Result<Planned, Problem> {
    move |desk| desk.plan(|view, stamp| desk.catalog.insert(view, entity, object(body.clone()), stamp))
}

fn update(
    entity: &'static str,
    key: &'static str,
    body: Value,
) -> impl Fn(&Desk) -> Result<Planned, Problem> {
    move |desk| {
        let selector = desk.catalog.selector(entity, key)?;
        desk.plan(|view, stamp| {
            desk.catalog
                .update(view, entity, &selector, object(body.clone()), stamp)
        })
    }
}

fn delete(entity: &'static str, n: u32) -> impl Fn(&Desk) -> Result<Planned, Problem> {
    move |desk| {
        let selector = Selector::Id(id(n).parse().unwrap());
        let plan = desk.plan(|view, stamp| desk.catalog.delete(view, entity, &selector, stamp.now_ms()));
        Ok(plan?.unwrap())
    }
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.insert("services", json!({"host": "h", "name": "s", "id": id(1)}))
        .unwrap();
    desk.insert("consumers", json!({"username": "bob", "id": id(2)}))
        .unwrap();
    desk
}

fn route() -> Value {
    json!({"paths": ["/"], "service": reference(&id(1))})
}

fn credential() -> Value {
    json!({"consumer": reference(&id(2))})
}

#[test]
fn of_two_that_claim_a_name_one_gets_it() {
    let claim = || insert("services", json!({"host": "h", "name": "new"}));
    check(&desk(), claim(), claim(), Err(5));
}

#[test]
fn of_two_that_claim_an_id_one_gets_it() {
    let claim = || insert("services", json!({"host": "h", "id": id(7)}));
    check(&desk(), claim(), claim(), Err(3));
}

#[test]
fn no_change_is_lost() {
    let desk = desk();
    let port = update("services", "s", json!({"port": 81}));
    let retries = update("services", "s", json!({"retries": 1}));
    check(&desk, port, retries, Ok(()));
    let service = desk.find("services", "s").unwrap();
    assert_eq!((&service["port"], &service["retries"]), (&json!(81), &json!(1)));
}

#[test]
fn a_service_is_kept_by_a_route_that_came_meanwhile() {
    check(&desk(), insert("routes", route()), delete("services", 1), Err(4));
}

#[test]
fn a_route_does_not_come_to_a_service_that_went_meanwhile() {
    check(&desk(), delete("services", 1), insert("routes", route()), Err(4));
}

#[test]
fn a_credential_that_came_meanwhile_goes_along() {
    let desk = desk();
    check(
        &desk,
        insert("keyauth_credentials", credential()),
        delete("consumers", 2),
        Ok(()),
    );
    assert_eq!(desk.count("keyauth_credentials"), 0);
}

#[test]
fn a_child_that_changed_meanwhile_leaves_no_card_behind() {
    let desk = desk();
    let body = json!({"consumer": reference(&id(2)), "key": "k"});
    desk.insert("keyauth_credentials", body).unwrap();
    let rename = update("keyauth_credentials", "k", json!({"key": "l"}));
    check(&desk, rename, delete("consumers", 2), Ok(()));
    desk.insert("consumers", json!({"username": "bob", "id": id(2)}))
        .unwrap();
    for key in ["k", "l"] {
        let body = json!({"consumer": reference(&id(2)), "key": key});
        desk.insert("keyauth_credentials", body).unwrap();
    }
}
