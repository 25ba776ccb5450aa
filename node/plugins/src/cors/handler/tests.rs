//! What preflights are told and which responses may be read by whom.

use crate::{
    cors::Cors,
    stage::{Played, Stage, configured},
};
use serde_json::{Value, json};

fn preflight() -> Stage {
    Stage {
        method: Some("OPTIONS"),
        target: "/x",
        headers: vec![
            ("origin", "http://a.test"),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "X-A, X-B"),
            ("access-control-request-private-network", "true"),
        ],
        ..Stage::default()
    }
}

fn from(origin: Option<&'static str>) -> Stage {
    Stage {
        target: "/x",
        headers: origin.map(|origin| ("origin", origin)).into_iter().collect(),
        ..Stage::default()
    }
}

fn play(config: Value, stage: &Stage) -> Played {
    stage.play(&*configured(&Cors, config))
}

fn answered(played: &Played) -> Vec<(&str, &str)> {
    let reply = played
        .verdict
        .as_ref()
        .expect("no failure")
        .as_ref()
        .expect("an answer");
    assert_eq!(reply.status, 200);
    reply
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().expect("text")))
        .collect()
}

const ALL: &str = "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT";

#[test]
fn a_preflight_is_answered_and_its_answer_is_marked_once() {
    let played = play(
        json!({"max_age": 5, "methods": ["GET", "PUT"], "headers": ["x", "y"]}),
        &preflight(),
    );
    assert_eq!(
        answered(&played),
        [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-headers", "x,y"),
            ("access-control-allow-methods", "GET,PUT"),
            ("access-control-max-age", "5"),
        ]
    );
    assert_eq!(played.echoed, []);
}

#[test]
fn headers_asked_for_are_granted_if_none_are_configured() {
    let played = play(json!({"private_network": true}), &preflight());
    assert_eq!(
        answered(&played),
        [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-headers", "X-A, X-B"),
            ("access-control-allow-methods", ALL),
            ("access-control-allow-private-network", "true"),
        ]
    );
}

#[test]
fn a_preflight_may_be_left_to_the_peer() {
    let played = play(json!({"preflight_continue": true}), &preflight());
    assert!(matches!(played.verdict, Ok(None)));
    assert_eq!(played.echoed, []);
}

fn check(config: Value, origin: Option<&'static str>, expected: &[(&str, &str)]) {
    let played = play(config, &from(origin));
    assert!(matches!(played.verdict, Ok(None)));
    let said: Vec<_> = played
        .echoed
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    assert_eq!(said, expected, "{origin:?}");
}

#[test]
fn a_response_says_who_may_read_it() {
    const ORIGIN: &str = "access-control-allow-origin";
    const CREDENTIALS: (&str, &str) = ("access-control-allow-credentials", "true");
    const VARY: (&str, &str) = ("vary", "Origin");
    let two = || json!({"origins": ["http://a.test", "http://b.test"], "credentials": true});
    check(json!({}), None, &[(ORIGIN, "*")]);
    check(json!({"credentials": true}), None, &[(ORIGIN, "*")]);
    check(
        json!({"credentials": true}),
        Some("http://a.test"),
        &[(ORIGIN, "http://a.test"), VARY, CREDENTIALS],
    );
    check(
        json!({"origins": ["http://a.test"]}),
        Some("http://z.test"),
        &[(ORIGIN, "http://a.test"), VARY],
    );
    check(
        two(),
        Some("http://b.test"),
        &[(ORIGIN, "http://b.test"), VARY, CREDENTIALS],
    );
    check(two(), Some("http://z.test"), &[VARY, CREDENTIALS]);
    check(
        json!({"exposed_headers": ["x", "y"]}),
        None,
        &[(ORIGIN, "*"), ("access-control-expose-headers", "x,y")],
    );
}
