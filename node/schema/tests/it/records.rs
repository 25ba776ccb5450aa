//! What a record becomes on its way in: defaults, shorthands, couplings, changes, forms.

use crate::fixture::{change, object, record, registry, stamped};
use serde_json::{Value, json};

#[test]
fn a_minimal_service_has_every_field() {
    let service = record("services", json!({"url": "http://example.com"}));
    assert_eq!(
        Value::Object(service),
        json!({
            "id": "01010101-0101-4101-8101-010101010101", "created_at": 1_700_000_000, "updated_at": 1_700_000_000,
            "name": null, "retries": 5, "protocol": "http", "host": "example.com", "port": 80, "path": null,
            "connect_timeout": 60000, "write_timeout": 60000, "read_timeout": 60000, "tags": null,
            "client_certificate": null, "tls_verify": null, "tls_verify_depth": null, "ca_certificates": null,
            "enabled": true
        })
    );
}

#[test]
fn the_senders_creation_time_counts_and_the_write_time_does_not() {
    let given = json!({"host": "h", "created_at": 5, "updated_at": "x"});
    let service = record("services", given);
    assert_eq!(
        (&service["created_at"], &service["updated_at"]),
        (&json!(5), &json!(1_700_000_000))
    );
    assert_eq!(
        record("services", json!({"host": "h", "created_at": null}))["created_at"],
        1_700_000_000
    );
}

#[test]
fn targets_keep_milliseconds() {
    let upstream = json!({"id": "00000001-1111-4111-8111-111111111111"});
    let target = record("targets", json!({"target": "a:1", "upstream": upstream}));
    assert_eq!(target["created_at"], 1_700_000_000.123);
}

#[test]
fn sets_lose_duplicates_and_arrays_keep_them() {
    let route = record(
        "routes",
        json!({"methods": ["GET", "PUT", "GET"], "hosts": ["a", "a"]}),
    );
    assert_eq!(
        (&route["methods"], &route["hosts"]),
        (&json!(["GET", "PUT"]), &json!(["a", "a"]))
    );
}

#[test]
fn an_empty_object_is_an_empty_list_and_the_other_way_round() {
    let route = record("routes", json!({"paths": ["/"], "tags": {}, "headers": []}));
    assert_eq!((&route["tags"], &route["headers"]), (&json!([]), &json!({})));
}

#[test]
fn a_grpc_route_keeps_its_path() {
    let route = |protocols: Value| record("routes", json!({"paths": ["/"], "protocols": protocols}));
    assert_eq!(route(json!(["grpc"]))["strip_path"], false);
    assert_eq!(route(json!(["http"]))["strip_path"], true);
}

#[test]
fn algorithm_and_hash_on_move_each_other() {
    for (given, algorithm, hash_on) in [
        (json!({"hash_on": "ip"}), "consistent-hashing", "ip"),
        (
            json!({"algorithm": "least-connections"}),
            "least-connections",
            "none",
        ),
        (
            json!({"algorithm": "least-connections", "hash_on": "ip"}),
            "least-connections",
            "none",
        ),
        (json!({"algorithm": "consistent-hashing"}), "round-robin", "none"),
        (
            json!({"algorithm": "round-robin", "hash_on": "ip"}),
            "consistent-hashing",
            "ip",
        ),
        (json!({"algorithm": "latency"}), "latency", "none"),
        (json!({"hash_on": null}), "round-robin", "none"),
        (json!({"algorithm": null}), "round-robin", "none"),
    ] {
        let mut input = object(given.clone());
        input.insert("name".into(), "u".into());
        let upstream = record("upstreams", input.into());
        let got = (&upstream["algorithm"], &upstream["hash_on"]);
        assert_eq!(got, (&json!(algorithm), &json!(hash_on)), "{given}");
    }
}

#[test]
fn a_change_merges_records_and_replaces_lists() {
    let upstream = record(
        "upstreams",
        json!({"name": "u", "tags": ["x", "y"], "healthchecks": {"active": {"healthy": {"interval": 5}}}}),
    );
    let slip = json!({"tags": ["z"], "healthchecks": {"active": {"timeout": 3}}});
    let changed = change("upstreams", &upstream, slip).unwrap();
    assert_eq!(changed["tags"], json!(["z"]));
    assert_eq!(changed["healthchecks"]["active"]["timeout"], 3);
    assert_eq!(changed["healthchecks"]["active"]["healthy"]["interval"], 5);
    assert_eq!(changed["id"], upstream["id"]);
}

#[test]
fn a_change_says_that_it_is_one() {
    let consumer = record("consumers", json!({"username": "bob"}));
    let violation = change("consumers", &consumer, json!({"username": null})).unwrap_err();
    assert_eq!(
        violation.message(),
        "schema violation (when updating, at least one of these fields must be non-empty: 'custom_id', 'username')"
    );
}

#[test]
fn members_of_a_replaced_map_get_their_defaults() {
    let plugin = record(
        "plugins",
        json!({"name": "stamp", "config": {"limits": {"a": {"day": 1}}}}),
    );
    let slip = json!({"config": {"limits": {"b": {"hour": 2}}}});
    let changed = change("plugins", &plugin, slip).unwrap();
    assert_eq!(
        changed["config"]["limits"],
        json!({"b": {"hour": 2, "day": null}})
    );
    assert_eq!(changed["config"]["header"], "X-Stamp");
}

#[test]
fn an_old_name_is_spread_on_the_way_in_and_echoed_on_the_way_out() {
    let registry = registry();
    let plugins = registry.entity("plugins").unwrap();
    let stored = record("plugins", json!({"name": "stamp", "config": {"redis_host": "r"}}));
    assert_eq!(stored["config"]["redis"], json!({"host": "r"}));
    assert!(stored["config"].get("redis_host").is_none());
    let changed = change("plugins", &stored, json!({"config": {"redis_host": "q"}})).unwrap();
    assert_eq!(registry.presented(plugins, changed)["config"]["redis_host"], "q");
}

#[test]
fn forms_are_typed_by_the_schema() {
    let registry = registry();
    let infer = |entity: &str, form: Value| {
        Value::Object(registry.infer(registry.entity(entity).unwrap(), object(form)))
    };
    assert_eq!(
        infer(
            "services",
            json!({"port": "81", "enabled": "false", "tags": "a", "name": "", "retries": "x"})
        ),
        json!({"port": 81, "enabled": false, "tags": ["a"], "name": null, "retries": "x"})
    );
    assert_eq!(
        infer(
            "plugins",
            json!({"name": "stamp", "config": {"second": "5", "limits": {"a": {"day": "1"}}}})
        ),
        json!({"name": "stamp", "config": {"second": 5, "limits": {"a": {"day": 1}}}})
    );
    assert_eq!(
        infer(
            "upstreams",
            json!({"healthchecks": {"active": {"healthy": {"http_statuses": "200"}}}})
        ),
        json!({"healthchecks": {"active": {"healthy": {"http_statuses": [200]}}}})
    );
    assert_eq!(
        infer("keyauth_credentials", json!({"key": "5", "ttl": "5"})),
        json!({"key": "5", "ttl": 5})
    );
}

#[test]
fn secrets_are_covered() {
    let registry = registry();
    let plugin = record(
        "plugins",
        json!({"name": "stamp", "config": {"password": "hunter2"}}),
    );
    let covered = registry.redacted(registry.entity("plugins").unwrap(), plugin);
    assert_eq!(covered["config"]["password"], "******");
    assert_eq!(covered["config"]["header"], "X-Stamp");
}

#[test]
fn generated_keys_have_32_letters() {
    let consumer = json!({"id": "00000001-1111-4111-8111-111111111111"});
    let credential = record("keyauth_credentials", json!({"consumer": consumer}));
    assert_eq!(credential["key"].as_str().map(str::len), Some(32));
}

#[test]
fn judging_alone_needs_nothing_stored() {
    let registry = registry();
    let targets = registry.entity("targets").unwrap();
    let upstream = json!({"id": "00000001-1111-4111-8111-111111111111"});
    let input = object(json!({"upstream": upstream, "target": "a b"}));
    let violation = stamped(|stamp| registry.check_only(targets, input, stamp)).unwrap_err();
    let text = "schema violation (target: Invalid target ('a b'); not a valid hostname or ip address)";
    assert_eq!(violation.message(), text);
}
