//! The commands, as people and scripts use them.

use serde_json::json;
use troop_tests::{
    cluster::{Cluster, with_cluster},
    node::Node,
    patience::{PATIENCE, eventually},
    ports, program,
};

#[test]
fn status_and_node_list_show_the_same_cluster_everywhere() {
    with_cluster(3, |cluster| {
        let service = json!({"name": "a", "host": "a.test"});
        let revision = cluster
            .node(2)
            .admin()
            .post("/services?wait=all", &service)
            .expecting(201)
            .revision();
        let leader = cluster.leader();
        let leader = cluster.node(leader).id();
        for n in 1..=3 {
            let node = cluster.node(n);
            let status = node.tool(&["status", "--output", "json"]).expecting(0).json();
            assert_eq!(status["leader"], leader);
            let role = if node.id() == leader { "leader" } else { "follower" };
            assert_eq!(status["role"], role);
            for number in ["id", "term", "last_log_index", "applied_index", "served_revision"] {
                assert!(
                    status[number].as_u64().is_some_and(|number| number > 0),
                    "{number} in {status}"
                );
            }
            let members = status["members"].as_array().cloned().unwrap_or_default();
            assert_eq!(members.len(), 3);
            for member in &members {
                assert!(member["served_revision"].as_u64() >= Some(revision), "{member}");
                assert!(member["lag"].is_u64(), "{member}");
            }
            let list = node
                .tool(&["node", "list", "--output", "json"])
                .expecting(0)
                .json();
            let leads: Vec<_> = list["nodes"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|node| node["leader"] == true)
                .collect();
            assert!(leads.len() == 1 && leads[0]["id"] == leader, "{list}");
            let text = node.tool(&["node", "list"]).expecting(0).stdout;
            assert!((1..=3).all(|n| text.contains(&format!("node-{n}"))), "{text}");
        }
    });
}

#[test]
fn health_is_an_exit_code_with_a_reason() {
    let node = Node::alone(&[]);
    assert_eq!(node.tool(&["health"]).expecting(0).stdout, "healthy\n");
    for the_leader in [true, false] {
        with_cluster(3, |cluster| {
            let leader = cluster.leader();
            let survivor = if the_leader {
                leader
            } else {
                cluster.others(leader)[0]
            };
            for n in cluster.others(survivor) {
                cluster.node_mut(n).kill();
            }
            let unwell = eventually(PATIENCE, "the survivor is not well", || {
                let asked = cluster.node(survivor).tool(&["health", "--output", "json"]);
                if asked.code == Some(1) {
                    Ok(asked)
                } else {
                    Err(format!("{asked:?}"))
                }
            });
            let document = unwell.json();
            assert_eq!(document["healthy"], false);
            assert!(
                unwell
                    .stderr
                    .contains(document["reason"].as_str().unwrap_or("no reason")),
                "{unwell:?}"
            );
        });
    }
}

#[test]
fn a_node_that_is_not_there_is_exit_code_3() {
    let nobody = ports::free().to_string();
    for command in [
        &["status"][..],
        &["health"],
        &["node", "list"],
        &["token", "create"],
        &["stop"],
    ] {
        let refused = program::run(&[command, &["--admin", &nobody]].concat()).expecting(3);
        assert!(
            refused.stderr.contains(&nobody) && refused.stdout.is_empty(),
            "{refused:?}"
        );
    }
}

#[test]
fn tokens_are_made_listed_and_revoked() {
    let node = Node::alone(&[]);
    let made = node
        .tool(&[
            "token", "create", "--role", "learner", "--ttl", "10m", "--uses", "3", "--output", "json",
        ])
        .expecting(0)
        .json();
    let (id, text) = (
        made["id"].as_str().unwrap_or_default(),
        made["token"].as_str().unwrap_or_default(),
    );
    let join = format!("troop start --join {} --token {text}", node.addresses().peer);
    assert_eq!(made["join"], join);
    let list = node
        .tool(&["token", "list", "--output", "json"])
        .expecting(0)
        .json();
    assert_eq!(list["tokens"][0]["id"], id);
    assert_eq!(
        (&list["tokens"][0]["role"], &list["tokens"][0]["uses"]),
        (&json!("learner"), &json!(3))
    );
    assert!(!list.to_string().contains(text), "the list shows the token");
    let people = node.tool(&["token", "create"]).expecting(0).stdout;
    assert!(people.contains("troop start --join"), "{people}");
    node.tool(&["token", "revoke", id]).expecting(0);
    let gone = node.tool(&["token", "revoke", id]).expecting(1);
    assert!(
        gone.stderr.contains("404") && gone.stderr.contains(id),
        "{gone:?}"
    );
    for bad in [&["--ttl", "soon"][..], &["--uses", "0"], &["--role", "king"]] {
        node.tool(&[&["token", "create"], bad].concat()).expecting(2);
    }
}

#[test]
fn a_node_is_removed_by_its_number() {
    with_cluster(3, |cluster| {
        let gone = {
            let leader = cluster.leader();
            cluster.others(leader)[0]
        };
        let here = cluster.others(gone)[0];
        let id = cluster.node(gone).id().to_string();
        let removed = cluster.node(here).tool(&["node", "remove", &id]).expecting(0);
        assert_eq!(removed.stdout, format!("removed {id}\n"));
        cluster.forget(gone);
        cluster.wait_voters(here, 2);
        let again = cluster.node(here).tool(&["node", "remove", &id]).expecting(1);
        assert!(again.stderr.contains("404"), "{again:?}");
    });
}

#[test]
fn leadership_is_handed_over_from_any_node_to_the_one_named_or_to_the_fittest() {
    with_cluster(3, |cluster| {
        let leader = cluster.leader();
        let others = cluster.others(leader);
        let id = cluster.node(others[0]).id().to_string();
        let hand_over = |cluster: &Cluster, wish: &[&str]| {
            let words = [&["node", "transfer-leader"], wish].concat();
            cluster.node(others[1]).tool(&words)
        };
        for _already in 0..2 {
            let moved = hand_over(cluster, &[&id]).expecting(0);
            assert_eq!(moved.stdout, format!("node {id} leads\n"));
            assert_eq!(cluster.leader(), others[0]);
        }
        hand_over(cluster, &[]).expecting(0);
        assert_ne!(cluster.leader(), others[0]);
        let unknown = hand_over(cluster, &["77"]).expecting(1);
        assert!(unknown.stderr.contains("404"), "{unknown:?}");
        let learner = cluster.join("learner");
        let id = cluster.node(learner).id().to_string();
        let refused = hand_over(cluster, &[&id]).expecting(1);
        assert!(
            refused.stderr.contains("409") && refused.stderr.contains("learner"),
            "{refused:?}"
        );
    });
}

#[test]
fn the_version_names_kongs_release() {
    let version = program::run(&["version", "--output", "json"]).expecting(0).json();
    assert_eq!(
        version,
        json!({"version": env!("CARGO_PKG_VERSION"), "kong": "3.9.1"})
    );
    program::run(&["--help"]).expecting(0);
}

#[test]
fn settings_say_where_each_value_was_written() {
    let mut node = Node::new("seven", &[("workers", "3"), ("log_level", "warn")]);
    node.set_join("127.0.0.1:7443", "troop1.secret-of-a-token");
    let mut command = program::command();
    let start = node.command();
    let arguments: Vec<_> = start.get_args().skip(1).collect();
    command
        .arg("settings")
        .arg("--output")
        .arg("json")
        .args(arguments)
        .env("TROOP_DRAIN_TIMEOUT", "7s");
    // The file names a drain timeout too; the variable lies on top of it.
    let shown = program::finish(command).expecting(0);
    assert!(!shown.stdout.contains("secret-of-a-token"), "{shown:?}");
    let document = shown.json();
    let settings = document["settings"].as_array().cloned().unwrap_or_default();
    for (name, value, from) in [
        ("workers", "3", "troop.conf line"),
        ("log_level", "warn", "troop.conf line"),
        ("drain_timeout", "7s", "TROOP_DRAIN_TIMEOUT"),
        ("node_name", "seven", "--node-name"),
        ("raft_log_keep", "50000", "default"),
    ] {
        let setting = settings
            .iter()
            .find(|setting| setting["name"] == name)
            .unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(setting["value"], value, "{setting}");
        assert!(
            setting["from"].as_str().is_some_and(|place| place.contains(from)),
            "{setting}"
        );
    }
}
