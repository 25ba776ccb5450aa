//! Many peers behind one name: whose turn it is, and what happens when one does not answer.

use serde_json::json;
use std::{collections::BTreeMap, net::SocketAddr};
use troop_tests::{
    cluster::with_cluster,
    node::Node,
    origin::Origin,
    ports,
    wire::{Connection, Request},
};

/// A node with a service at an upstream with these targets, routed at `/u`.
fn node_with(targets: &[(SocketAddr, u32)], service: &str) -> Node {
    let node = Node::alone(&[]);
    let admin = node.admin();
    admin
        .post("/upstreams", &json!({"name": "u.test"}))
        .expecting(201);
    for (address, weight) in targets {
        let target = json!({"target": address.to_string(), "weight": weight});
        admin.post("/upstreams/u.test/targets", &target).expecting(201);
    }
    let mut body: serde_json::Value = serde_json::from_str(service).expect("JSON");
    body["name"] = json!("u");
    body["host"] = json!("u.test");
    admin.post("/services", &body).expecting(201);
    admin
        .post("/services/u/routes", &json!({"paths": ["/u"]}))
        .expecting(201);
    node
}

/// Who answered how often, over one connection: its requests are served by one worker, whose turns are exact.
fn turns(connection: &mut Connection, count: usize) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    for _ in 0..count {
        let answer = connection
            .exchange(&Request::get("/u"))
            .expect("an answer")
            .expecting(200);
        *seen.entry(answer.must("X-Origin").to_owned()).or_default() += 1;
    }
    seen
}

fn expected(counts: &[(&str, usize)]) -> BTreeMap<String, usize> {
    counts
        .iter()
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

#[test]
fn targets_take_turns_by_their_weights() {
    let (a, b, c) = (Origin::start("a"), Origin::start("b"), Origin::start("c"));
    let node = node_with(&[(a.address(), 100), (b.address(), 100)], "{}");
    let mut connection = node.connect();
    assert_eq!(turns(&mut connection, 20), expected(&[("a", 10), ("b", 10)]));
    let heavier = json!({"weight": 300});
    let admin = node.admin();
    admin
        .patch(&format!("/upstreams/u.test/targets/{}", a.address()), &heavier)
        .expecting(200);
    assert_eq!(turns(&mut connection, 40), expected(&[("a", 30), ("b", 10)]));
    let resting = json!({"weight": 0});
    admin
        .patch(&format!("/upstreams/u.test/targets/{}", a.address()), &resting)
        .expecting(200);
    assert_eq!(turns(&mut connection, 10), expected(&[("b", 10)]));
    let newcomer = json!({"target": c.address().to_string()});
    admin.post("/upstreams/u.test/targets", &newcomer).expecting(201);
    assert_eq!(turns(&mut connection, 10), expected(&[("b", 5), ("c", 5)]));
    admin
        .delete(&format!("/upstreams/u.test/targets/{}", b.address()))
        .expecting(204);
    assert_eq!(turns(&mut connection, 10), expected(&[("c", 10)]));
}

#[test]
fn a_dead_target_is_passed_over_by_trying_the_next() {
    let origin = Origin::start("alive");
    let node = node_with(&[(ports::free(), 100), (origin.address(), 100)], "{}");
    let mut connection = node.connect();
    assert_eq!(turns(&mut connection, 20), expected(&[("alive", 20)]));
    // What was sent cannot be sent twice, but nothing was sent to a peer that refused the connection.
    for _ in 0..10 {
        let order = Request::new("POST", "/u").body("once");
        let answer = connection.exchange(&order).expect("an answer").expecting(200);
        assert_eq!(answer.json()["body"], "once");
    }
}

#[test]
fn without_retries_a_dead_target_is_a_502() {
    let node = node_with(&[(ports::free(), 100)], r#"{"retries": 0}"#);
    let answer = node.fetch("/u").expecting(502);
    assert!(
        answer
            .text()
            .starts_with("An invalid response was received from the upstream server\nrequest_id: "),
        "{}",
        answer.text()
    );
    assert_eq!(answer.must("Content-Type"), "text/plain; charset=utf-8");
}

#[test]
fn an_upstream_without_targets_is_a_503() {
    let node = node_with(&[], "{}");
    let answer = node.fetch("/u").expecting(503);
    assert_eq!(
        answer.json()["message"],
        "failure to get a peer from the ring-balancer"
    );
}

#[test]
fn an_origin_that_closed_its_idle_connections_is_dialled_again() {
    let origin = Origin::start("origin");
    let node = node_with(&[(origin.address(), 100)], "{}");
    let mut connection = node.connect();
    for _ in 0..5 {
        turns(&mut connection, 3);
        origin.hang_up();
        connection
            .exchange(&Request::get("/u"))
            .expect("an answer")
            .expecting(200);
    }
}

#[test]
fn an_origin_that_is_silent_for_too_long_is_a_504() {
    let origin = Origin::start("slow");
    let node = node_with(
        &[(origin.address(), 100)],
        r#"{"read_timeout": 300, "retries": 0}"#,
    );
    let answer = node.fetch("/u/held").expecting(504);
    assert!(
        answer.text().starts_with("The upstream server is timing out\n"),
        "{}",
        answer.text()
    );
    assert_eq!(origin.hits(), 1);
}

#[test]
fn a_name_that_nobody_knows_is_a_503() {
    let node = Node::alone(&[]);
    let service = json!({"name": "n", "host": "no-such-host.invalid"});
    node.admin().post("/services", &service).expecting(201);
    node.admin()
        .post("/services/n/routes", &json!({"paths": ["/n"]}))
        .expecting(201);
    let answer = node.fetch("/n");
    // 500 where the machine's name server cannot be asked at all.
    assert!(matches!(answer.status, 503 | 500), "{answer:?}");
    assert!(answer.json()["message"].is_string());
}

#[test]
fn localhost_is_resolved() {
    let origin = Origin::start("origin");
    let node = Node::alone(&[]);
    let service = json!({"name": "l", "host": "localhost", "port": origin.address().port()});
    node.admin().post("/services", &service).expecting(201);
    node.admin()
        .post("/services/l/routes", &json!({"paths": ["/l"]}))
        .expecting(201);
    node.fetch("/l").expecting(200);
}

/// What the Admin API of a node says of a target's health.
fn health(node: &Node, target: SocketAddr) -> String {
    let answer = node.admin().get("/upstreams/u.test/health").expecting(200);
    let rows = answer.json()["data"].as_array().cloned().expect("targets");
    let own = rows.iter().find(|row| row["target"] == target.to_string());
    own.expect("the target")["health"]
        .as_str()
        .expect("a word")
        .to_owned()
}

#[test]
fn a_mark_by_hand_is_in_effect_on_every_node_when_it_is_acknowledged() {
    let (a, b) = (Origin::start("a"), Origin::start("b"));
    with_cluster(3, |cluster| {
        let admin = cluster.node(1).admin();
        let checks = json!({"passive": {"healthy": {"successes": 1}, "unhealthy": {"http_failures": 1}}});
        let upstream = json!({"name": "u.test", "healthchecks": checks});
        admin.post("/upstreams", &upstream).expecting(201);
        for origin in [&a, &b] {
            let target = json!({"target": origin.address().to_string()});
            admin.post("/upstreams/u.test/targets", &target).expecting(201);
        }
        let service = json!({"name": "u", "host": "u.test"});
        admin.post("/services", &service).expecting(201);
        let route = json!({"paths": ["/u"]});
        admin.post("/services/u/routes?wait=all", &route).expecting(201);
        let target = format!("/upstreams/u.test/targets/{}", a.address());
        let put = |path: String| admin.send(&Request::new("PUT", &path)).expecting(204);
        put(format!("{target}/unhealthy?wait=all"));
        for n in cluster.numbers() {
            let node = cluster.node(n);
            assert_eq!(turns(&mut node.connect(), 6), expected(&[("b", 6)]));
            assert_eq!(health(node, a.address()), "UNHEALTHY");
            assert_eq!(health(node, b.address()), "HEALTHY");
        }
        let everywhere = admin.get("/upstreams/u.test/health?cluster=1").expecting(200);
        for row in everywhere.json()["data"].as_array().expect("targets") {
            let nodes = row["cluster"]["nodes"].as_object().expect("nodes");
            assert_eq!(nodes.len(), 3);
            assert!(nodes.values().all(|word| *word == row["health"]), "{row}");
            assert_eq!(row["cluster"]["health"], row["health"]);
        }
        put(format!("{target}/{}/healthy?wait=all", a.address()));
        for n in cluster.numbers() {
            let seen = turns(&mut cluster.node(n).connect(), 6);
            assert_eq!(seen, expected(&[("a", 3), ("b", 3)]));
        }
    });
}

#[test]
fn a_mark_on_a_target_that_nobody_watches_is_refused() {
    let origin = Origin::start("origin");
    let node = node_with(&[(origin.address(), 100)], "{}");
    let path = format!("/upstreams/u.test/targets/{}/unhealthy", origin.address());
    let refused = node.admin().send(&Request::new("PUT", &path)).expecting(400);
    assert_eq!(refused.json()["message"], "no healthchecker found for u.test");
    assert_eq!(health(&node, origin.address()), "HEALTHCHECKS_OFF");
}
