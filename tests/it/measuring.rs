//! What a node says of itself at `/metrics`.

use serde_json::json;
use std::collections::BTreeMap;
use troop_tests::{
    cluster::with_cluster,
    node::Node,
    origin::Origin,
    patience::{PATIENCE, eventually},
    wire::{self, Request},
};

/// Rows by name and labels, as the status listener tells them.
fn rows(node: &Node) -> BTreeMap<String, f64> {
    let answer = wire::ask(node.addresses().status, &Request::get("/metrics")).expect("an answer");
    let text = String::from_utf8(answer.expecting(200).body).expect("text");
    let row = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a name and a number");
        (name.to_owned(), value.parse().expect("a number"))
    };
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(row)
        .collect()
}

fn wait_for(node: &Node, row: &str, wanted: impl Fn(f64) -> bool) {
    eventually(PATIENCE, row, || match rows(node).get(row) {
        Some(value) if wanted(*value) => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

#[test]
fn a_change_shows_in_revision_history_and_propagation() {
    let node = Node::alone(&[]);
    let before = rows(&node);
    let admin = node.admin();
    let revision = admin
        .post("/consumers?wait=all", &json!({"username": "anna"}))
        .expecting(201)
        .revision();
    wait_for(&node, "troop_served_revision", |now| now >= revision as f64);
    let after = rows(&node);
    let grew = |row: &str| after[row] - before[row];
    assert!(grew("troop_history_events") >= 1.0);
    assert!(grew("troop_propagation_seconds_count") >= 1.0);
    assert!(grew("troop_propagation_seconds_sum") > 0.0);
    assert!(
        after["troop_plan_build_seconds_count"] >= 1.0,
        "the plan of the start"
    );
    assert!(after["troop_applied_revision"] >= revision as f64);
}

#[test]
fn connections_to_peers_are_seen_waiting() {
    let origin = Origin::start("origin");
    let node = Node::alone(&[]);
    node.admin().publish("p", origin.address(), "/p");
    node.fetch("/p").expecting(200);
    wait_for(&node, "troop_peer_connections_idle", |now| now == 1.0);
    let rows = rows(&node);
    assert_eq!(rows["troop_peer_connects_total"], 1.0);
    assert!(rows["troop_requests_total"] >= 1.0);
}

#[test]
fn of_three_nodes_one_leads_and_all_tell_the_same_term() {
    with_cluster(3, |cluster| {
        let leader = cluster.leader();
        eventually(PATIENCE, "one leader, one term", || {
            let all: Vec<_> = cluster
                .numbers()
                .into_iter()
                .map(|n| (n, rows(cluster.node(n))))
                .collect();
            let fine = all.iter().all(|(n, rows)| {
                let leads = rows["troop_raft_role{role=\"leader\"}"] == 1.0;
                leads == (*n == leader)
                    && rows["troop_raft_leader_known"] == 1.0
                    && rows["troop_raft_quorum"] == 1.0
                    && rows["troop_raft_lag_entries"] == 0.0
                    && rows["troop_raft_term"] == all[0].1["troop_raft_term"]
                    && rows["troop_raft_applied_index"] == rows["troop_raft_last_log_index"]
            });
            if fine { Ok(()) } else { Err(format!("{all:?}")) }
        });
    });
}

#[test]
fn clients_cannot_add_rows() {
    let origin = Origin::start("origin");
    let node = Node::alone(&[]);
    node.admin().publish("p", origin.address(), "/p");
    node.admin().post("/plugins", &json!({"name": "prometheus", "config": {"status_code_metrics": true, "latency_metrics": true, "bandwidth_metrics": true, "per_consumer": true}})).expecting(201);
    let ask = |n: usize| {
        let request = Request::get(&format!("/p/{n}?n={n}")).header("X-N", &n.to_string());
        node.proxy(&request.header("User-Agent", &format!("agent-{n}")))
            .expecting(200);
    };
    (0..5).for_each(ask);
    let names = |node: &Node| rows(node).into_keys().collect::<Vec<_>>();
    let before = names(&node);
    (5..50).for_each(ask);
    assert_eq!(names(&node), before);
}
