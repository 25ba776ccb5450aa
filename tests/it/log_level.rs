//! The log of a running node, turned up and back.

use serde_json::json;
use troop_tests::{
    cluster::with_cluster,
    node::Node,
    patience::{PATIENCE, eventually},
};

/// Longer than any run of this test.
const LONG: &str = "600";

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

#[test]
fn a_turn_for_the_cluster_is_heard_by_every_node() {
    with_cluster(3, |cluster| {
        let told = cluster
            .node(2)
            .admin()
            .put(
                &format!("/debug/cluster/log-level/notice?timeout={LONG}"),
                &json!({}),
            )
            .expecting(200)
            .json();
        assert_eq!(told["message"], "log level changed");
        for number in cluster.numbers() {
            eventually(PATIENCE, "every node", || {
                match level(cluster.node(number)).as_str() {
                    "log level: notice" => Ok(()),
                    other => Err(other.to_owned()),
                }
            });
        }
        let unknown = cluster
            .node(1)
            .admin()
            .put("/debug/cluster/log-level/loud", &json!({}));
        assert_eq!(
            unknown.expecting(400).json()["message"],
            "unknown log level: loud"
        );
    });
}
