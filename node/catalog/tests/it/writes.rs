//! Creating, changing, replacing one record, and the obstacles.

use crate::desk::{Desk, id, problem, reference};
use serde_json::json;
use troop_catalog::{Parent, Selector};

#[test]
fn a_group_is_a_name_below_its_consumer_only() {
    let desk = Desk::new();
    for (n, name) in [(1, "bob"), (2, "al")] {
        let consumer = json!({"username": name, "id": id(n)});
        desk.insert("consumers", consumer).unwrap();
    }
    let put = |n: u32, group: &str| {
        let parent = Parent {
            field: "consumer",
            id: id(n).parse().unwrap(),
        };
        let body = json!({"consumer": reference(&id(n)), "group": "from the body"});
        desk.upsert_below("acls", group, parent, body).unwrap()
    };
    let first = put(1, "admins");
    assert_eq!(first["group"], "admins");
    assert_eq!(put(1, "admins")["id"], first["id"]);
    assert_ne!(put(2, "admins")["id"], first["id"]);
    assert_eq!(
        problem(desk.insert("acls", json!({"consumer": reference(&id(1)), "group": "admins"}))),
        json!({
            "code": 5, "name": "unique constraint violation",
            "fields": {"consumer": {"id": id(1)}, "group": "admins"},
            "message": format!("UNIQUE violation detected on '{{consumer={{id=\"{}\"}},group=\"admins\"}}'", id(1)),
        })
    );
    assert!(desk.catalog.selector("acls", "admins").is_err());
}

#[test]
fn a_password_sent_with_the_consumers_name_is_hashed_with_its_id() {
    let desk = Desk::new();
    desk.insert("consumers", json!({"username": "bob", "id": id(1)}))
        .unwrap();
    let sent = json!({"username": "u", "password": "p", "consumer": {"username": "bob"}});
    let stored = desk.insert("basicauth_credentials", sent).unwrap();
    assert_eq!(stored["password"], "d9831041b9af733dcb0d418cd0cd77e6b7c0c6c6");
    let alone = desk.update("basicauth_credentials", "u", json!({"password": "q"}));
    assert_eq!(problem(alone)["code"], 2);
    let both = json!({"password": "q", "consumer": {"username": "bob"}});
    let changed = desk.update("basicauth_credentials", "u", both).unwrap();
    assert_ne!(changed["password"], stored["password"]);
}

#[test]
fn a_hash_that_comes_from_elsewhere_is_not_hashed_again() {
    let mut desk = Desk::new();
    desk.insert("consumers", json!({"username": "bob", "id": id(1)}))
        .unwrap();
    desk.catalog = desk.catalog.storing_as_sent();
    let copied = json!({"username": "u", "password": "already-a-hash", "consumer": reference(&id(1))});
    let stored = desk.insert("basicauth_credentials", copied).unwrap();
    assert_eq!(stored["password"], "already-a-hash");
    let alone = desk.update("basicauth_credentials", "u", json!({"password": "another-hash"}));
    assert_eq!(alone.unwrap()["password"], "another-hash");
}

#[test]
fn what_was_inserted_is_found_by_id_and_by_name() {
    let desk = Desk::new();
    let service = desk
        .insert("services", json!({"host": "h", "name": "a~b"}))
        .unwrap();
    assert_eq!(desk.find("services", "a~b").as_ref(), Some(&service));
    assert_eq!(
        desk.find("services", service["id"].as_str().unwrap()),
        Some(service)
    );
    assert_eq!(desk.find("services", "zzz"), None);
}

#[test]
fn a_taken_name_is_a_conflict_for_every_way_in() {
    let desk = Desk::new();
    desk.insert("services", json!({"host": "h", "name": "dup"}))
        .unwrap();
    desk.insert("services", json!({"host": "h", "name": "other"}))
        .unwrap();
    let conflict = json!({
        "code": 5, "name": "unique constraint violation", "fields": {"name": "dup"},
        "message": "UNIQUE violation detected on '{name=\"dup\"}'"
    });
    let body = json!({"host": "h", "name": "dup"});
    assert_eq!(problem(desk.insert("services", body.clone())), conflict);
    assert_eq!(problem(desk.upsert("services", &id(1), body)), conflict);
    assert_eq!(
        problem(desk.update("services", "other", json!({"name": "dup"}))),
        conflict
    );
}

#[test]
fn a_name_that_was_given_up_is_free() {
    let desk = Desk::new();
    desk.insert("consumers", json!({"username": "bob"})).unwrap();
    desk.update("consumers", "bob", json!({"username": "rob"}))
        .unwrap();
    assert_eq!(desk.find("consumers", "bob"), None);
    desk.insert("consumers", json!({"username": "bob"})).unwrap();
    desk.delete("consumers", "rob").unwrap();
    desk.insert("consumers", json!({"username": "rob"})).unwrap();
}

#[test]
fn a_taken_id_is_a_primary_key_violation() {
    let desk = Desk::new();
    let body = json!({"host": "h", "id": id(1)});
    desk.insert("services", body.clone()).unwrap();
    assert_eq!(
        problem(desk.insert("services", body)),
        json!({
            "code": 3, "name": "primary key violation", "fields": {"id": id(1)},
            "message": format!("primary key violation on key '{{id=\"{}\"}}'", id(1))
        })
    );
}

#[test]
fn nulls_that_only_the_table_refuses_are_primary_key_violations() {
    let desk = Desk::new();
    let answer = problem(desk.insert("services", json!({"host": "h", "id": null})));
    assert_eq!(
        answer["message"],
        "primary key violation on key '{id=\"userdata: NULL\"}'"
    );
    desk.insert("upstreams", json!({"name": "u"})).unwrap();
    let target = json!({"target": "t", "weight": null, "upstream": {"name": "u"}});
    assert_eq!(problem(desk.insert("targets", target))["code"], 3);
}

#[test]
fn changing_what_is_not_there_says_by_what_it_was_looked_for() {
    let desk = Desk::new();
    assert_eq!(
        problem(desk.update("services", "nope", json!({"port": "x"}))),
        json!({
            "code": 6, "name": "not found", "fields": {"name": "nope"},
            "message": "could not find the entity with '{name=\"nope\"}'"
        })
    );
    assert_eq!(
        problem(desk.update("services", &id(1), json!({}))),
        json!({
            "code": 6, "name": "not found", "fields": {"id": id(1)},
            "message": format!("could not find the entity with primary key '{{id=\"{}\"}}'", id(1))
        })
    );
}

#[test]
fn a_change_keeps_the_id_and_judges_a_bad_one() {
    let desk = Desk::new();
    desk.insert("services", json!({"host": "h", "name": "s", "id": id(1)}))
        .unwrap();
    let changed = desk
        .update("services", "s", json!({"id": id(2), "port": 81}))
        .unwrap();
    assert_eq!((&changed["id"], &changed["port"]), (&json!(id(1)), &json!(81)));
    let answer = problem(desk.update("services", "s", json!({"id": "abc"})));
    assert_eq!(answer["message"], "schema violation (id: expected a valid UUID)");
}

#[test]
fn replacing_resets_what_is_not_sent() {
    let desk = Desk::new();
    let body = json!({"host": "h", "port": 99, "tags": ["t"]});
    let first = desk.upsert("services", "s", body).unwrap();
    desk.now_ms.set(desk.now_ms.get() + 5000);
    let second = desk
        .upsert("services", "s", json!({"host": "h2", "name": "else"}))
        .unwrap();
    assert_eq!((&second["id"], &second["name"]), (&first["id"], &json!("s")));
    assert_eq!((&second["port"], &second["tags"]), (&json!(80), &json!(null)));
    assert_eq!(second["created_at"], json!(1_700_000_005));
    assert_eq!(desk.find("services", "else"), None);
}

#[test]
fn the_path_overrules_the_id_in_the_body() {
    let desk = Desk::new();
    desk.upsert("services", &id(1), json!({"host": "h", "id": id(2)}))
        .unwrap();
    assert!(desk.find("services", &id(1)).is_some());
    assert!(desk.find("services", &id(2)).is_none());
}

#[test]
fn replacing_does_not_speak_of_updating() {
    let desk = Desk::new();
    desk.insert("consumers", json!({"username": "bob", "id": id(1)}))
        .unwrap();
    let answer = problem(desk.upsert("consumers", &id(1), json!({})));
    assert_eq!(
        answer["message"],
        "schema violation (at least one of these fields must be non-empty: 'custom_id', 'username')"
    );
}

#[test]
fn a_path_that_cannot_name_a_record_is_refused() {
    let desk = Desk::new();
    let by_name = desk.catalog.selector("services", "a b").unwrap_err().to_json();
    assert_eq!(
        (&by_name["code"], &by_name["name"]),
        (&json!(10), &json!("invalid unique name"))
    );
    let name = desk.catalog.selector("services", "1234").unwrap();
    let wanted = Selector::Unique {
        field: "name",
        value: "1234".into(),
    };
    assert_eq!(name, wanted);
}

#[test]
fn tables_without_a_name_take_ids_only() {
    use troop_catalog::Problem;
    use troop_schema::Faults;
    let answer = Problem::InvalidPrimaryKey(Faults::of("id", "expected a valid UUID")).to_json();
    assert_eq!(
        answer,
        json!({
            "code": 1, "name": "invalid primary key", "fields": {"id": "expected a valid UUID"},
            "message": "invalid primary key: '{id=\"expected a valid UUID\"}'"
        })
    );
}

#[test]
fn a_target_is_unique_below_its_upstream() {
    let desk = Desk::new();
    for name in ["u", "v"] {
        desk.insert("upstreams", json!({"name": name})).unwrap();
    }
    let target = |upstream: &str, target: &str| json!({"upstream": {"name": upstream}, "target": target});
    let first = desk.insert("targets", target("u", "t.test:8000")).unwrap();
    let upstream = first["upstream"]["id"].as_str().unwrap();
    assert_eq!(
        problem(desk.insert("targets", target("u", "t.test"))),
        json!({
            "code": 5, "name": "unique constraint violation",
            "fields": {"target": "t.test:8000", "upstream": {"id": upstream}},
            "message": format!("UNIQUE violation detected on '{{target=\"t.test:8000\",upstream={{id=\"{upstream}\"}}}}'")
        })
    );
    desk.insert("targets", target("v", "t.test")).unwrap();
    desk.insert("targets", target("u", "T.test")).unwrap();
}
