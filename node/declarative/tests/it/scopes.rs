//! Documents that speak for a part, and exports that decK reads.

use crate::fixture::{NOW_MS, object, registry, stamped};
use serde_json::{Value, json};
use troop_declarative::{ChangeStep, Dialect, Document, Export, Format, Loader, Records};
use troop_schema::{Registry, Stamp};

fn load(registry: &Registry, document: &Value, tags: &[&str]) -> Document {
    let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
    let mut random = || [3; 16];
    let mut stamp = Stamp::new(1_700_000_000_000, &mut random);
    let loader = Loader::new(registry).dialect(Dialect::Deck).select_tags(&tags);
    loader
        .load_text(&document.to_string(), Format::Json, &mut stamp)
        .unwrap()
}

fn of(registry: &Registry, document: &Value, tags: &[&str]) -> Records {
    load(registry, document, tags).into_records()
}

/// Sign and name of every change.
fn changes(registry: &Registry, current: &Records, document: Document) -> Vec<String> {
    let changes = stamped(NOW_MS, |stamp| document.changes(registry, current, stamp)).unwrap();
    let mut seen: Vec<_> = changes
        .changes()
        .iter()
        .map(|change| match &change.step {
            ChangeStep::Create { after } => format!("+ {}", after["name"]),
            ChangeStep::Update { after, .. } => format!("~ {}", after["name"]),
            ChangeStep::Delete { before } => format!("- {}", before["name"]),
        })
        .collect();
    seen.sort();
    seen
}

fn services(names: &[&str]) -> Value {
    let services: Vec<_> = names
        .iter()
        .map(|name| json!({"name": name, "host": "h"}))
        .collect();
    json!({"_format_version": "3.0", "services": services})
}

#[test]
fn a_document_with_tags_leaves_alone_what_does_not_carry_them() {
    let registry = registry();
    let mut current = of(&registry, &services(&["theirs"]), &[]);
    for (_, _, record) in of(&registry, &services(&["old", "kept"]), &["mine"]).iter() {
        current
            .insert(registry.entity("services").unwrap(), record.clone())
            .unwrap();
    }
    let document = load(&registry, &services(&["kept", "new"]), &["mine"]);
    assert_eq!(changes(&registry, &current, document), ["+ \"new\"", "- \"old\""]);
    let all = load(&registry, &services(&["kept"]), &[]);
    assert_eq!(
        changes(&registry, &current, all),
        ["- \"old\"", "- \"theirs\"", "~ \"kept\""]
    );
}

#[test]
fn what_is_somebody_elses_is_not_taken_over() {
    let registry = registry();
    let current = of(&registry, &services(&["theirs"]), &[]);
    let document = load(&registry, &services(&["theirs"]), &["mine"]);
    let error = stamped(NOW_MS, |stamp| document.changes(&registry, &current, stamp))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("services ") && error.contains("somebody else's"),
        "{error}"
    );
}

#[test]
fn a_nested_export_has_children_below_their_parents_and_means_the_same() {
    let registry = registry();
    let document = json!({
        "_format_version": "3.0",
        "services": [{"name": "s", "host": "h", "plugins": [{"name": "cors"}],
                      "routes": [{"name": "r", "paths": ["/"], "plugins": [{"name": "key-auth"}]}]}],
        "routes": [{"name": "alone", "paths": ["/a"]}],
        "consumers": [{"username": "c", "keyauth_credentials": [{"key": "k"}]}],
        "upstreams": [{"name": "u", "targets": [{"target": "a:80"}]}],
        "plugins": [{"name": "acl", "config": {"allow": ["x"]}},
                    {"name": "rate-limiting", "service": "s", "consumer": "c", "config": {"minute": 5}}],
    });
    let records = of(&registry, &document, &[]);
    let export = Export::nested(&registry, &records);
    let value = export.to_value();
    assert_eq!(
        value["services"][0]["routes"][0]["plugins"][0]["name"],
        "key-auth"
    );
    assert_eq!(value["services"][0]["plugins"][0]["name"], "cors");
    assert_eq!(value["consumers"][0]["keyauth_credentials"][0]["key"], "k");
    assert_eq!(value["upstreams"][0]["targets"][0]["target"], "a:80");
    let at_the_top: Vec<_> = value["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["name"].clone())
        .collect();
    assert_eq!(at_the_top.len(), 2, "{at_the_top:?}");
    for only_below in ["keyauth_credentials", "targets", "_transform"] {
        assert_eq!(value.get(only_below), None);
    }
    assert!(!object(value["services"][0].clone()).contains_key("created_at"));
    let mut random = || [4; 16];
    let mut stamp = Stamp::new(1_800_000_000_000, &mut random);
    let loader = Loader::new(&registry).dialect(Dialect::Deck);
    let again = loader
        .load_text(&export.to_yaml(), Format::Yaml, &mut stamp)
        .unwrap();
    assert!(
        stamped(NOW_MS, |stamp| again.changes(&registry, &records, stamp))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn changes_for_machines_cover_secrets() {
    let registry = registry();
    let document = json!({
        "_format_version": "3.0", "plugins": [{"name": "key-auth", "config": {"secret": "hush"}}],
    });
    let document = load(&registry, &document, &[]);
    let changes = stamped(NOW_MS, |stamp| {
        document.changes(&registry, &Records::new(), stamp)
    })
    .unwrap();
    let value = changes.to_json(&registry);
    assert_eq!(
        (&value["create"], &value["changes"][0]["step"]),
        (&json!(1), &json!("create"))
    );
    assert!(!value.to_string().contains("hush"));
}

#[test]
fn the_hash_of_a_secret_stays_as_long_as_the_secret_does() {
    let registry = registry();
    let application = |secret: &str, own: bool| {
        let app = json!({"name": "a", "client_id": "i", "client_secret": secret, "hash_secret": own});
        json!({"_format_version": "3.0", "consumers": [{"username": "c", "oauth2_credentials": [app]}]})
    };
    let mut current = Records::new();
    for (secret, own, changes) in [
        ("one", true, 2),
        ("one", true, 0),
        ("two", true, 1),
        ("two", false, 1),
        ("two", false, 0),
        ("two", true, 1),
    ] {
        let document = load(&registry, &application(secret, own), &[]);
        let counted = stamped(NOW_MS, |stamp| {
            document.clone().changes(&registry, &current, stamp)
        })
        .unwrap();
        assert_eq!(counted.changes().len(), changes, "{secret} {own}");
        current = stamped(NOW_MS, |stamp| document.adopting(&registry, &current, stamp)).into_records();
        let export = Export::nested(&registry, &current).to_value();
        assert_eq!(export.get("_transform"), own.then_some(&json!(false)));
    }
}

#[test]
fn an_export_for_decks_has_no_nulls_and_no_fields_that_an_old_one_does_not_know() {
    let registry = registry();
    let document = json!({
        "_format_version": "3.0",
        "services": [{"name": "on", "host": "h"}, {"name": "off", "host": "h", "enabled": false}],
        "plugins": [{"name": "key-auth"}],
    });
    let export = Export::nested(&registry, &of(&registry, &document, &[])).to_value();
    let services = export["services"].as_array().unwrap();
    let mut enabled: Vec<_> = services
        .iter()
        .map(|service| (service["name"].clone(), service.get("enabled").cloned()))
        .collect();
    enabled.sort_by_key(|(name, _)| name.to_string());
    assert_eq!(enabled, [(json!("off"), Some(json!(false))), (json!("on"), None)]);
    assert!(!export["services"].to_string().contains("null"));
    // decK compares configurations of plugins as they are.
    assert!(export["plugins"][0]["config"].to_string().contains("null"));
}
