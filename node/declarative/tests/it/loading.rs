//! What documents become.

use crate::fixture::{ID_1, ID_2, NOW_MS, load, load_text, object, one, records};
use serde_json::{Value, json};
use troop_declarative::Dialect;

#[test]
fn nested_records_refer_to_what_they_are_nested_in() {
    let records = records(json!({
        "services": [{
            "id": ID_1, "name": "s", "host": "h.test",
            "routes": [{"id": ID_2, "name": "r", "paths": ["/x"], "plugins": [{"name": "cors"}]}],
            "plugins": [{"name": "key-auth"}],
        }],
        "consumers": [{
            "username": "c", "keyauth_credentials": [{"key": "k"}],
            "plugins": [{"name": "rate-limiting", "config": {"minute": 5}}],
        }],
        "upstreams": [{"name": "u", "targets": [{"target": "t.test:80"}, {"target": "t2.test"}]}],
    }));
    let id = |entity, field, value| one(&records, entity, field, value)["id"].clone();
    assert_eq!(
        one(&records, "routes", "name", "r")["service"],
        json!({ "id": ID_1 })
    );
    assert_eq!(
        one(&records, "plugins", "name", "cors")["route"],
        json!({ "id": ID_2 })
    );
    assert_eq!(
        one(&records, "plugins", "name", "key-auth")["service"],
        json!({ "id": ID_1 })
    );
    let consumer = json!({"id": id("consumers", "username", "c")});
    assert_eq!(
        one(&records, "keyauth_credentials", "key", "k")["consumer"],
        consumer
    );
    assert_eq!(
        one(&records, "plugins", "name", "rate-limiting")["consumer"],
        consumer
    );
    let upstream = json!({"id": id("upstreams", "name", "u")});
    assert_eq!(
        one(&records, "targets", "target", "t2.test:8000")["upstream"],
        upstream
    );
    assert_eq!(records.len(), 10);
}

#[test]
fn records_are_completed() {
    let records = records(
        json!({"consumers": [{"username": "c"}], "services": [{"name": "s", "url": "https://h.test/p"}]}),
    );
    let id = one(&records, "consumers", "username", "c")["id"].clone();
    let now = NOW_MS / 1000;
    let wanted = json!({"id": id, "username": "c", "custom_id": null, "tags": null, "created_at": now, "updated_at": now});
    assert_eq!(one(&records, "consumers", "username", "c"), &object(wanted));
    let service = one(&records, "services", "name", "s");
    assert_eq!(
        (&service["port"], &service["path"], &service["retries"]),
        (&json!(443), &json!("/p"), &json!(5))
    );
}

#[track_caller]
fn check_reference(reference: Value) {
    let records = records(json!({
        "services": [{"id": ID_1, "name": "s", "host": "h.test"}],
        "routes": [{"name": "r", "paths": ["/"], "service": reference}],
    }));
    assert_eq!(
        one(&records, "routes", "name", "r")["service"],
        json!({ "id": ID_1 }),
        "{reference}"
    );
}

#[test]
fn a_reference_is_a_name_or_an_id_or_a_table_with_an_id() {
    check_reference(json!("s"));
    check_reference(json!(ID_1));
    check_reference(json!({ "id": ID_1 }));
    check_reference(json!(ID_1.to_uppercase()));
}

#[test]
fn a_nested_record_may_repeat_what_it_is_nested_in() {
    for reference in [json!("s"), json!(ID_1), json!({ "id": ID_1 }), Value::Null] {
        let records = records(json!({
            "services": [{"id": ID_1, "name": "s", "host": "h.test",
                          "routes": [{"name": "r", "paths": ["/"], "service": reference}]}],
        }));
        assert_eq!(
            one(&records, "routes", "name", "r")["service"],
            json!({ "id": ID_1 })
        );
    }
}

#[test]
fn empty_tables_are_empty_collections() {
    for nothing in [json!([]), json!({}), Value::Null] {
        assert!(records(json!({ "services": nothing })).is_empty());
    }
}

#[test]
fn remarks_for_people_are_not_kept() {
    let records = records(json!({
        "_comment": "x", "_ignore": [1],
        "consumers": [{"username": "c", "_comment": "y", "_ignore": [{}]}],
    }));
    assert!(!one(&records, "consumers", "username", "c").contains_key("_comment"));
}

#[test]
fn yaml_is_read_as_people_write_it() {
    let text = r#"
# what we serve
_format_version: "3.0"
x-defaults: &none []
"#;
    assert!(
        load_text(text, Dialect::Kong).is_err(),
        "x-defaults is no collection"
    );
    let text = r#"
_format_version: "3.0"
services:
- &a
  name: a
  host: a.test
  port: 8080.0       # a tool wrote a float
  retries: 010       # eight, as YAML 1.1 has it
  tls_verify: ~
- <<: *a
  name: b
  name: c            # corrected in haste
routes:
- {name: r, service: a, paths: [/x], strip_path: no}
"#;
    let document = load_text(text, Dialect::Kong).unwrap();
    let a = one(document.records(), "services", "name", "a");
    assert_eq!((&a["port"], &a["retries"]), (&json!(8080), &json!(8)));
    assert_eq!(one(document.records(), "services", "name", "c")["host"], "a.test");
    assert_eq!(
        one(document.records(), "routes", "name", "r")["strip_path"],
        false
    );
    let warnings: Vec<_> = document.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["services[1].name: given twice, the last one counts (line 12, column 3)"]
    );
}

#[test]
fn json_given_twice_is_remarked_with_its_line() {
    let text = "{\n\"_format_version\": \"3.0\",\n\"consumers\": [], \"consumers\": []\n}";
    let document = load_text(text, Dialect::Kong).unwrap();
    let warnings: Vec<_> = document.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["consumers: given twice, the last one counts (line 3, column 1)"]
    );
}

#[test]
fn old_versions_have_old_paths() {
    let load = |version: &str| {
        let text = format!(
            r#"{{"_format_version": "{version}", "routes": [{{"name": "r", "paths": ["/a\\d+"]}}]}}"#
        );
        load_text(&text, Dialect::Kong)
    };
    let path = |version| one(load(version).unwrap().records(), "routes", "name", "r")["paths"][0].clone();
    assert_eq!(path("1.1"), r"~/a\d+");
    assert_eq!(path("2.1"), r"~/a\d+");
    assert_eq!(path("3.0"), r"/a\d+");
}

#[test]
fn transforming_is_asked_for_unless_it_is_declined() {
    assert!(load(json!({})).unwrap().transform());
    assert!(!load(json!({"_transform": false})).unwrap().transform());
}

#[test]
fn a_key_may_have_an_end() {
    let with_ttl = |ttl: Value| {
        load(json!({"consumers": [{"username": "c", "keyauth_credentials": [{"key": "k", "ttl": ttl}]}]}))
    };
    let ttl = |given| {
        one(
            with_ttl(given).unwrap().records(),
            "keyauth_credentials",
            "key",
            "k",
        )
        .get("ttl")
        .cloned()
    };
    assert_eq!(ttl(json!(60)), Some(json!(60)));
    assert_eq!(ttl(json!(0)), None);
    assert_eq!(ttl(Value::Null), None);
    for wrong in [json!("x"), json!(-1), json!(1.5), json!(100_000_001)] {
        assert!(with_ttl(wrong.clone()).is_err(), "{wrong}");
    }
}
