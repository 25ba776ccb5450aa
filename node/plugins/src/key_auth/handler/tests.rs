//! Where keys are found, what is said when they are not, and what the peer gets to see.

use crate::{
    key_auth::KeyAuth,
    stage::{Played, Stage, configured, consumer},
};
use serde_json::{Value, json};

fn stage() -> Stage {
    let bob = consumer(1, "bob");
    Stage {
        target: "/x",
        credentials: vec![(
            "keyauth_credentials",
            json!({"key": "secret", "consumer": bob.id.to_string()}),
        )],
        consumers: vec![bob, consumer(3, "anon")],
        ..Stage::default()
    }
}

fn play(config: Value, stage: &Stage) -> Played {
    stage.play(&*configured(&KeyAuth, config))
}

fn check_refused(config: Value, stage: Stage, message: &str, challenge: &str) {
    let played = play(config, &stage);
    assert_eq!(played.refused(), Some((401, message.to_owned())));
    let reply = played.verdict.expect("no failure").expect("a reply");
    assert_eq!(reply.headers[0].1, challenge);
    assert_eq!(played.consumer, None);
}

fn check_admitted(config: Value, stage: Stage) -> Played {
    let played = play(config, &stage);
    assert!(matches!(played.verdict, Ok(None)), "{played:?}");
    assert_eq!(played.wish("x-consumer-username"), Some(Some("bob")));
    played
}

#[test]
fn a_request_without_exactly_one_known_key_is_refused() {
    let with = |headers| Stage { headers, ..stage() };
    let none = "No API key found in request";
    check_refused(json!({}), stage(), none, "Key");
    check_refused(
        json!({"realm": "my realm"}),
        stage(),
        none,
        "Key realm=\"my realm\"",
    );
    check_refused(json!({}), with(vec![("apikey", "bad")]), "Unauthorized", "Key");
    check_refused(json!({}), with(vec![("apikey", "")]), none, "Key");
    let twice = vec![("apikey", "secret"), ("apikey", "secret")];
    check_refused(json!({}), with(twice), "Duplicate API key found", "Key");
    check_refused(
        json!({"key_in_header": false}),
        with(vec![("apikey", "secret")]),
        none,
        "Key",
    );
    let asked = |target| Stage { target, ..stage() };
    check_refused(
        json!({"key_in_query": false}),
        asked("/x?apikey=secret"),
        none,
        "Key",
    );
    check_refused(json!({}), asked("/x?apikey"), none, "Key");
    check_refused(
        json!({}),
        asked("/x?apikey=a&apikey=b"),
        "Duplicate API key found",
        "Key",
    );
    check_refused(
        json!({"key_names": []}),
        with(vec![("apikey", "secret")]),
        none,
        "Key",
    );
}

#[test]
fn a_key_is_found_in_header_query_and_body_under_any_name() {
    let header = vec![("apikey", "secret")];
    check_admitted(
        json!({}),
        Stage {
            headers: header,
            ..stage()
        },
    );
    check_admitted(
        json!({"key_names": ["a", "K"]}),
        Stage {
            headers: vec![("k", "secret")],
            ..stage()
        },
    );
    check_admitted(
        json!({}),
        Stage {
            target: "/x?a=1&apikey=secret",
            ..stage()
        },
    );
    let body = Stage {
        headers: vec![("content-type", "application/x-www-form-urlencoded")],
        body: "apikey=secret",
        ..stage()
    };
    check_admitted(json!({"key_in_body": true}), body);
}

#[test]
fn the_peer_can_believe_the_identity_headers() {
    let stage = Stage {
        headers: vec![
            ("apikey", "secret"),
            ("x-anonymous-consumer", "true"),
            ("x-consumer-custom-id", "9"),
        ],
        ..stage()
    };
    let played = check_admitted(json!({}), stage);
    assert_eq!(
        played.wish("x-consumer-id"),
        Some(Some("00000000-0000-0000-0000-000000000001"))
    );
    assert_eq!(
        played.wish("x-credential-identifier"),
        Some(Some("00000000-0000-0000-0000-000000000063"))
    );
    assert_eq!(played.wish("x-anonymous-consumer"), Some(None));
    assert_eq!(played.wish("x-consumer-custom-id"), Some(None));
    assert_eq!(played.wish("apikey"), None);
}

#[test]
fn a_hidden_key_leaves_no_trace() {
    let hide = || json!({"hide_credentials": true, "key_in_body": true});
    let played = check_admitted(
        hide(),
        Stage {
            target: "/x?apikey=secret&a=1",
            ..stage()
        },
    );
    assert_eq!(played.query.as_deref(), Some("a=1"));
    let played = check_admitted(
        hide(),
        Stage {
            headers: vec![("apikey", "secret")],
            ..stage()
        },
    );
    assert_eq!(played.wish("apikey"), Some(None));
    let body = Stage {
        headers: vec![("content-type", "application/json")],
        body: r#"{"apikey":"secret","a":1}"#,
        ..stage()
    };
    assert_eq!(check_admitted(hide(), body).body.as_deref(), Some(r#"{"a":1}"#));
}

#[test]
fn an_unknown_client_passes_as_the_anonymous_consumer() {
    for name in ["anon", "00000000-0000-0000-0000-000000000003"] {
        let played = play(json!({"anonymous": name}), &stage());
        assert!(matches!(played.verdict, Ok(None)));
        assert_eq!(played.wish("x-consumer-username"), Some(Some("anon")));
        assert_eq!(played.wish("x-anonymous-consumer"), Some(Some("true")));
        assert_eq!(played.wish("x-credential-identifier"), Some(None));
    }
}

#[test]
fn an_anonymous_consumer_that_does_not_exist_is_a_failure() {
    assert!(play(json!({"anonymous": "nobody"}), &stage()).verdict.is_err());
}

#[test]
fn preflight_requests_pass_if_configured() {
    let stage = Stage {
        method: Some("OPTIONS"),
        ..stage()
    };
    assert!(play(json!({}), &stage).refused().is_some());
    assert!(
        play(json!({"run_on_preflight": false}), &stage)
            .refused()
            .is_none()
    );
}
