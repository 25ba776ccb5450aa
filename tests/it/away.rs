//! A node that was away: for a while, and for longer than the log is kept.

use serde_json::json;
use std::fs;
use troop_tests::{
    cluster::{Cluster, with_cluster, with_cluster_and},
    node::Node,
    origin::Origin,
};

/// Writes while the node is away: several snapshots' worth of the settings below.
const WRITES: usize = 400;

#[test]
fn a_node_that_was_away_catches_up_and_serves() {
    let origin = Origin::start("origin");
    with_cluster(3, |cluster| {
        let leader = cluster.leader();
        let away = cluster.others(leader)[1];
        cluster.node_mut(away).kill();
        write_meanwhile(cluster, &origin, 60);
        come_back(cluster, away);
    });
}

#[test]
fn a_node_that_was_away_for_longer_than_the_log_is_kept_gets_a_snapshot_and_serves() {
    let origin = Origin::start("origin");
    let settings = [("raft_snapshot_every", "50"), ("raft_log_keep", "10")];
    with_cluster_and(3, &settings, |cluster| {
        let leader = cluster.leader();
        let away = cluster.others(leader)[0];
        cluster.node_mut(away).kill();
        let before = state_of(cluster.node(away));
        write_meanwhile(cluster, &origin, WRITES);
        come_back(cluster, away);
        // A state that came as a whole lies in a directory of its own.
        assert_ne!(
            state_of(cluster.node(away)),
            before,
            "it caught up by log, so this test tested nothing"
        );
        let again = cluster.node_mut(away);
        again.kill();
        again.start();
        again.wait_healthy();
        again.fetch("/last").expecting(200);
    });
}

/// Changes of every kind at the nodes that are there: the one that is away must not keep what was deleted.
fn write_meanwhile(cluster: &mut Cluster, origin: &Origin, writes: usize) {
    let leader = cluster.leader();
    let admin = cluster.node(leader).admin();
    for i in 0..writes {
        let service = json!({"name": format!("s{i}"), "host": "s.test", "tags": [format!("t{}", i % 7)]});
        admin.post("/services", &service).expecting(201);
        if i % 3 == 0 {
            admin.delete(&format!("/services/s{i}")).expecting(204);
        }
    }
    admin.publish("last", origin.address(), "/last");
}

fn come_back(cluster: &mut Cluster, away: usize) {
    let node = cluster.node_mut(away);
    node.start();
    node.wait_healthy();
    // Linearizable: it must have everything.
    node.admin().get("/services/s1").expecting(200);
    node.admin().get("/services/s0").expecting(404);
    cluster.agree();
    // A write that it answers is served by it, and so is all that came before.
    let node = cluster.node(away);
    node.admin().publish("back", node.addresses().status, "/back");
    node.fetch("/last").expecting(200);
}

/// The name of the directory that holds its current state.
fn state_of(node: &Node) -> String {
    fs::read_to_string(node.data_dir().join("STATE")).expect("a node has a state")
}
