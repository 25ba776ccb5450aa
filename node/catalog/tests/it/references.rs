//! Parents: by id, by name, missing; children that belong to one.

use crate::desk::{Desk, id, object, problem, reference};
use serde_json::json;
use troop_catalog::{Parent, Selector};

#[test]
fn a_parent_may_be_named() {
    let desk = Desk::new();
    let service = desk
        .insert("services", json!({"host": "h", "name": "s"}))
        .unwrap();
    let route = desk
        .insert("routes", json!({"paths": ["/"], "service": {"name": "s"}}))
        .unwrap();
    assert_eq!(route["service"], json!({"id": service["id"]}));
}

#[test]
fn names_that_find_nothing_are_told_together_and_first() {
    let desk = Desk::new();
    let body = json!({"name": "cors", "bogus": 1, "service": {"name": "x"}, "route": {"name": "y"}});
    let text = |name: &str, entity: &str| {
        format!(
            "the foreign key cannot be resolved with '{{name=\"{name}\"}}' for an existing '{entity}' entity"
        )
    };
    let (route, service) = (text("y", "routes"), text("x", "services"));
    assert_eq!(
        problem(desk.insert("plugins", body)),
        json!({
            "code": 13, "name": "foreign keys unresolved",
            "fields": {"route": {"name": route}, "service": {"name": service}},
            "message": format!("2 foreign keys unresolved (route.name: {route}; service.name: {service})")
        })
    );
    let one = problem(desk.insert("routes", json!({"paths": ["/"], "service": {"name": "x"}})));
    assert_eq!(
        one["message"],
        format!("foreign key unresolved (service.name: {service})")
    );
}

#[test]
fn an_unknown_id_is_a_foreign_key_violation() {
    let desk = Desk::new();
    let body = json!({"paths": ["/"], "name": "r", "service": reference(&id(1))});
    let answer = json!({
        "code": 4, "name": "foreign key violation", "fields": {"service": {"id": id(1)}},
        "message": format!("the foreign key '{{id=\"{}\"}}' does not reference an existing 'services' entity.", id(1))
    });
    assert_eq!(problem(desk.insert("routes", body)), answer);
    desk.insert("routes", json!({"paths": ["/"], "name": "r"}))
        .unwrap();
    assert_eq!(
        problem(desk.update("routes", "r", json!({"service": reference(&id(1))}))),
        answer
    );
}

#[test]
fn an_entity_whose_table_comes_later_has_no_records() {
    let desk = Desk::new();
    let body = json!({"host": "h", "protocol": "https", "client_certificate": reference(&id(1))});
    let answer = problem(desk.insert("services", body));
    assert_eq!(
        answer["message"],
        format!(
            "the foreign key '{{id=\"{}\"}}' does not reference an existing 'certificates' entity.",
            id(1)
        )
    );
}

#[test]
fn ids_are_stored_in_small_letters() {
    let desk = Desk::new();
    let upper = "ABCDEF01-1111-4111-8111-111111111111";
    desk.insert("services", json!({"host": "h", "id": upper}))
        .unwrap();
    let route = desk.insert(
        "routes",
        json!({"paths": ["/"], "service": {"id": upper, "name": "x"}}),
    );
    assert_eq!(route.unwrap()["service"], json!({"id": upper.to_lowercase()}));
}

#[test]
fn a_child_is_found_below_its_parent_only() {
    let desk = Desk::new();
    for (name, n) in [("u", 1), ("v", 2)] {
        desk.insert("upstreams", json!({"name": name, "id": id(n)}))
            .unwrap();
    }
    let target = json!({"upstream": reference(&id(1)), "target": "t.test:81"});
    let target = desk.insert("targets", target).unwrap();
    let find = |key: &str, parent: u32| {
        let selector = desk.catalog.selector("targets", key).unwrap();
        let parent = Parent {
            field: "upstream",
            id: id(parent).parse().unwrap(),
        };
        desk.plan(|view, stamp| {
            desk.catalog
                .find_child(view, "targets", &selector, parent, stamp.now_ms())
        })
        .unwrap()
        .map(|found| found.record)
    };
    let by_id = target["id"].as_str().unwrap();
    assert_eq!(find("t.test:81", 1).as_ref(), Some(&target));
    assert_eq!(find(by_id, 1).as_ref(), Some(&target));
    assert_eq!(find("t.test:81", 2), None);
    assert_eq!(find(by_id, 2), None);
    assert_eq!(find("t.test", 1), None);
}

#[test]
fn a_credential_leads_to_its_consumer_in_point_reads() {
    let desk = Desk::new();
    let consumer = desk.insert("consumers", json!({"username": "bob"})).unwrap();
    let body = json!({"consumer": {"username": "bob"}, "key": "k"});
    desk.insert("keyauth_credentials", body).unwrap();
    let by_key = Selector::Unique {
        field: "key",
        value: "k".into(),
    };
    let credential = desk.find_by("keyauth_credentials", &by_key).unwrap();
    let parent = credential["consumer"]["id"].as_str().unwrap();
    assert_eq!(desk.find("consumers", parent), Some(consumer));
}

#[test]
fn a_parent_is_created_for_a_child_that_has_none() {
    let desk = Desk::new();
    desk.insert("routes", json!({"paths": ["/"], "name": "r"}))
        .unwrap();
    let created = desk
        .upsert_parent("routes", "r", "service", json!({"host": "x.test", "name": "s"}))
        .unwrap();
    let route = desk.find("routes", "r").unwrap();
    assert_eq!(route["service"], json!({"id": created["id"]}));
    let replaced = desk
        .upsert_parent("routes", "r", "service", json!({"host": "y.test"}))
        .unwrap();
    assert_eq!(
        (&replaced["id"], &replaced["name"]),
        (&created["id"], &json!(null))
    );
    assert_eq!(
        desk.upsert_parent("routes", "none", "service", json!({"host": "y"})),
        None
    );
}

#[test]
fn a_body_is_left_alone_when_it_is_no_reference() {
    let desk = Desk::new();
    let answer = problem(desk.insert("routes", json!({"paths": ["/"], "service": "x"})));
    assert_eq!(
        answer["fields"],
        json!({"service": {"id": "missing primary key"}})
    );
    let bad = object(json!({"paths": ["/"], "service": {"name": "a b"}}));
    let answer = problem(desk.insert("routes", bad.into()));
    assert_eq!(answer["code"], 2);
}
