//! The access log: what stands in it, what never does, and where it goes.

use rustix::process::Signal;
use serde_json::{Value, json};
use std::{fs, path::PathBuf};
use troop_tests::{node::Node, origin::Origin, patience::lines, wire::Request};

const SECRET: &str = "key-of-anna";

/// A node with one published service that asks for keys.
fn guarded(origin: &Origin, settings: &[(&str, &str)]) -> Node {
    let node = Node::alone(settings);
    let admin = node.admin();
    admin.publish("p", origin.address(), "/p");
    admin
        .post("/consumers", &json!({"username": "anna"}))
        .expecting(201);
    admin
        .post("/consumers/anna/key-auth", &json!({"key": SECRET}))
        .expecting(201);
    admin
        .post("/services/p/plugins?wait=all", &json!({"name": "key-auth"}))
        .expecting(201);
    node
}

fn log(node: &Node) -> PathBuf {
    node.data_dir().join("access.log")
}

#[test]
fn an_object_per_request_tells_who_what_and_where_and_no_secret() {
    let origin = Origin::start("origin");
    let node = guarded(&origin, &[("proxy_access_log_format", "json")]);
    let asked = Request::get(&format!("/p?apikey={SECRET}&x=1")).header("Authorization", "Basic c2VjcmV0");
    node.proxy(&asked).expecting(200);
    let written = lines(&log(&node), 1);
    let told: Value = serde_json::from_str(&written[0]).expect("an object");
    assert_eq!(told["target"], "/p?apikey=***&x=1");
    assert_eq!(told["consumer"], "anna");
    assert_eq!((&told["route"], &told["service"]), (&json!("p"), &json!("p")));
    assert_eq!(
        (&told["status"], &told["peer_status"]),
        (&json!(200), &json!(200))
    );
    assert_eq!(told["peer"], origin.address().to_string());
    let guessed = Request::get("/p?apikey=guessed-wrong").header("Cookie", "session=secret-cookie");
    node.proxy(&guessed).expecting(401);
    let text = lines(&log(&node), 2).join("\n");
    for secret in [SECRET, "c2VjcmV0", "guessed-wrong", "secret-cookie"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_pattern_of_ones_own_and_a_sample() {
    let origin = Origin::start("origin");
    let node = Node::alone(&[
        (
            "proxy_access_log_format",
            "$request_method $uri $status ${http_x_team}!",
        ),
        ("proxy_access_log_sampling", "0.5"),
        ("workers", "1"),
    ]);
    node.admin().publish("p", origin.address(), "/p");
    for _ in 0..10 {
        node.proxy(&Request::get("/p/x?secret=1").header("X-Team", "blue"))
            .expecting(200);
    }
    let written = lines(&log(&node), 5);
    assert_eq!(written, vec!["GET /p/x 200 blue!"; 5]);
}

#[test]
fn a_format_that_cannot_be_followed_is_refused_at_the_start() {
    let mut node = Node::new(
        "refused",
        &[("proxy_access_log_format", "$status $http_authorization")],
    );
    let finished = node.start_refused().expecting(2);
    assert!(finished.stderr.contains("carries a secret"), "{finished:?}");
}

#[test]
fn after_a_rotation_and_a_signal_the_new_file_is_written() {
    let origin = Origin::start("origin");
    let mut node = Node::alone(&[]);
    node.admin().publish("p", origin.address(), "/p");
    node.fetch("/p").expecting(200);
    lines(&log(&node), 1);
    let rotated = node.data_dir().join("access.log.1");
    fs::rename(log(&node), &rotated).expect("a rotation");
    node.signal(Signal::HUP);
    node.fetch("/p").expecting(200);
    assert_eq!(lines(&log(&node), 1).len(), 1);
    assert_eq!(lines(&rotated, 1).len(), 1);
    assert!(node.is_running(), "SIGHUP ends no node");
}
