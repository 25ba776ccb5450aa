//! Which id is made, sent on and echoed.

use crate::{
    correlation_id::CorrelationId,
    stage::{Played, Stage, configured},
};
use serde_json::{Value, json};

fn play(config: Value, headers: Vec<(&'static str, &'static str)>) -> Played {
    let stage = Stage {
        headers,
        ..Stage::default()
    };
    stage.play(&*configured(&CorrelationId, config))
}

fn made(config: Value, name: &str) -> String {
    let played = play(config, vec![]);
    played.wish(name).flatten().expect("an id").to_owned()
}

#[test]
fn each_generator_has_its_format() {
    let uuid = made(json!({"generator": "uuid"}), "kong-request-id");
    assert!(uuid.len() == 36 && uuid.as_bytes()[14] == b'4', "{uuid}");
    let counted = made(json!({}), "kong-request-id");
    let (process, count) = counted.split_once('#').expect("a counter");
    assert!(process.len() == 36 && count.parse::<u64>().is_ok(), "{counted}");
    let tracker = made(json!({"generator": "tracker", "header_name": "X-T"}), "x-t");
    let pid = std::process::id();
    assert_eq!(tracker, format!("127.0.0.1-8000-{pid}-7-2-1700000000.012"));
}

#[test]
fn two_ids_are_never_the_same() {
    assert_ne!(
        made(json!({}), "kong-request-id"),
        made(json!({}), "kong-request-id")
    );
}

#[test]
fn the_clients_own_id_is_kept_unless_it_is_empty() {
    assert_eq!(
        play(json!({}), vec![("kong-request-id", "mine")]).wish("kong-request-id"),
        None
    );
    assert!(
        play(json!({}), vec![("kong-request-id", "")])
            .wish("kong-request-id")
            .is_some()
    );
}

#[test]
fn the_id_is_echoed_only_if_configured() {
    let echo = || json!({"header_name": "X-C", "echo_downstream": true});
    assert_eq!(
        play(echo(), vec![("x-c", "cc")]).echoed,
        [("x-c".to_owned(), "cc".to_owned())]
    );
    let fresh = play(echo(), vec![]);
    assert_eq!(Some(Some(fresh.echoed[0].1.as_str())), fresh.wish("x-c"));
    assert!(play(json!({}), vec![]).echoed.is_empty());
}
