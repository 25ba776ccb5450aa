//! Announced bodies, measured bodies, and requests that announce nothing.

use crate::{
    request_size_limiting::RequestSizeLimiting,
    stage::{Stage, configured},
};
use serde_json::{Value, json};

fn check(
    config: Value,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static str,
    refused: Option<u16>,
) {
    let stage = Stage {
        target: "/x",
        headers,
        body,
        ..Stage::default()
    };
    let played = stage.play(&*configured(&RequestSizeLimiting, config));
    assert_eq!(played.refused().map(|(status, _)| status), refused, "{body}");
}

fn five() -> Value {
    json!({"allowed_payload_size": 5, "size_unit": "bytes"})
}

#[test]
fn an_announced_body_is_judged_by_its_announcement() {
    check(five(), vec![("content-length", "5")], "", None);
    check(five(), vec![("content-length", "6")], "", Some(413));
    let waiting = vec![("content-length", "6"), ("expect", "100-continue")];
    check(five(), waiting, "", Some(417));
    let kilobyte = || json!({"allowed_payload_size": 1, "size_unit": "kilobytes"});
    check(kilobyte(), vec![("content-length", "1024")], "", None);
    check(kilobyte(), vec![("content-length", "1025")], "", Some(413));
}

#[test]
fn a_body_that_announces_nothing_is_measured() {
    check(five(), vec![("transfer-encoding", "chunked")], "12345", None);
    check(
        five(),
        vec![("transfer-encoding", "chunked")],
        "123456",
        Some(413),
    );
    check(
        json!({"allowed_payload_size": 2}),
        vec![("transfer-encoding", "chunked")],
        "123456",
        None,
    );
}

#[test]
fn a_length_can_be_demanded_of_all_but_chunked_bodies() {
    let demanding = || json!({"require_content_length": true});
    check(demanding(), vec![], "", Some(411));
    check(demanding(), vec![("transfer-encoding", "chunked")], "1", None);
    check(demanding(), vec![("content-length", "1")], "1", None);
}
