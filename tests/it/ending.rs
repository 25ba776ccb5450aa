//! Ending a node without cutting anybody off, and the line each request leaves.

use std::{
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};
use troop_tests::{
    answer::Answer,
    node::Node,
    origin::Origin,
    patience::{PATIENCE, eventually},
    program,
    wire::{Connection, Request},
};

/// A node with `/slow` whose requests are held by the origin.
fn node_with(origin: &Origin, settings: &[(&str, &str)]) -> Node {
    let node = Node::alone(settings);
    node.admin().publish("slow", origin.address(), "/slow");
    node
}

/// A request that has reached the origin and waits there.
fn held(node: &Node, origin: &Origin) -> Connection {
    let mut connection = node.connect();
    connection.send(&Request::get("/slow/held")).expect("it is sent");
    eventually(PATIENCE, "the origin holds the request", || {
        if origin.holding() == 1 {
            Ok(())
        } else {
            Err(origin.holding())
        }
    });
    connection
}

fn listens_no_more(node: &Node) {
    eventually(
        PATIENCE,
        "new connections are refused",
        || match TcpStream::connect(node.addresses().proxy) {
            Err(_) => Ok(()),
            Ok(_) => Err("one was accepted"),
        },
    );
}

#[test]
fn a_request_in_flight_finishes_when_the_node_is_told_to_end() {
    let origin = Origin::start("origin");
    let mut node = node_with(&origin, &[("drain_timeout", "60s")]);
    let mut open = held(&node, &origin);
    let mut idle = node.connect();
    idle.exchange(&Request::get("/slow"))
        .expect("an answer")
        .expecting(200);
    node.terminate();
    listens_no_more(&node);
    assert!(idle.is_closed(), "an idle connection keeps nobody");
    assert!(
        node.is_running(),
        "it must wait for the open request:\n{}",
        node.log()
    );
    origin.release();
    let answer = open
        .receive("GET")
        .expect("the open request is answered")
        .expecting(200);
    assert!(answer.must("Connection").contains("close"), "{answer:?}");
    assert_eq!(node.wait_ended(), Some(0));
}

#[test]
fn the_drain_has_an_end_when_a_request_has_none() {
    let origin = Origin::start("origin");
    let mut node = node_with(&origin, &[("drain_timeout", "500ms")]);
    let mut open = held(&node, &origin);
    let started = Instant::now();
    node.terminate();
    node.wait_ended();
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
    assert!(open.receive("GET").is_err(), "the connection is cut");
}

#[test]
fn a_second_signal_ends_the_node_at_once() {
    let origin = Origin::start("origin");
    let mut node = node_with(&origin, &[("drain_timeout", "10m")]);
    let _open = held(&node, &origin);
    node.terminate();
    listens_no_more(&node);
    node.terminate();
    node.wait_ended();
}

#[test]
fn the_stop_command_returns_when_the_node_has_drained_and_is_gone() {
    let origin = Origin::start("origin");
    let mut node = node_with(&origin, &[("drain_timeout", "60s")]);
    let mut open = held(&node, &origin);
    let admin = node.addresses().admin.to_string();
    let stop = thread::spawn(move || program::run(&["stop", "--output", "json", "--admin", &admin]));
    listens_no_more(&node);
    assert!(!stop.is_finished(), "it came back before the node was gone");
    origin.release();
    open.receive("GET")
        .expect("the open request is answered")
        .expecting(200);
    let stopped = stop.join().expect("the command ran").expecting(0);
    assert_eq!(stopped.json()["stopped"], true);
    assert!(
        TcpStream::connect(node.addresses().admin).is_err(),
        "somebody still listens"
    );
    assert_eq!(node.wait_ended(), Some(0));
}

#[test]
fn each_request_leaves_one_line() {
    let origin = Origin::start("origin");
    let mut node = node_with(&origin, &[]);
    let asked = Request::get("/slow/a?b=c")
        .header("User-Agent", "it \"quoted\" é")
        .header("Referer", "http://r.test/");
    let served = node.proxy(&asked).expecting(200);
    let missing = node.fetch("/none").expecting(404);
    // A line is written after the answer, and surely before the end.
    assert_eq!(node.stop(), Some(0));
    let lines = node.access_log();
    assert_eq!(lines.len(), 2, "{lines:?}");
    let peer = origin.address().to_string();
    // Workers write their lines each in its own time, so only the id tells whose is whose.
    let line_of = |answer: &Answer| {
        let id = answer.must("X-Kong-Request-Id");
        lines
            .iter()
            .find(|line| line.contains(id))
            .unwrap_or_else(|| panic!("no {id} in {lines:?}"))
    };
    for (line, words) in [
        (
            line_of(&served),
            [
                "127.0.0.1 - - [",
                "\"GET /slow/a?b=c HTTP/1.1\" 200 ",
                "\"http://r.test/\" \"it \\x22quoted\\x22 \\xC3\\xA9\"",
                &format!("kong_request_id: \"{}\"", served.must("X-Kong-Request-Id")),
                &format!("peer={peer}"),
            ],
        ),
        (
            line_of(&missing),
            [
                "127.0.0.1 - - [",
                "\"GET /none HTTP/1.1\" 404 ",
                " \"-\" \"-\" ",
                &format!("kong_request_id: \"{}\"", missing.must("X-Kong-Request-Id")),
                "peer=-",
            ],
        ),
    ] {
        for word in words {
            assert!(line.contains(word), "no {word:?} in {line}");
        }
    }
    let size = format!("\" 200 {} ", served.body.len());
    assert!(line_of(&served).contains(&size), "no {size:?} in {lines:?}");
}
