//! What each table refuses, in the words clients read. Texts were observed on Kong 3.9.1.

use crate::fixture::{judge, record};
use serde_json::{Value, json};

/// The message of the violation, or the empty string.
#[track_caller]
fn check(entity: &str, input: Value, message: &str) {
    let got = judge(entity, input.clone())
        .err()
        .map(|violation| violation.message());
    assert_eq!(got.as_deref().unwrap_or_default(), message, "{entity} {input}");
}

/// The same, of one violation.
#[track_caller]
fn one(entity: &str, input: Value, inner: &str) {
    check(entity, input, &format!("schema violation ({inner})"));
}

#[test]
fn fields_of_the_wrong_type_are_named() {
    one("services", json!({"host": 5}), "host: expected a string");
    one(
        "services",
        json!({"host": "h", "retries": "5"}),
        "retries: expected an integer",
    );
    one(
        "services",
        json!({"host": "h", "retries": 0.5}),
        "retries: expected an integer",
    );
    one(
        "services",
        json!({"host": "h", "enabled": "yes"}),
        "enabled: expected a boolean",
    );
    one(
        "services",
        json!({"host": "h", "tags": "x"}),
        "tags: expected a set",
    );
    one(
        "services",
        json!({"host": "h", "tags": [1]}),
        "tags.1: expected a string",
    );
    one(
        "routes",
        json!({"headers": {"x": "a"}}),
        "headers: expected an array",
    );
    one(
        "routes",
        json!({"headers": {"x": [1]}}),
        "headers.1: expected a string",
    );
    one("routes", json!({"headers": ["x"]}), "headers: expected a string");
    one(
        "upstreams",
        json!({"name": "u", "healthchecks": "x"}),
        "healthchecks: expected a record",
    );
}

#[test]
fn numbers_have_no_kind_of_their_own() {
    check("services", json!({"host": "h", "retries": 5.0, "port": 8e1}), "");
    let range = "retries: value should be between 0 and 32767";
    one("services", json!({"host": "h", "retries": 1e20}), range);
}

#[test]
fn what_is_missing_or_unknown_is_named() {
    one("services", json!({}), "host: required field missing");
    one("services", json!({"host": null}), "host: required field missing");
    one(
        "services",
        json!({"host": "h", "ws_id": "x"}),
        "ws_id: unknown field",
    );
    let both = "2 schema violations (bogus: unknown field; host: required field missing)";
    check("services", json!({"bogus": 1}), both);
    one(
        "upstreams",
        json!({"name": "u", "healthchecks": null}),
        "healthchecks: required field missing",
    );
    one(
        "upstreams",
        json!({"name": "u", "healthchecks": {"bogus": 1}}),
        "healthchecks.bogus: unknown field",
    );
}

#[test]
fn deep_faults_are_printed_as_a_table() {
    one(
        "upstreams",
        json!({"name": "u", "healthchecks": {"passive": {"unhealthy": {"http_statuses": [99]}}}}),
        "healthchecks.passive: {\n  unhealthy = {\n    http_statuses = {\n      \
         \"value should be between 100 and 999\"\n    }\n  }\n}",
    );
}

#[test]
fn a_bad_url_is_judged_by_its_parts() {
    one("services", json!({"url": 5}), "url: expected a string");
    one("services", json!({"url": ""}), "url: length must be at least 1");
    check(
        "services",
        json!({"url": "foo.com"}),
        "2 schema violations (host: required field missing; path: should start with: /)",
    );
    check(
        "services",
        json!({"url": null}),
        "3 schema violations (host: required field missing; path: should start with: /; protocol: expected one of: \
         grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp)",
    );
}

#[test]
fn conditional_checks_remark_on_the_whole_and_on_the_field() {
    let conditional = |field: &str, by: &str| {
        format!("2 schema violations (failed conditional validation given value of field '{by}'; {field})")
    };
    let path = json!({"host": "h", "protocol": "tcp", "path": "/x"});
    check(
        "services",
        path,
        &conditional("path: value must be null", "protocol"),
    );
    let certificate = json!({"host": "h", "client_certificate": "x"});
    check(
        "services",
        certificate,
        &conditional("client_certificate: value must be null", "protocol"),
    );
    let header = json!({"name": "u", "hash_on": "header"});
    check(
        "upstreams",
        header,
        &conditional("hash_on_header: required field missing", "hash_on"),
    );
    let fallback = json!({"name": "u", "hash_on": "none", "hash_fallback": "ip"});
    check(
        "upstreams",
        fallback,
        &conditional("hash_fallback: expected one of: none", "hash_on"),
    );
}

#[test]
fn a_route_family_forbids_and_demands() {
    one(
        "routes",
        json!({}),
        "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'",
    );
    one(
        "routes",
        json!({"protocols": ["tcp"]}),
        "must set one of 'sources', 'destinations', 'snis' when 'protocols' is 'tcp', 'tls' or 'udp'",
    );
    one(
        "routes",
        json!({"protocols": ["tls_passthrough"]}),
        "must set snis when 'protocols' is 'tls_passthrough'",
    );
    one(
        "routes",
        json!({"protocols": ["grpc"], "paths": ["/"], "strip_path": true}),
        "strip_path: cannot set 'strip_path' when 'protocols' is 'grpc' or 'grpcs'",
    );
    check(
        "routes",
        json!({"protocols": ["tcp", "grpcs"], "paths": ["/"]}),
        "2 schema violations (paths: cannot set 'paths' when 'protocols' is 'tcp', 'tls', 'tls_passthrough' or 'udp'; \
         protocols: these sets are mutually exclusive: ('tcp', 'tls', 'udp'), ('grpc', 'grpcs'))",
    );
    one(
        "routes",
        json!({"paths": ["/"], "protocols": []}),
        "protocols: unknown type: nil",
    );
    one(
        "routes",
        json!({"paths": ["/"], "protocols": [1]}),
        "protocols: unknown type: 1",
    );
    one(
        "routes",
        json!({"paths": ["/"], "protocols": "http"}),
        "protocols: expected a set",
    );
}

#[test]
fn elements_are_counted_from_one_and_gaps_are_null() {
    let violation = judge("routes", json!({"paths": ["x", "/ok", "y"]})).unwrap_err();
    let prefix = "should start with: / (fixed path) or ~/ (regex path)";
    assert_eq!(violation.fields(), json!({"paths": [prefix, null, prefix]}));
    assert!(violation.message().contains("paths.3: "));
}

#[test]
fn references_are_judged_in_terms_of_the_other_schema() {
    let with = |service: Value| json!({"paths": ["/"], "service": service});
    one("routes", with(json!("x")), "service.id: missing primary key");
    one(
        "routes",
        with(json!({"id": "x"})),
        "service.id: expected a valid UUID",
    );
    one(
        "routes",
        with(json!({"bogus": 1})),
        "service.bogus: unknown field",
    );
    let https =
        |certificate: Value| json!({"host": "h", "protocol": "https", "client_certificate": certificate});
    one(
        "services",
        https(json!({"name": "x"})),
        "client_certificate.name: unknown field",
    );
}

#[test]
fn a_plugin_is_judged_by_its_name() {
    let enabled = "add it to the 'plugins' configuration property";
    one("plugins", json!({"config": {}}), "name: required field missing");
    one(
        "plugins",
        json!({"name": "foo"}),
        &format!("name: plugin 'foo' not enabled; {enabled}"),
    );
    one(
        "plugins",
        json!({"name": ""}),
        &format!("name: plugin '' not enabled; {enabled}"),
    );
    one(
        "plugins",
        json!({"name": "stamp", "config": "x"}),
        "config: expected a record",
    );
    one(
        "plugins",
        json!({"name": "stamp", "config": [1]}),
        "config.1: unknown field",
    );
    one(
        "plugins",
        json!({"name": "stamp", "config": null}),
        "config: required field missing",
    );
    one(
        "plugins",
        json!({"name": "stamp", "config": {"minute": 1, "second": 5}}),
        "minute is lower than second",
    );
    let consumer = json!({"id": "00000001-1111-4111-8111-111111111111"});
    one(
        "plugins",
        json!({"name": "stamp", "consumer": consumer}),
        "consumer: value must be null",
    );
    one(
        "plugins",
        json!({"name": "stamp", "protocols": ["tcp"]}),
        "protocols.1: expected one of: http, https",
    );
}

#[test]
fn a_target_is_spelled_before_it_is_judged() {
    let upstream = json!({"id": "00000001-1111-4111-8111-111111111111"});
    let with = |target: &str| json!({"upstream": upstream, "target": target});
    assert_eq!(record("targets", with("t.test"))["target"], "t.test:8000");
    assert_eq!(
        record("targets", with("[::1]:80"))["target"],
        "[0000:0000:0000:0000:0000:0000:0000:0001]:80"
    );
    one(
        "targets",
        with("a b"),
        "target: Invalid target; not a valid hostname or ip address",
    );
    one("targets", with(""), "target: length must be at least 1");
}
