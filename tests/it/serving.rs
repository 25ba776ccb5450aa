//! What a write that was acknowledged means: who serves it, who reads it, who says so.

use serde_json::json;
use std::time::{Duration, Instant};
use troop_tests::{
    cluster::{Cluster, with_cluster},
    node::Node,
    origin::Origin,
    patience::{PATIENCE, eventually},
    wire::Request,
};

#[test]
fn one_node_is_a_cluster_that_serves() {
    let origin = Origin::start("origin");
    let node = Node::alone(&[]);
    let status = node.admin().status().expect("it answers");
    assert_eq!(
        (&status["id"], &status["role"], &status["leader"]),
        (&json!(1), &json!("leader"), &json!(1))
    );
    assert_eq!(status["members"].as_array().map(Vec::len), Some(1));
    assert_eq!(status["members"][0]["role"], "voter");
    node.admin().publish("echo", origin.address(), "/echo");
    assert_eq!(node.fetch("/echo").expecting(200).json()["origin"], "origin");
}

#[test]
fn three_nodes_join_by_token_and_each_knows_all() {
    with_cluster(3, |cluster| {
        let ids: Vec<u64> = (1..=3).map(|n| cluster.node(n).id()).collect();
        assert!(ids[0] == 1 && ids[1] != ids[2], "{ids:?}");
        for n in 1..=3 {
            let status = cluster.node(n).admin().status().expect("it answers");
            assert_eq!(status["id"], ids[n - 1]);
            assert_eq!(status["name"], format!("node-{n}"));
            for (at, id) in ids.iter().enumerate() {
                let member = cluster.node(n).member(*id).expect("everybody is listed");
                assert_eq!(
                    (&member["name"], &member["role"]),
                    (&json!(format!("node-{}", at + 1)), &json!("voter"))
                );
                assert_eq!(
                    member["address"],
                    cluster.node(at + 1).addresses().peer.to_string()
                );
            }
        }
    });
}

#[test]
fn a_learner_follows_and_serves_and_never_votes() {
    let origin = Origin::start("origin");
    with_cluster(1, |cluster| {
        cluster
            .node(1)
            .admin()
            .publish("early", origin.address(), "/early");
        let n = cluster.join("learner");
        let id = cluster.node(n).id();
        eventually(
            PATIENCE,
            "the learner serves what was there before it came",
            || match cluster.node(n).fetch("/early").status {
                200 => Ok(()),
                status => Err(status),
            },
        );
        // A voter would have been promoted by now: each write gives the leader a reason to look.
        for i in 0..20 {
            cluster
                .node(n)
                .admin()
                .publish(&format!("late-{i}"), origin.address(), &format!("/late-{i}"));
            cluster.node(n).fetch(&format!("/late-{i}")).expecting(200);
        }
        let member = cluster.node(1).member(id).expect("it is listed");
        assert_eq!(member["role"], "learner");
    });
}

#[test]
fn a_write_is_served_by_the_node_that_acknowledged_it() {
    let origin = Origin::start("origin");
    with_cluster(3, |cluster| {
        for round in 0..30 {
            let node = cluster.node(round % 3 + 1);
            let (name, path) = (format!("s{round}"), format!("/s{round}"));
            let service = json!({"name": name, "url": format!("http://{}", origin.address())});
            node.admin().post("/services", &service).expecting(201);
            let route = json!({"name": name, "paths": [path]});
            node.admin()
                .post(&format!("/services/{name}/routes"), &route)
                .expecting(201);
            node.fetch(&path).expecting(200);
            let moved = json!({"paths": [format!("/moved{round}")]});
            node.admin()
                .patch(&format!("/routes/{name}"), &moved)
                .expecting(200);
            node.fetch(&path).expecting(404);
            node.fetch(&format!("/moved{round}")).expecting(200);
            node.admin().delete(&format!("/routes/{name}")).expecting(204);
            node.fetch(&format!("/moved{round}")).expecting(404);
        }
    });
}

#[test]
fn a_write_with_wait_all_is_served_at_once_by_every_node() {
    let origin = Origin::start("origin");
    with_cluster(3, |cluster| {
        let ids: Vec<u64> = (1..=3).map(|n| cluster.node(n).id()).collect();
        for round in 0..15 {
            let path = format!("/r{round}");
            let writer = cluster.node(round % 3 + 1);
            writer
                .admin()
                .publish(&format!("r{round}"), origin.address(), &path);
            for n in [3, 1, 2] {
                cluster.node(n).fetch(&path).expecting(200);
            }
        }
        let answer = cluster
            .node(2)
            .admin()
            .delete("/routes/r0?wait=all")
            .expecting(204);
        assert_eq!(answer.must("X-Troop-Wait"), "complete");
        let mut by: Vec<u64> = answer
            .must("X-Troop-Served-By")
            .split(", ")
            .map(|id| id.parse().expect("an id"))
            .collect();
        by.sort_unstable();
        let mut all = ids;
        all.sort_unstable();
        assert_eq!(by, all);
        for n in 1..=3 {
            cluster.node(n).fetch("/r0").expecting(404);
        }
    });
}

#[test]
fn a_wait_that_runs_out_says_who_serves_and_the_write_stays() {
    with_cluster(3, |cluster| {
        let leader = cluster.leader();
        let others = cluster.others(leader);
        let (here, paused) = (others[0], others[1]);
        let absent = cluster.node(paused).id().to_string();
        cluster.node(paused).pause();
        let admin = cluster.node(here).admin();

        let started = Instant::now();
        let partial = admin
            .post(
                "/services?wait=all&timeout=1s",
                &json!({"name": "a", "host": "a.test"}),
            )
            .expecting(201);
        assert_eq!(partial.must("X-Troop-Wait"), "partial");
        let by: Vec<&str> = partial.must("X-Troop-Served-By").split(", ").collect();
        assert!(by.len() == 2 && !by.contains(&absent.as_str()), "{by:?}");
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "{:?}",
            started.elapsed()
        );

        let quorum = json!({"name": "b", "host": "b.test"});
        let quorum = admin
            .post("/services?wait=quorum&timeout=30s", &quorum)
            .expecting(201);
        assert_eq!(quorum.must("X-Troop-Wait"), "complete");

        let strict = json!({"name": "c", "host": "c.test"});
        let strict = admin
            .post("/services?wait=all&timeout=1s&strict=1", &strict)
            .expecting(504);
        let document = strict.json();
        assert_eq!(
            document["missing"],
            json!([absent.parse::<u64>().expect("an id")])
        );
        admin.get("/services/c").expecting(200);
        cluster.node(paused).wake();
    });
}

#[test]
fn a_dead_member_holds_up_no_write_that_waits_for_all() {
    with_cluster(3, |cluster| {
        let leader = cluster.leader();
        let others = cluster.others(leader);
        let (here, dead) = (others[0], others[1]);
        cluster.node_mut(dead).kill();
        let started = Instant::now();
        let service = json!({"name": "a", "host": "a.test"});
        let path = "/services?wait=all&timeout=30s";
        let answer = cluster.node(here).admin().post(path, &service).expecting(201);
        assert_eq!(answer.must("X-Troop-Wait"), "complete");
        assert_eq!(answer.must("X-Troop-Served-By").split(", ").count(), 2);
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "{:?}",
            started.elapsed()
        );
    });
}

#[test]
fn a_read_with_min_revision_sees_the_write_at_another_node() {
    with_cluster(3, |cluster| {
        for round in 0..30 {
            let (writer, reader) = (cluster.node(round % 3 + 1), cluster.node((round + 1) % 3 + 1));
            let service = json!({"name": format!("s{round}"), "host": "s.test"});
            let written = writer
                .admin()
                .post("/services?wait=local", &service)
                .expecting(201);
            let path = format!("/services/s{round}");
            let revision = written.revision();
            // Without the leader's word: only the revision makes this read new enough.
            let by_argument = format!("{path}?consistency=local&min_revision={revision}");
            let read = reader.admin().get(&by_argument).expecting(200);
            assert!(read.revision() >= revision, "{read:?}");
            let by_header = Request::get(&format!("{path}?consistency=local"))
                .header("X-Troop-Min-Revision", &revision.to_string());
            reader.admin().send(&by_header).expecting(200);
        }
    });
}

#[test]
fn a_read_of_a_revision_that_is_not_there_says_so_in_time() {
    let node = Node::alone(&[]);
    let answer = node
        .admin()
        .get("/services?min_revision=1000000&timeout=200ms")
        .expecting(504);
    let document = answer.json();
    assert_eq!(document["wanted"], 1_000_000);
    assert!(
        document["applied"]
            .as_u64()
            .is_some_and(|applied| applied < 1_000_000),
        "{document}"
    );
}

#[test]
fn a_plain_read_at_any_node_sees_every_acknowledged_write() {
    with_cluster(3, |cluster| {
        for round in 0..30 {
            let (writer, reader) = (cluster.node(round % 3 + 1), cluster.node((round + 2) % 3 + 1));
            let name = format!("s{round}");
            let service = json!({"name": name, "host": "s.test"});
            writer.admin().post("/services", &service).expecting(201);
            let read = reader.admin().get(&format!("/services/{name}")).expecting(200);
            assert_eq!(read.json()["name"], name);
            writer.admin().delete(&format!("/services/{name}")).expecting(204);
            reader.admin().get(&format!("/services/{name}")).expecting(404);
        }
    });
}

#[test]
fn of_two_changes_to_one_revision_the_second_is_refused() {
    with_cluster(3, |cluster| {
        let service = json!({"name": "a", "host": "a.test"});
        let made = cluster
            .node(1)
            .admin()
            .post("/services?wait=all", &service)
            .expecting(201);
        let tag = made.must("ETag").to_owned();
        let change = |cluster: &Cluster, n: usize, port: u16| {
            let request = Request::new("PATCH", "/services/a").header("If-Match", &tag);
            cluster
                .node(n)
                .admin()
                .send(&request.json(&json!({"port": port})))
        };
        change(cluster, 2, 81).expecting(200);
        change(cluster, 3, 82).expecting(412);
        let now = cluster.node(1).admin().get("/services/a").expecting(200);
        assert_eq!(now.json()["port"], 81);
    });
}

#[test]
fn answers_carry_our_headers_only_when_asked_for() {
    let node = Node::alone(&[]);
    let plain = node
        .admin()
        .post("/services", &json!({"name": "a", "host": "a.test"}))
        .expecting(201);
    assert!(
        plain.header("X-Troop-Revision").is_none() && plain.header("ETag").is_none(),
        "{plain:?}"
    );
    let asked = node
        .admin()
        .post("/services?wait=local", &json!({"name": "b", "host": "b.test"}))
        .expecting(201);
    let read = node.admin().get("/services/b?consistency=local").expecting(200);
    assert!(read.revision() >= asked.revision());
    assert_eq!(read.must("ETag"), format!("\"{}\"", asked.revision()));
}
