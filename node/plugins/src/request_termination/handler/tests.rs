//! Statuses, messages, triggers and the echo.

use crate::{
    request_termination::RequestTermination,
    stage::{Stage, configured},
};
use serde_json::{Value, json};

fn check(config: Value, expected: Option<(u16, &str)>) {
    check_on(config, &Stage::default(), expected);
}

fn check_on(config: Value, stage: &Stage, expected: Option<(u16, &str)>) {
    let played = stage.play(&*configured(&RequestTermination, config));
    assert_eq!(
        played.refused(),
        expected.map(|(status, body)| (status, body.to_owned()))
    );
}

#[test]
fn each_status_has_its_message_or_none() {
    check(json!({}), Some((503, r#"{"message":"Service unavailable"}"#)));
    check(
        json!({"status_code": 401}),
        Some((401, r#"{"message":"Unauthorized"}"#)),
    );
    check(
        json!({"status_code": 404, "message": "custom"}),
        Some((404, r#"{"message":"custom"}"#)),
    );
    check(json!({"status_code": 418}), Some((418, "")));
    check(
        json!({"status_code": 200, "body": "b", "content_type": "text/plain"}),
        Some((200, "b")),
    );
}

#[test]
fn with_a_trigger_only_marked_requests_are_answered() {
    let armed = || json!({"trigger": "X-Stop"});
    check(armed(), None);
    let headed = Stage {
        headers: vec![("x-stop", "")],
        ..Stage::default()
    };
    check_on(
        armed(),
        &headed,
        Some((503, r#"{"message":"Service unavailable"}"#)),
    );
    let asked = Stage {
        target: "/?X-Stop",
        ..Stage::default()
    };
    check_on(
        armed(),
        &asked,
        Some((503, r#"{"message":"Service unavailable"}"#)),
    );
}

#[test]
fn the_echo_shows_what_the_gateway_saw() {
    let stage = Stage {
        target: "/x/y?a=1&b",
        headers: vec![("content-type", "application/json"), ("x-a", "1")],
        body: r#"{"k": "v"}"#,
        ..Stage::default()
    };
    let played = stage.play(&*configured(
        &RequestTermination,
        json!({"status_code": 200, "echo": true}),
    ));
    let (status, body) = played.refused().expect("an answer");
    let seen: Value = serde_json::from_str(&body).expect("json");
    assert_eq!(status, 200);
    assert_eq!(seen["request"]["query"], json!({"a": "1", "b": true}));
    assert_eq!(seen["request"]["path"], "/x/y");
    assert_eq!(seen["request"]["headers"]["x-a"], "1");
    assert_eq!(seen["request"]["body"], json!({"k": "v"}));
    assert_eq!(seen["request"]["raw_body"], r#"{"k": "v"}"#);
    assert_eq!(seen.get("message"), None);
}
