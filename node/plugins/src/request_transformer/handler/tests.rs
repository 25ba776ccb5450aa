//! What the peer gets in place of what the client sent.

use crate::{
    request_transformer::RequestTransformer,
    stage::{Played, Stage, configured},
};
use serde_json::{Value, json};

fn play(config: Value, stage: &Stage) -> Played {
    let mut full = json!({});
    for action in ["remove", "rename", "replace", "add", "append"] {
        full[action] = config.get(action).cloned().unwrap_or_else(|| json!({}));
    }
    full["http_method"] = config.get("http_method").cloned().unwrap_or(Value::Null);
    stage.play(&*configured(&RequestTransformer, full))
}

/// The values a field has when the wishes are carried out.
fn values<'a>(played: &'a Played, name: &str) -> Vec<&'a str> {
    let wishes = played.wishes.iter().filter(|(own, _)| own == name);
    wishes.filter_map(|(_, value)| value.as_deref()).collect()
}

#[test]
fn fields_are_removed_renamed_replaced_added_appended() {
    let config = json!({
        "remove": {"headers": ["X-Rm"]},
        "rename": {"headers": ["x-old:x-new"]},
        "replace": {"headers": ["x-rep:new", "x-none:zzz", "Host:other.test"]},
        "add": {"headers": ["x-add:1", "x-has:no", "host:ignored.test"]},
        "append": {"headers": ["x-app:two"]},
    });
    let stage = Stage {
        target: "/x",
        headers: vec![
            ("host", "gw.test"),
            ("x-rm", "1"),
            ("x-old", "o"),
            ("x-rep", "old"),
            ("x-has", "yes"),
            ("x-app", "one"),
        ],
        ..Stage::default()
    };
    let played = play(config, &stage);
    for (name, expected) in [
        ("x-rm", vec![]),
        ("x-old", vec![]),
        ("x-new", vec!["o"]),
        ("x-rep", vec!["new"]),
        ("x-none", vec![]),
        ("x-add", vec!["1"]),
        ("x-has", vec![]),
        ("x-app", vec!["one", "two"]),
    ] {
        assert_eq!(values(&played, name), expected, "{name}");
    }
    assert_eq!(played.wish("x-has"), None);
    assert_eq!(played.wish("x-rm"), Some(None));
    assert_eq!(played.host.as_deref(), Some("other.test"));
}

#[test]
fn path_query_and_fields_are_filled_from_the_request() {
    let config = json!({
        "replace": {"uri": "/users/$(headers.x_in) x"},
        "add": {"headers": ["x-q:$(query_params.q)", "x-e:$(query_params.none)"], "querystring": ["r:$(headers['x-in'])"]},
    });
    let stage = Stage {
        target: "/x?q=7",
        headers: vec![("x-in", "in")],
        ..Stage::default()
    };
    let played = play(config, &stage);
    assert_eq!(played.path.as_deref(), Some("/users/in%20x"));
    assert_eq!(played.query.as_deref(), Some("q=7&r=in"));
    assert_eq!(
        (values(&played, "x-q"), values(&played, "x-e")),
        (vec!["7"], vec![""])
    );
}

#[test]
fn a_path_that_is_none_is_a_failure() {
    let stage = Stage {
        target: "/x",
        ..Stage::default()
    };
    assert!(
        play(json!({"replace": {"uri": "$(headers.none)"}}), &stage)
            .verdict
            .is_err()
    );
}

#[test]
fn a_form_goes_into_the_query_when_the_method_has_no_body() {
    let form = Stage {
        target: "/x?a=0&z=1",
        headers: vec![("content-type", "application/x-www-form-urlencoded")],
        body: "a=1&b=2",
        ..Stage::default()
    };
    let played = play(json!({"http_method": "GET"}), &form);
    assert_eq!(played.method.as_deref(), Some("GET"));
    assert_eq!(played.query.as_deref(), Some("z=1&a=1&b=2"));
    let played = play(json!({"http_method": "PUT"}), &form);
    assert_eq!((played.method.as_deref(), played.query), (Some("PUT"), None));
}

#[test]
fn a_body_is_changed_by_name() {
    let stage = Stage {
        target: "/x",
        headers: vec![("content-type", "application/json")],
        body: r#"{"rm":1,"has":4}"#,
        ..Stage::default()
    };
    let config = json!({"remove": {"body": ["rm"]}, "add": {"body": ["add:1", "has:no"]}});
    assert_eq!(
        play(config, &stage).body.as_deref(),
        Some(r#"{"add":"1","has":4}"#)
    );
}
