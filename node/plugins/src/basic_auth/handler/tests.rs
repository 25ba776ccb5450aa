//! Who is admitted by name and password, and what the peer gets to see.

use crate::{
    basic_auth::BasicAuth,
    stage::{Played, Stage, configured, consumer},
};
use serde_json::{Value, json};

/// `u:p:w`
const GOOD: &str = "Basic dTpwOnc=";

fn stage(headers: Vec<(&'static str, &'static str)>) -> Stage {
    let bob = consumer(1, "bob");
    let stored = troop_schema::password::of_consumer("p:w", &bob.id.to_string());
    Stage {
        target: "/x",
        headers,
        credentials: vec![(
            "basicauth_credentials",
            json!({"username": "u", "password": stored, "consumer": bob.id.to_string()}),
        )],
        consumers: vec![bob, consumer(3, "anon")],
        ..Stage::default()
    }
}

fn play(config: Value, headers: Vec<(&'static str, &'static str)>) -> Played {
    stage(headers).play(&*configured(&BasicAuth, config))
}

fn check(headers: Vec<(&'static str, &'static str)>, admitted: bool) {
    let shown = headers.clone();
    let played = play(json!({}), headers);
    if admitted {
        assert_eq!(played.wish("x-consumer-username"), Some(Some("bob")), "{shown:?}");
        assert_eq!(played.wish("x-credential-identifier"), Some(Some("u")));
    } else {
        assert_eq!(played.refused(), Some((401, "Unauthorized".into())), "{shown:?}");
        let reply = played.verdict.expect("no failure").expect("a reply");
        assert_eq!(reply.headers[0].1, "Basic realm=\"service\"");
    }
}

#[test]
fn exactly_the_right_name_and_password_admit() {
    for (value, admitted) in [
        (GOOD, true),
        ("basic dTpwOnc=", true),
        ("basic dTpwOnc", true),
        ("Bearer dTpwOnc=", false),
        ("Basic dTpiYWQ=", false),
        ("Basic enk6cDp3", false),
        ("Basic dQ==", false),
        ("Basic OnA6dw==", false),
        ("Basic !!!", false),
        ("Basic", false),
        ("", false),
    ] {
        check(vec![("authorization", value)], admitted);
        check(vec![("proxy-authorization", value)], admitted);
    }
    check(vec![], false);
}

#[test]
fn the_other_field_counts_if_the_name_in_the_first_is_not_known() {
    check(
        vec![("proxy-authorization", "Basic enk6cDp3"), ("authorization", GOOD)],
        true,
    );
    check(
        vec![("proxy-authorization", "Basic dTpiYWQ="), ("authorization", GOOD)],
        false,
    );
}

#[test]
fn a_hidden_password_does_not_reach_the_peer_and_other_fields_stay() {
    let hide = json!({"hide_credentials": true});
    let played = play(
        hide,
        vec![("proxy-authorization", GOOD), ("authorization", "keep")],
    );
    assert_eq!(played.wish("proxy-authorization"), Some(None));
    assert_eq!(played.wish("authorization"), None);
}

#[test]
fn an_unknown_client_passes_as_the_anonymous_consumer() {
    let played = play(
        json!({"anonymous": "anon"}),
        vec![("authorization", "Basic dTpiYWQ=")],
    );
    assert!(matches!(played.verdict, Ok(None)));
    assert_eq!(played.wish("x-consumer-username"), Some(Some("anon")));
}
