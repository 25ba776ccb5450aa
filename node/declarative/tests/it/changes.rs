//! What documents would change.

use crate::fixture::{ID_1, ID_2, NOW_MS, document, one, records, registry, stamped};
use serde_json::{Value, json};
use troop_declarative::{ChangeSet, Document, Loader, Records, diff};

/// One line per change: sign, schema, and what it is called.
fn outline(changes: &ChangeSet) -> Vec<String> {
    let rendered = changes.rendered(&registry());
    let changes = rendered.lines().filter(|line| line.starts_with(['+', '~', '-']));
    changes
        .map(|line| line.split(" (").next().unwrap_or_default().to_owned())
        .collect()
}

#[track_caller]
fn check(current: Value, wanted: Value, outlined: &[&str]) {
    let (current, wanted) = (records(current), records(wanted));
    assert_eq!(outline(&diff(&registry(), &current, &wanted)), outlined);
}

#[test]
fn parents_are_created_first_and_go_last() {
    let full = json!({
        "services": [{"name": "s", "host": "h.test", "routes": [{"name": "r", "paths": ["/"], "plugins": [{"name": "cors"}]}]}],
    });
    check(
        json!({}),
        full.clone(),
        &["+ services s", "+ routes r", "+ plugins cors"],
    );
    check(full, json!({}), &["- plugins cors", "- routes r", "- services s"]);
}

#[test]
fn what_is_still_stood_upon_goes_after_the_move() {
    let on = |service: &str| {
        json!({
            "services": [{"name": service, "host": "h.test"}],
            "routes": [{"name": "r", "paths": ["/"], "service": service}],
        })
    };
    check(on("a"), on("b"), &["+ services b", "~ routes r", "- services a"]);
}

#[test]
fn a_name_is_free_before_it_is_given_again() {
    let with = |id: &str| json!({"services": [{"id": id, "name": "s", "host": "h.test"}]});
    check(with(ID_1), with(ID_2), &["- services s", "+ services s"]);
}

#[test]
fn changes_are_told_field_by_field() {
    let with = |minute: u64, port: u64| {
        json!({
            "services": [{"name": "s", "host": "h.test", "port": port}],
            "plugins": [{"name": "rate-limiting", "config": {"minute": minute}}],
        })
    };
    let changes = diff(&registry(), &records(with(5, 80)), &records(with(10, 81)));
    assert_eq!(
        changes.rendered(&registry()),
        "~ services s (b268827a-8f7f-551f-8769-e6bceb2f3ec6)\n    port: 80 -> 81\n\
         ~ plugins rate-limiting (8328de13-9a5c-5a91-8f06-fb4062fec696)\n    config.minute: 5 -> 10\n\
         0 to create, 2 to update, 0 to delete\n"
    );
}

#[test]
fn secrets_are_not_told() {
    let with = |key: &str, secret: &str| {
        json!({
            "consumers": [{"username": "c", "keyauth_credentials": [{"id": ID_1, "key": key}]}],
            "plugins": [{"id": ID_2, "name": "key-auth", "config": {"secret": secret}}],
        })
    };
    let told = diff(
        &registry(),
        &records(with("tango", "foxtrot")),
        &records(with("zulu", "hotel")),
    )
    .rendered(&registry());
    assert_eq!(told.matches("changed, not shown").count(), 2, "{told}");
    let created =
        diff(&registry(), &Records::new(), &records(with("tango", "foxtrot"))).rendered(&registry());
    for secret in ["tango", "foxtrot", "zulu", "hotel"] {
        assert!(!told.contains(secret) && !created.contains(secret), "{secret}");
    }
}

/// What a cluster has whose ids were drawn: everything of `collections`, ids from the end of their range.
fn drawn(collections: Value) -> Records {
    let text = |id: u128| uuid_text(u128::MAX - id);
    let mut next = 0;
    let mut collections = collections;
    number(&mut collections, &mut || {
        next += 1;
        text(next)
    });
    let registry = registry();
    let loaded = stamped(1_000_000_000_000, |stamp| {
        Loader::new(&registry).load_value(document(collections), stamp)
    });
    loaded.unwrap().into_records()
}

fn uuid_text(id: u128) -> String {
    let hex = format!("{id:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

/// Gives an id to every record, nested ones too.
fn number(collections: &mut Value, next: &mut dyn FnMut() -> String) {
    for (_, list) in collections.as_object_mut().unwrap() {
        for record in list
            .as_array_mut()
            .into_iter()
            .flatten()
            .filter(|record| record.is_object())
        {
            if record
                .get("name")
                .or(record.get("username"))
                .or(record.get("key"))
                .or(record.get("target"))
                .or(record.get("paths"))
                .is_some()
            {
                record["id"] = json!(next());
                number(record, next);
            }
        }
    }
}

fn loaded(collections: Value) -> Document {
    let registry = registry();
    stamped(NOW_MS, |stamp| {
        Loader::new(&registry).load_value(document(collections), stamp)
    })
    .unwrap()
}

fn everything() -> Value {
    json!({
        "services": [{"name": "s", "host": "h.test", "plugins": [{"name": "cors"}], "routes": [
            {"name": "r", "paths": ["/"], "plugins": [{"name": "key-auth"}]},
            {"paths": ["/unnamed"]},
        ]}],
        "consumers": [{"username": "c", "keyauth_credentials": [{"key": "k"}]}],
        "upstreams": [{"name": "u", "targets": [{"target": "a:80"}, {"target": "b:80"}]}],
        "plugins": [{"name": "cors"}],
    })
}

#[test]
fn a_document_means_what_there_is_under_other_ids() {
    let current = drawn(everything());
    let adopted = stamped(NOW_MS, |stamp| {
        loaded(everything()).adopting(&registry(), &current, stamp)
    });
    let changes = diff(&registry(), &current, adopted.records());
    assert!(changes.is_empty(), "{}", changes.rendered(&registry()));
    let strange = diff(&registry(), &current, loaded(everything()).records());
    assert_eq!(
        strange.counts(),
        (current.len(), 0, current.len()),
        "without adopting everything is replaced"
    );
}

#[test]
fn only_what_differs_is_changed_under_other_ids() {
    let mut wanted = everything();
    wanted["services"][0]["host"] = json!("other.test");
    wanted["upstreams"][0]["targets"] = json!([{"target": "a:80"}, {"target": "c:80"}]);
    let current = drawn(everything());
    let adopted = stamped(NOW_MS, |stamp| {
        loaded(wanted).adopting(&registry(), &current, stamp)
    });
    let changes = diff(&registry(), &current, adopted.records());
    assert_eq!(
        outline(&changes),
        ["- targets b:80", "~ services s", "+ targets c:80"]
    );
}

#[test]
fn a_key_that_was_drawn_is_kept() {
    let collections = || json!({"consumers": [{"username": "c", "keyauth_credentials": [{}]}]});
    let current = {
        let registry = registry();
        let loaded = stamped(NOW_MS - 60_000, |stamp| {
            stamp.uuid(); // so that other keys are drawn
            Loader::new(&registry).load_value(document(collections()), stamp)
        });
        loaded.unwrap().into_records()
    };
    let adopted = stamped(NOW_MS, |stamp| {
        loaded(collections()).adopting(&registry(), &current, stamp)
    });
    assert!(diff(&registry(), &current, adopted.records()).is_empty());
}

#[test]
fn an_id_that_was_given_is_not_exchanged() {
    let current = records(json!({"services": [{"id": ID_1, "name": "s", "host": "h.test"}]}));
    let wanted = json!({"services": [{"id": ID_2, "name": "s", "host": "h.test"}]});
    let adopted = stamped(NOW_MS, |stamp| {
        loaded(wanted).adopting(&registry(), &current, stamp)
    });
    assert_eq!(one(adopted.records(), "services", "name", "s")["id"], ID_2);
}

#[test]
fn an_id_computed_from_a_name_is_not_used_while_another_has_it() {
    let of_a = one(
        &records(json!({"services": [{"name": "a", "host": "h.test"}]})),
        "services",
        "name",
        "a",
    )["id"]
        .clone();
    let current = records(json!({"services": [{"id": of_a, "name": "b", "host": "h.test"}]}));
    let both = json!({"services": [{"name": "a", "host": "h.test"}, {"name": "b", "host": "h.test"}]});
    let adopted = stamped(NOW_MS, |stamp| {
        loaded(both).adopting(&registry(), &current, stamp)
    });
    assert_eq!(
        outline(&diff(&registry(), &current, adopted.records())),
        ["+ services a"]
    );
}
