//! What a node tells those who watch it: load balancers, monitoring, and whoever follows the history.

use serde_json::{Value, json};
use std::time::{Duration, Instant};
use troop_tests::{
    admin::Admin,
    cluster::with_cluster,
    node::Node,
    patience::{PATIENCE, eventually},
    wire::{Connection, Request},
};

#[test]
fn the_status_port_tells_how_a_node_is_and_changes_nothing() {
    let node = Node::alone(&[]);
    let status = Admin::at(node.addresses().status);
    eventually(PATIENCE, "the node is ready for traffic", || {
        let answer = status.get("/status/ready");
        if answer.status == 200 {
            Ok(())
        } else {
            Err(answer.text())
        }
    });
    let document = status.get("/status").expecting(200).json();
    assert_eq!(document["database"], json!({"reachable": true}));
    for counter in ["connections_active", "connections_accepted", "total_requests"] {
        assert!(document["server"][counter].is_u64(), "{counter} in {document}");
    }
    let metrics = status.get("/metrics").expecting(200).text();
    for name in [
        "troop_applied_revision",
        "troop_served_revision",
        "troop_requests_total",
    ] {
        assert!(
            metrics.lines().any(|line| line.starts_with(name)),
            "{name} in {metrics}"
        );
    }
    status
        .post("/services", &json!({"name": "a", "host": "a.test"}))
        .expecting(404);
    status.post("/troop/stop", &json!({})).expecting(404);
    node.admin().get("/services/a").expecting(404);
}

#[test]
fn a_status_tells_who_does_not_answer_and_does_not_wait_for_them() {
    with_cluster(3, |cluster| {
        let leader = cluster.leader();
        let others = cluster.others(leader);
        let (dead, frozen) = (others[0], others[1]);
        let ids = [cluster.node(dead).id(), cluster.node(frozen).id()];
        cluster.node_mut(dead).kill();
        cluster.node(frozen).pause();
        // A process that is told to freeze may still answer what it was asked before.
        eventually(PATIENCE, "both are silent", || {
            let started = Instant::now();
            let status = cluster.node(leader).admin().status()?;
            assert!(
                started.elapsed() < Duration::from_secs(5),
                "{:?}",
                started.elapsed()
            );
            let members = status["members"].as_array().into_iter().flatten();
            let silent: Vec<&Value> = members
                .filter(|member| member["served_revision"].is_null())
                .collect();
            if silent.len() == 2
                && silent
                    .iter()
                    .all(|member| ids.contains(&member["id"].as_u64().unwrap_or_default()))
            {
                Ok(())
            } else {
                Err(status.to_string())
            }
        });
        cluster.node(frozen).wake();
    });
}

#[test]
fn the_root_says_what_tools_for_kong_look_for() {
    let node = Node::alone(&[]);
    let root = node.admin().get("/").expecting(200).json();
    assert_eq!(
        (&root["version"], &root["edition"]),
        (&json!("3.9.1"), &json!("community"))
    );
    assert_eq!(root["configuration"]["database"], "postgres");
    assert_eq!(root["configuration"]["router_flavor"], "traditional_compatible");
    assert!(
        root["node_id"].is_string() && root["hostname"].is_string() && root["pids"]["master"].is_u64(),
        "{root}"
    );
}

#[test]
fn the_history_reads_the_same_at_every_node_in_one_order() {
    with_cluster(3, |cluster| {
        let mut last = 0;
        for round in 0..12 {
            let admin = cluster.node(round % 3 + 1).admin();
            let name = format!("s{round}");
            admin
                .post("/services", &json!({"name": name, "host": "a.test"}))
                .expecting(201);
            let changed = json!({"port": 81});
            last = admin
                .patch(&format!("/services/{name}?wait=all"), &changed)
                .expecting(200)
                .revision();
        }
        let histories: Vec<Vec<Value>> = (1..=3).map(|n| history(cluster.node(n).admin(), last)).collect();
        assert_eq!(histories[0], histories[1]);
        assert_eq!(histories[0], histories[2]);
        let operations: Vec<&Value> = histories[0].iter().map(|event| &event["operation"]).collect();
        assert_eq!(operations, ["create", "update"].repeat(12));
        let order: Vec<_> = histories[0]
            .iter()
            .map(|event| event["revision"].as_u64())
            .collect();
        assert!(order.is_sorted_by(|before, after| before < after), "{order:?}");
    });
}

/// The events of services, from the beginning up to a revision.
fn history(admin: Admin, last: u64) -> Vec<Value> {
    let mut stream = Connection::open(admin.address()).expect("it listens");
    stream.send(&Request::get("/events?since=0")).expect("it is sent");
    assert_eq!(stream.receive_head().expect("an answer").status, 200);
    let mut text = String::new();
    while !text.contains(&format!("id: {last}\n")) {
        let chunk = stream
            .next_chunk()
            .expect("the stream goes on")
            .expect("the stream goes on");
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    let documents = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = documents.filter_map(|document| serde_json::from_str::<Value>(document).ok());
    events.filter(|event| event["schema"] == "services").collect()
}
