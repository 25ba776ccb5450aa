//! The log of a running node, turned up and back.

use serde_json::json;
use troop_tests::{
    node::Node,
    patience::{PATIENCE, eventually},
};

fn level(node: &Node) -> String {
    let answer = node.admin().get("/debug/node/log-level").expecting(200).json();
    answer["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_log_that_was_turned_up_goes_back_by_itself() {
    let node = Node::alone(&[("log_level", "warn")]);
    assert_eq!(level(&node), "log level: warn");
    let turned = node
        .admin()
        .put("/debug/node/log-level/debug?timeout=2", &json!({}))
        .expecting(200)
        .json();
    assert_eq!(turned["message"], "log level changed");
    assert_eq!(level(&node), "log level: debug");
    eventually(PATIENCE, "a line at debug", || {
        let log = node.log();
        if log.contains("DEBUG") {
            Ok(())
        } else {
            Err("there is none")
        }
    });
    eventually(PATIENCE, "the usual level", || match level(&node).as_str() {
        "log level: warn" => Ok(()),
        other => Err(other.to_owned()),
    });
}
