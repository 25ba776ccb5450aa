//! Leaving a cluster: a follower, the leader, oneself; and coming back as somebody new.

use serde_json::json;
use troop_tests::{
    cluster::{Cluster, with_cluster},
    node::{Node, inventory},
    origin::Origin,
    patience::{PATIENCE, eventually},
    wire::Request,
};

#[test]
fn a_follower_is_removed_and_the_others_go_on() {
    let origin = Origin::start("origin");
    with_cluster(3, |cluster| {
        let leader = cluster.leader();
        let gone = cluster.others(leader)[0];
        let here = cluster.others(leader)[1];
        let id = cluster.node(gone).id();
        // Asked at the one that neither leads nor goes.
        cluster
            .node(here)
            .admin()
            .delete(&format!("/troop/nodes/{id}"))
            .expecting(204);
        stays_out(cluster, gone);
        cluster.wait_voters(here, 2);
        cluster
            .node(here)
            .admin()
            .publish("echo", origin.address(), "/echo");
        cluster.node(leader).fetch("/echo").expecting(200);
    });
}

#[test]
fn the_leader_is_removed_and_another_leads() {
    with_cluster(3, |cluster| {
        let gone = cluster.leader();
        let here = cluster.others(gone)[0];
        let id = cluster.node(gone).id();
        cluster
            .node(here)
            .admin()
            .delete(&format!("/troop/nodes/{id}"))
            .expecting(204);
        stays_out(cluster, gone);
        cluster.wait_voters(here, 2);
        let successor = cluster.leader();
        assert_ne!(successor, gone);
        let service = json!({"name": "a", "host": "a.test"});
        cluster
            .node(here)
            .admin()
            .post("/services", &service)
            .expecting(201);
    });
}

#[test]
fn a_node_removes_itself_by_its_own_command_line() {
    for the_leader in [false, true] {
        with_cluster(3, |cluster| {
            let leader = cluster.leader();
            let gone = if the_leader {
                leader
            } else {
                cluster.others(leader)[0]
            };
            let here = cluster.others(gone)[0];
            let id = cluster.node(gone).id();
            let removed = cluster
                .node(gone)
                .tool(&["node", "remove", &id.to_string(), "--output", "json"]);
            assert_eq!(removed.expecting(0).json(), json!({"removed": id.to_string()}));
            stays_out(cluster, gone);
            cluster.wait_voters(here, 2);
        });
    }
}

#[test]
fn a_removed_node_joins_again_with_a_new_id() {
    let origin = Origin::start("origin");
    with_cluster(3, |cluster| {
        cluster.node(1).admin().publish("echo", origin.address(), "/echo");
        let leader = cluster.leader();
        let gone = cluster.others(leader)[0];
        let old = cluster.node(gone).id();
        cluster
            .node(leader)
            .admin()
            .delete(&format!("/troop/nodes/{old}"))
            .expecting(204);
        stays_out(cluster, gone);
        let again = cluster.join("voter");
        for n in cluster.numbers() {
            cluster.wait_voters(n, 3);
        }
        let new = cluster.node(again).id();
        assert_ne!(new, old);
        assert!(cluster.node(leader).member(old).is_err());
        cluster.node(again).fetch("/echo").expecting(200);
        cluster
            .node(again)
            .admin()
            .publish("more", origin.address(), "/more");
        cluster.node(leader).fetch("/more").expecting(200);
    });
}

#[test]
fn a_node_that_was_away_when_it_was_removed_learns_of_it() {
    with_cluster(3, |cluster| {
        let leader = cluster.leader();
        let gone = cluster.others(leader)[0];
        let id = cluster.node(gone).id();
        cluster.node_mut(gone).kill();
        cluster
            .node(leader)
            .admin()
            .delete(&format!("/troop/nodes/{id}"))
            .expecting(204);
        cluster.wait_voters(leader, 2);
        cluster.node_mut(gone).start();
        stays_out(cluster, gone);
    });
}

#[test]
fn a_removal_that_would_leave_no_majority_is_refused_and_changes_nothing() {
    with_cluster(3, |cluster| {
        let leader = cluster.leader();
        let others = cluster.others(leader);
        let (dead, alive) = (others[0], others[1]);
        cluster.node_mut(dead).kill();
        let id = cluster.node(alive).id();
        let path = format!("/troop/nodes/{id}");
        let refused = cluster.node(leader).admin().delete(&path).expecting(409);
        assert!(
            refused.text().contains("start the others first"),
            "{}",
            refused.text()
        );
        cluster.wait_voters(leader, 3);
        let service = json!({"name": "a", "host": "a.test"});
        cluster
            .node(alive)
            .admin()
            .post("/services", &service)
            .expecting(201);
    });
}

#[test]
fn the_only_voter_cannot_be_removed_and_neither_can_a_stranger() {
    let node = Node::alone(&[]);
    let refused = node.admin().delete("/troop/nodes/1").expecting(409);
    assert!(refused.text().contains("only voter"), "{}", refused.text());
    node.admin().delete("/troop/nodes/4711").expecting(404);
    node.admin().delete("/troop/nodes/first").expecting(404);
    let service = json!({"name": "a", "host": "a.test"});
    node.admin().post("/services", &service).expecting(201);
}

#[test]
fn a_cluster_shrinks_to_one_and_grows_again() {
    with_cluster(3, |cluster| {
        for gone in [2, 3] {
            let id = cluster.node(gone).id();
            cluster
                .node(1)
                .admin()
                .delete(&format!("/troop/nodes/{id}"))
                .expecting(204);
            stays_out(cluster, gone);
        }
        cluster.wait_voters(1, 1);
        let service = json!({"name": "a", "host": "a.test"});
        cluster.node(1).admin().post("/services", &service).expecting(201);
        let again = cluster.join("voter");
        cluster.wait_voters(again, 2);
        cluster.node(again).admin().get("/services/a").expecting(200);
    });
}

#[test]
fn a_node_that_moved_to_another_address_is_found_there() {
    with_cluster(3, |cluster| {
        let moved = {
            let leader = cluster.leader();
            cluster.others(leader)[0]
        };
        let id = cluster.node(moved).id();
        cluster.node_mut(moved).kill();
        let address = troop_tests::ports::free().to_string();
        cluster.node_mut(moved).set("peer_listen", &address);
        cluster.node_mut(moved).start();
        let here = cluster.others(moved)[0];
        eventually(PATIENCE, "the others know the new address", || {
            let member = cluster.node(here).member(id)?;
            if member["address"] == address {
                Ok(())
            } else {
                Err(member.to_string())
            }
        });
        cluster.node_mut(moved).wait_healthy();
        let service = json!({"name": "a", "host": "a.test"});
        let written = cluster
            .node(moved)
            .admin()
            .post("/services?wait=all", &service)
            .expecting(201);
        assert_eq!(written.must("X-Troop-Wait"), "complete");
    });
}

/// A removed node's process ends by itself and says why; it refuses to start again and touches nothing.
fn stays_out(cluster: &mut Cluster, gone: usize) {
    cluster.forget(gone);
    let node = cluster.node_mut(gone);
    let code = node.wait_ended();
    assert_ne!(
        code,
        Some(0),
        "a supervisor must see that this is no ordinary end:\n{}",
        node.log()
    );
    assert!(node.log().contains("removed from the cluster"), "{}", node.log());
    let before = inventory(&node.data_dir());
    let refused = node.start_refused();
    assert!(
        refused.stderr.contains("was removed from its cluster"),
        "{refused:?}"
    );
    assert!(refused.stderr.contains("empty --data-dir"), "{refused:?}");
    assert_eq!(inventory(&node.data_dir()), before);
    let others = cluster.numbers();
    let here = cluster.node(others[0]);
    let answer = here.admin().send(&Request::get("/troop/health"));
    assert_eq!(answer.status, 200, "{}", answer.text());
}
