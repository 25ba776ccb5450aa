//! Kong's words for documents that are wrong: as observed, request by request.

use crate::fixture::{ID_1, ID_2, NOW_MS, document, load, load_text, registry, stamped};
use serde_json::{Value, json};
use troop_declarative::{Dialect, Loader};

/// The error object of a whole document.
#[track_caller]
fn refused(document: Value, flatten: bool) -> Value {
    let registry = registry();
    let loaded = stamped(NOW_MS, |stamp| Loader::new(&registry).load_value(document, stamp));
    loaded.unwrap_err().to_json(flatten)
}

#[track_caller]
fn check_whole(document: Value, fields: Value, table: &str) {
    let wanted = json!({
        "code": 14, "name": "invalid declarative configuration", "fields": fields,
        "message": format!("declarative config is invalid: {table}"),
    });
    assert_eq!(refused(document, false), wanted);
}

#[track_caller]
fn check(collections: Value, fields: Value, table: &str) {
    check_whole(document(collections), fields, table);
}

#[test]
fn the_header_is_judged() {
    let missing = json!({"_format_version": "required field missing"});
    check_whole(
        json!({}),
        missing.clone(),
        r#"{_format_version="required field missing"}"#,
    );
    check_whole(
        json!([]),
        missing.clone(),
        r#"{_format_version="required field missing"}"#,
    );
    check_whole(
        json!({"services": []}),
        missing,
        r#"{_format_version="required field missing"}"#,
    );
    check_whole(
        json!({"_format_version": "9.9"}),
        json!({"_format_version": "expected one of: 1.1, 2.1, 3.0"}),
        r#"{_format_version="expected one of: 1.1, 2.1, 3.0"}"#,
    );
    check_whole(
        json!({"_format_version": 3}),
        json!({"_format_version": "expected a string"}),
        r#"{_format_version="expected a string"}"#,
    );
    check(
        json!({"_transform": 1}),
        json!({"_transform": "expected a boolean"}),
        r#"{_transform="expected a boolean"}"#,
    );
    check(
        json!({"_info": {}}),
        json!({"_info": "unknown field"}),
        r#"{_info="unknown field"}"#,
    );
    check(
        json!({"nothing": []}),
        json!({"nothing": "unknown field"}),
        r#"{nothing="unknown field"}"#,
    );
    check(
        json!({"services": "x"}),
        json!({"services": "expected an array"}),
        r#"{services="expected an array"}"#,
    );
    check(
        json!({"services": [{"host": "h.test"}, 5]}),
        json!({"services": [null, "expected a record"]}),
        r#"{services={[2]="expected a record"}}"#,
    );
}

#[test]
fn records_are_judged_where_they_stand() {
    check(
        json!({"services": [{}]}),
        json!({"services": [{"host": "required field missing"}]}),
        r#"{services={{host="required field missing"}}}"#,
    );
    check(
        json!({"services": [{"host": 5, "bogus": 1}]}),
        json!({"services": [{"bogus": "unknown field", "host": "expected a string"}]}),
        r#"{services={{bogus="unknown field",host="expected a string"}}}"#,
    );
    let path = "should start with: / (fixed path) or ~/ (regex path)";
    check(
        json!({"routes": [{"paths": ["x"]}]}),
        json!({"routes": [{"paths": [path]}]}),
        r#"{routes={{paths={"should start with: / (fixed path) or ~/ (regex path)"}}}}"#,
    );
    let nope = "plugin 'nope' not enabled; add it to the 'plugins' configuration property";
    check(
        json!({"plugins": [{"name": "nope"}]}),
        json!({"plugins": [{"name": nope}]}),
        &format!(r#"{{plugins={{{{name="{nope}"}}}}}}"#),
    );
    check(
        json!({"upstreams": [{"name": "1.1.1.1"}]}),
        json!({"upstreams": [{"name": "Invalid name ('1.1.1.1'); no ip addresses allowed"}]}),
        r#"{upstreams={{name="Invalid name ('1.1.1.1'); no ip addresses allowed"}}}"#,
    );
    check(
        json!({"targets": [{"target": "a:80"}], "keyauth_credentials": [{"key": "k"}]}),
        json!({"targets": [{"upstream": "required field missing"}], "keyauth_credentials": [{"consumer": "required field missing"}]}),
        r#"{keyauth_credentials={{consumer="required field missing"}},targets={{upstream="required field missing"}}}"#,
    );
}

#[test]
fn remarks_about_several_fields_are_listed_under_the_entity() {
    let limits = "at least one of these fields must be non-empty: 'config.second', 'config.minute', 'config.hour', \
                  'config.day', 'config.month', 'config.year'";
    check(
        json!({"plugins": [{"name": "rate-limiting", "config": {}}]}),
        json!({"plugins": [{"@entity": [limits]}]}),
        &format!(r#"{{plugins={{{{["@entity"]={{"{limits}"}}}}}}}}"#),
    );
    let names = "at least one of these fields must be non-empty: 'custom_id', 'username'";
    check(
        json!({"consumers": [{}]}),
        json!({"consumers": [{"@entity": [names]}]}),
        &format!(r#"{{consumers={{{{["@entity"]={{"{names}"}}}}}}}}"#),
    );
    let https = "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'";
    check(
        json!({"services": [{"host": "h.test", "routes": [{"name": "r"}]}]}),
        json!({"services": [{"routes": [{"@entity": [https]}]}]}),
        &format!(r#"{{services={{{{routes={{{{["@entity"]={{"{https}"}}}}}}}}}}}}"#),
    );
}

#[test]
fn references_to_nobody_are_listed_by_the_name_of_who_refers() {
    check(
        json!({"routes": [{"name": "r", "paths": ["/"], "service": "none"}]}),
        json!({"routes": {"r": ["invalid reference 'service: none' (no such entry in 'services')"]}}),
        r#"{routes={r={"invalid reference 'service: none' (no such entry in 'services')"}}}"#,
    );
    check(
        json!({"keyauth_credentials": [{"key": "k", "consumer": "zz"}]}),
        json!({"keyauth_credentials": {"k": ["invalid reference 'consumer: zz' (no such entry in 'consumers')"]}}),
        r#"{keyauth_credentials={k={"invalid reference 'consumer: zz' (no such entry in 'consumers')"}}}"#,
    );
    let table = format!(r#"invalid reference 'service: {{"id":"{ID_1}"}}' (no such entry in 'services')"#);
    let fields = refused(
        document(json!({"plugins": [{"id": ID_2, "name": "cors", "service": {"id": ID_1}}]})),
        false,
    );
    assert_eq!(fields["fields"], json!({"plugins": {ID_2: [table]}}));
}

#[test]
fn a_reference_is_not_a_table_with_a_name() {
    check(
        json!({"services": [{"name": "s", "host": "h.test"}], "routes": [{"paths": ["/q"], "service": {"name": "s"}}]}),
        json!({"routes": [{"service": {"id": "missing primary key"}}]}),
        r#"{routes={{service={id="missing primary key"}}}}"#,
    );
}

#[test]
fn a_nested_record_does_not_name_another_parent() {
    check(
        json!({"services": [{"name": "s", "host": "h.test", "routes": [{"paths": ["/"], "service": "other"}]}]}),
        json!({"services": [{"routes": [{"service": "value must be null"}]}]}),
        r#"{services={{routes={{service="value must be null"}}}}}"#,
    );
}

#[test]
fn duplicates_are_listed_by_their_index() {
    let name = "uniqueness violation: 'services' entity with name set to 's' already declared";
    check(
        json!({"services": [{"name": "s", "host": "a.test"}, {"name": "s", "host": "b.test"}]}),
        json!({"services": [null, name]}),
        &format!(r#"{{services={{[2]="{name}"}}}}"#),
    );
    let id =
        format!("uniqueness violation: 'services' entity with primary key set to '{ID_1}' already declared");
    check(
        json!({"services": [{"id": ID_1, "host": "a.test"}, {"id": ID_1, "host": "b.test"}]}),
        json!({"services": [null, id]}),
        &format!(r#"{{services={{[2]="{id}"}}}}"#),
    );
    let target = format!(
        "uniqueness violation: 'targets' entity with upstream, target set to '{ID_1}, a:80' already declared"
    );
    check(
        json!({"upstreams": [{"name": "u", "id": ID_1, "targets": [{"target": "a:80", "id": ID_1}, {"target": "a:80", "id": ID_2}]}]}),
        json!({"targets": [null, target]}),
        &format!(r#"{{targets={{[2]="{target}"}}}}"#),
    );
}

/// Compares `flattened_errors` without regard to order, and what is left of `fields`.
#[track_caller]
fn check_flat(collections: Value, wanted: Value, rest: Value) {
    let object = refused(document(collections), true);
    assert_eq!(object["fields"], rest);
    let sorted = |value: &Value| {
        let mut texts: Vec<_> = value
            .as_array()
            .into_iter()
            .flatten()
            .map(with_sorted_errors)
            .collect();
        texts.sort();
        texts
    };
    assert_eq!(sorted(&object["flattened_errors"]), sorted(&wanted));
    assert_eq!(
        object["flattened_errors"].is_object(),
        wanted == json!([]),
        "an empty list is an empty table"
    );
}

fn with_sorted_errors(flat: &Value) -> String {
    let mut flat = flat.clone();
    if let Some(errors) = flat["errors"].as_array_mut() {
        errors.sort_by_key(Value::to_string);
    }
    flat.to_string()
}

#[test]
fn faults_are_listed_by_entity_on_request() {
    check_flat(
        json!({"plugins": [{"name": "rate-limiting", "instance_name": "rl", "config": {"minute": -1, "foo": 1}, "tags": ["a"]}]}),
        json!([{
            "entity": {"config": {"foo": 1, "minute": -1}, "instance_name": "rl", "name": "rate-limiting", "tags": ["a"]},
            "entity_name": "rate-limiting", "entity_tags": ["a"], "entity_type": "plugin",
            "errors": [
                {"field": "config.minute", "message": "value must be greater than 0", "type": "field"},
                {"field": "config.foo", "message": "unknown field", "type": "field"},
            ],
        }]),
        json!({}),
    );
    check_flat(
        json!({"services": [{"name": "x", "url": "nope", "port": 99999, "retries": -1}]}),
        json!([{
            "entity": {"name": "x", "port": 99999, "retries": -1, "url": "nope"}, "entity_name": "x", "entity_type": "service",
            "errors": [
                {"field": "retries", "message": "value should be between 0 and 32767", "type": "field"},
                {"field": "path", "message": "should start with: /", "type": "field"},
                {"field": "host", "message": "required field missing", "type": "field"},
            ],
        }]),
        json!({}),
    );
    check_flat(
        json!({"services": [{"host": "h.test", "protocol": "tcp", "path": "/x"}]}),
        json!([{
            "entity": {"host": "h.test", "path": "/x", "protocol": "tcp"}, "entity_type": "service",
            "errors": [
                {"field": "path", "message": "value must be null", "type": "field"},
                {"message": "failed conditional validation given value of field 'protocol'", "type": "entity"},
            ],
        }]),
        json!({}),
    );
    check_flat(
        json!({"services": [{"name": "s", "host": "h.test", "plugins": [{"name": "acl", "config": {"allow": ["a"], "deny": ["b"]}}]}]}),
        json!([{
            "entity": {"config": {"allow": ["a"], "deny": ["b"]}, "name": "acl"}, "entity_name": "acl", "entity_type": "plugin",
            "errors": [{"message": "exactly one of these fields must be non-empty: 'config.allow', 'config.deny'", "type": "entity"}],
        }]),
        json!({}),
    );
}

#[test]
fn nested_entities_are_listed_beside_their_parents() {
    check_flat(
        json!({"services": [
            {
                "name": "bad", "host": "a b", "id": ID_1, "tags": ["t1", "t2"],
                "routes": [{"name": "rbad", "paths": ["nope"], "tags": ["rt"], "id": ID_2}],
            },
            {"name": "ok", "host": "h.test"},
        ]}),
        json!([
            {
                "entity": {"id": ID_2, "name": "rbad", "paths": ["nope"], "service": {"id": ID_1}, "tags": ["rt"]},
                "entity_id": ID_2, "entity_name": "rbad", "entity_tags": ["rt"], "entity_type": "route",
                "errors": [{"field": "paths.1", "message": "should start with: / (fixed path) or ~/ (regex path)", "type": "field"}],
            },
            {
                "entity": {"host": "a b", "id": ID_1, "name": "bad", "tags": ["t1", "t2"]},
                "entity_id": ID_1, "entity_name": "bad", "entity_tags": ["t1", "t2"], "entity_type": "service",
                "errors": [{"field": "host", "message": "invalid value: a b", "type": "field"}],
            },
        ]),
        json!({}),
    );
    check_flat(
        json!({"upstreams": [{"name": "u", "hash_on": "header", "targets": [{"target": "a b", "tags": ["x"]}]}]}),
        json!([
            {
                "entity": {"tags": ["x"], "target": "a b"}, "entity_tags": ["x"], "entity_type": "target",
                "errors": [{"field": "target", "message": "Invalid target ('a b'); not a valid hostname or ip address", "type": "field"}],
            },
            {
                "entity": {"hash_on": "header", "name": "u"}, "entity_name": "u", "entity_type": "upstream",
                "errors": [
                    {"field": "hash_on_header", "message": "required field missing", "type": "field"},
                    {"message": "failed conditional validation given value of field 'hash_on'", "type": "entity"},
                ],
            },
        ]),
        json!({}),
    );
    check_flat(
        json!({"consumers": [{"username": "c", "plugins": [{"name": "nope"}], "keyauth_credentials": [{"key": 5}]}]}),
        json!([
            {
                "entity": {"name": "nope"}, "entity_name": "nope", "entity_type": "plugin",
                "errors": [{"field": "name", "message": "plugin 'nope' not enabled; add it to the 'plugins' configuration property", "type": "field"}],
            },
            {
                "entity": {"key": 5}, "entity_type": "keyauth_credential",
                "errors": [{"field": "key", "message": "expected a string", "type": "field"}],
            },
        ]),
        json!({}),
    );
}

#[test]
fn a_duplicate_is_listed_with_the_id_computed_for_it() {
    let object = refused(
        document(json!({"consumers": [{"username": "c"}, {"username": "c"}]})),
        true,
    );
    let flat = &object["flattened_errors"][0];
    let id = "c4511917-5bd2-5306-8ee5-d63ca5c67080";
    assert_eq!(
        (&flat["entity_id"], &flat["entity"]["id"]),
        (&json!(id), &json!(id))
    );
    assert_eq!(
        flat["errors"],
        json!([{"message": "uniqueness violation: 'consumers' entity with username set to 'c' already declared", "type": "entity"}])
    );
    let object = refused(
        document(json!({"plugins": [{"name": "cors"}, {"name": "cors"}]})),
        true,
    );
    let message = object["flattened_errors"][0]["errors"][0]["message"]
        .as_str()
        .unwrap();
    assert!(
        message.starts_with("uniqueness violation: 'plugins' entity with primary key set to '"),
        "{message}"
    );
    assert_eq!(object["message"], "declarative config is invalid: {}");
}

#[test]
fn what_belongs_to_no_entity_stays_in_fields() {
    let twice = "uniqueness violation: 'keyauth_credentials' entity with key set to 'k' already declared";
    let credentials = json!([{"key": "k"}]);
    check_flat(
        json!({"consumers": [
            {"username": "c", "keyauth_credentials": credentials},
            {"username": "d", "keyauth_credentials": credentials},
        ]}),
        json!([]),
        json!({"keyauth_credentials": [twice]}),
    );
    let nobody = "invalid reference 'service: none' (no such entry in 'services')";
    check_flat(
        json!({"routes": [{"name": "r", "paths": ["/"], "service": "none"}]}),
        json!([]),
        json!({"routes": {"r": [nobody]}}),
    );
    check_flat(
        json!({"nothing": []}),
        json!([]),
        json!({"nothing": "unknown field"}),
    );
}

#[track_caller]
fn check_unreadable(text: &str, error: &str) {
    let object = load_text(text, Dialect::Kong).unwrap_err().to_json(false);
    let error = format!("failed parsing declarative configuration: {error}");
    assert_eq!(object["fields"], json!({ "error": error }));
    assert_eq!(
        object["message"],
        format!("declarative config is invalid: {{error=\"{error}\"}}")
    );
    assert_eq!(object["code"], 14);
}

#[test]
fn a_text_that_cannot_be_read_is_told_so() {
    check_unreadable("", "expected an object");
    check_unreadable("just words", "expected an object");
    check_unreadable("[1]", "expected an object");
    check_unreadable(
        "a: *b",
        "line 1, column 4: while parsing node, found unknown anchor",
    );
}

#[test]
fn people_are_told_the_line() {
    let text = "\
_format_version: '3.0'
services:
- name: a
  host: a b
  routes:
  - name: r
- name: b
  host: b.test
  hots: typo
plugins:
- name: nope
nothing: 1
";
    let lines = load_text(text, Dialect::Kong).unwrap_err().lines();
    assert_eq!(
        lines,
        [
            "nothing: unknown field (line 12, column 1)",
            "plugins[0].name: plugin 'nope' not enabled; add it to the 'plugins' configuration property (line 11, column 3)",
            "services[0].host: invalid value: a b (line 4, column 3)",
            "services[0].routes[0]: must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https' (line 6, column 5)",
            "services[1].hots: unknown field (line 9, column 3)",
        ]
    );
    let text = "_format_version: '3.0'\nroutes:\n- name: r\n  paths: [/]\n  service: none\n";
    assert_eq!(
        load_text(text, Dialect::Kong).unwrap_err().lines(),
        [
            "routes[0].service: invalid reference 'service: none' (no such entry in 'services') (line 5, column 3)"
        ]
    );
}

#[test]
fn a_document_with_any_fault_is_told_all_of_them() {
    let error = load(json!({"services": [{}], "consumers": [{}], "x": 1})).unwrap_err();
    assert_eq!(error.lines().len(), 3);
}

#[test]
fn references_to_different_nobodies_are_no_duplicates() {
    let nobody = |name| {
        json!([format!(
            "invalid reference 'service: {name}' (no such entry in 'services')"
        )])
    };
    let plugins =
        json!([{"name": "cors", "id": ID_1, "service": "x"}, {"name": "cors", "id": ID_2, "service": "y"}]);
    let fields = refused(document(json!({ "plugins": plugins })), false)["fields"].clone();
    assert_eq!(fields, json!({"plugins": {ID_1: nobody("x"), ID_2: nobody("y")}}));
}
