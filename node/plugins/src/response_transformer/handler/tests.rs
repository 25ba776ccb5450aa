//! Fields and documents on their way to the client.

use crate::{
    response_transformer::ResponseTransformer,
    stage::{Stage, configured},
};
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::Arc;
use troop_plugin_api::{Chunk, Handler, Phases, Response, Shared, Source};

fn transformer(config: Value) -> Arc<dyn Handler> {
    let mut full = json!({});
    for action in ["remove", "rename", "replace", "add", "append"] {
        full[action] = config.get(action).cloned().unwrap_or_else(|| json!({}));
    }
    configured(&ResponseTransformer, full)
}

/// What the client gets of a body that comes in these pieces.
fn filtered(config: Value, content_type: &'static str, pieces: &[&'static str]) -> Vec<String> {
    let handler = transformer(config);
    assert!(handler.phases().has(Phases::BODY_FILTER));
    let head = Stage {
        headers: vec![("content-type", content_type)],
        ..Stage::default()
    };
    let mut shared = Shared::default();
    let mut response = Response::new(200, Source::Peer, &head, &head);
    handler.header_filter(&mut shared, &mut response).expect("a head");
    let mut shared = shared.clone();
    let mut sent = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let mut chunk = Chunk {
            data: Bytes::from_static(piece.as_bytes()),
            last: at + 1 == pieces.len(),
        };
        handler.body_filter(&mut shared, &mut chunk).expect("a piece");
        sent.push(String::from_utf8(chunk.data.to_vec()).expect("text"));
    }
    sent
}

#[test]
fn fields_are_removed_renamed_replaced_added_appended() {
    let stage = Stage {
        target: "/x",
        response: vec![
            ("x-rm", "1"),
            ("x-old", "o"),
            ("x-rep", "old"),
            ("x-has", "yes"),
            ("x-app", "one"),
        ],
        ..Stage::default()
    };
    let config = json!({
        "remove": {"headers": ["X-Rm"]},
        "rename": {"headers": ["x-old:x-new"]},
        "replace": {"headers": ["x-rep:new", "x-none:zzz"]},
        "add": {"headers": ["x-add:1", "x-has:no", "not a name:1"]},
        "append": {"headers": ["x-app:two"]},
    });
    let played = stage.play(&*transformer(config));
    let said: Vec<_> = played
        .echoed
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        said,
        [("x-new", "o"), ("x-rep", "new"), ("x-add", "1"), ("x-app", "two")]
    );
}

fn members() -> Value {
    json!({
        "remove": {"json": ["rm"]},
        "rename": {"json": ["old:new"]},
        "replace": {"json": ["rep:5", "none:1"], "json_types": ["number", "string"]},
        "add": {"json": ["n:1.5", "b:true", "s:1", "bad:x"], "json_types": ["number", "boolean", "string", "number"]},
        "append": {"json": ["app:two"]},
    })
}

#[test]
fn members_are_changed_once_the_whole_document_is_there() {
    let pieces = [r#"{"rm":1,"old":2,"#, r#""rep":3,"app":["one"]}"#, ""];
    let sent = filtered(members(), "application/json; charset=utf-8", &pieces);
    assert_eq!(sent[..2], ["", ""]);
    let document: Value = serde_json::from_str(&sent[2]).expect("JSON");
    assert_eq!(
        document,
        json!({"new": 2, "rep": 5, "app": ["one", "two"], "n": 1.5, "b": true, "s": "1"})
    );
}

#[test]
fn what_is_no_json_object_is_sent_as_it_came() {
    assert_eq!(
        filtered(members(), "application/json", &["not ", "json"]),
        ["", "not json"]
    );
    assert_eq!(filtered(members(), "application/json", &["[1,2]"]), ["[1,2]"]);
    assert_eq!(
        filtered(members(), "text/plain", &["{\"rm\":", "1}"]),
        ["{\"rm\":", "1}"]
    );
}

#[test]
fn a_document_too_large_to_be_held_is_sent_as_it_came() {
    let large: &'static str = Box::leak(" ".repeat(super::DOCUMENT_MAX_BYTES).into_boxed_str());
    let sent = filtered(members(), "application/json", &["{", large, "}"]);
    assert_eq!(
        sent.iter().map(String::len).collect::<Vec<_>>(),
        [0, large.len() + 1, 1]
    );
}

#[test]
fn bodies_are_not_looked_at_unless_members_are_to_be_changed() {
    assert!(!transformer(json!({})).phases().has(Phases::BODY_FILTER));
}
