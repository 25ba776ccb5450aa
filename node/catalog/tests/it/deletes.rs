//! Deleting: what is held back, what goes along.

use crate::desk::{Desk, id, problem, reference};
use serde_json::{Value, json};
use troop_txn::{EventBody, Operation, Revision, Store};

#[test]
fn delete_of_a_service_is_refused_while_a_route_uses_it() {
    let desk = Desk::new();
    desk.insert("services", json!({"host": "h", "name": "s"}))
        .unwrap();
    desk.insert(
        "routes",
        json!({"paths": ["/"], "name": "r", "service": {"name": "s"}}),
    )
    .unwrap();
    assert_eq!(
        problem(desk.delete("services", "s")),
        json!({
            "code": 4, "name": "foreign key violation", "fields": {"@referenced_by": "routes"},
            "message": "an existing 'routes' entity references this 'services' entity"
        })
    );
    desk.update("routes", "r", json!({"service": null})).unwrap();
    assert!(desk.delete("services", "s").unwrap());
    assert!(!desk.delete("services", "s").unwrap());
}

#[test]
fn a_consumer_takes_its_credentials_and_plugins_along() {
    let desk = Desk::new();
    desk.insert("consumers", json!({"username": "bob", "id": id(1)}))
        .unwrap();
    desk.insert("consumers", json!({"username": "al", "id": id(2)}))
        .unwrap();
    let credential = |n: u32, key: &str| json!({"consumer": reference(&id(n)), "key": key});
    for key in ["a", "b"] {
        desk.insert("keyauth_credentials", credential(1, key)).unwrap();
    }
    desk.insert("keyauth_credentials", credential(2, "c")).unwrap();
    desk.insert("plugins", json!({"name": "cors", "consumer": reference(&id(1))}))
        .unwrap();
    let before = *desk.store.applied().borrow();
    assert!(desk.delete("consumers", "bob").unwrap());
    assert_eq!((desk.count("keyauth_credentials"), desk.count("plugins")), (1, 0));
    assert_eq!(
        deleted(&desk, before),
        [
            "consumers",
            "plugins",
            "keyauth_credentials",
            "keyauth_credentials"
        ]
    );
    desk.insert("keyauth_credentials", credential(2, "a")).unwrap();
}

fn deleted(desk: &Desk, after: Revision) -> Vec<String> {
    let page = desk.store.events(after, 100).unwrap();
    page.events
        .into_iter()
        .filter_map(|event| match event.body {
            EventBody::Crud {
                schema,
                operation: Operation::Delete,
                ..
            } => Some(schema),
            _ => None,
        })
        .collect()
}

#[test]
fn a_plugin_of_two_that_go_goes_once() {
    let desk = Desk::new();
    desk.insert("services", json!({"host": "h", "name": "s", "id": id(1)}))
        .unwrap();
    desk.insert("consumers", json!({"username": "bob", "id": id(2)}))
        .unwrap();
    let plugin = json!({"name": "cors", "service": reference(&id(1)), "consumer": reference(&id(2))});
    desk.insert("plugins", plugin.clone()).unwrap();
    desk.delete("consumers", "bob").unwrap();
    assert_eq!(desk.count("plugins"), 0);
    let again: Value = json!({"name": "cors", "service": reference(&id(1))});
    desk.insert("plugins", again).unwrap();
    desk.delete("services", "s").unwrap();
    assert_eq!(desk.count("plugins"), 0);
}
