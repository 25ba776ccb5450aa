//! Documents, batches and retries on a cluster: all of it at one revision on every node, or nothing.

use serde_json::{Value, json};
use std::{fs, io::Write, thread};
use tempfile::NamedTempFile;
use troop_tests::{
    cluster::{Cluster, with_cluster},
    node::Node,
    patience::{PATIENCE, eventually},
    wire::Request,
};

/// A document with so many consumers that it does not fit one entry of the log.
const LARGE: usize = 4_000;

fn document(name: &str, consumers: usize) -> Value {
    let consumers: Vec<_> = (0..consumers)
        .map(|n| {
            let name = format!("{name}-{n}");
            json!({"username": name, "keyauth_credentials": [{"key": name}]})
        })
        .collect();
    json!({
        "_format_version": "3.0",
        "services": [{"name": name, "host": "a.test", "routes": [{"name": name, "paths": ["/x"]}]}],
        "consumers": consumers,
    })
}

fn names(node: &Node, collection: &str, field: &str) -> Vec<String> {
    let page = node
        .admin()
        .get(&format!("/{collection}?size=1000"))
        .expecting(200)
        .json();
    let records = page["data"].as_array().expect("a page").clone();
    let name = |record: &Value| record[field].as_str().map(str::to_owned);
    records.iter().filter_map(name).collect()
}

/// Events of the cluster after a revision: the revision of each.
fn revisions(node: &Node, after: u64, expected: usize) -> Vec<u64> {
    let mut stream = node_events(node, after);
    let mut text = String::new();
    while text.matches("data: ").count() < expected {
        let chunk = stream
            .next_chunk()
            .expect("the stream goes on")
            .expect("it does not end");
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    let revision = |line: &str| {
        let event: Value = serde_json::from_str(line.strip_prefix("data: ")?).ok()?;
        event["revision"].as_u64()
    };
    text.lines().filter_map(revision).collect()
}

fn node_events(node: &Node, after: u64) -> troop_tests::wire::Connection {
    let mut connection =
        troop_tests::wire::Connection::open(node.addresses().admin).expect("the Admin API listens");
    let request = Request::get(&format!("/events?since={after}"));
    connection.send(&request).expect("it takes the question");
    assert_eq!(connection.receive_head().expect("it answers").status, 200);
    connection
}

/// The revision of a node.
fn revision(node: &Node) -> u64 {
    node.admin().digest().expect("a digest")["revision"]
        .as_u64()
        .expect("a revision")
}

#[test]
fn a_document_posted_to_a_follower_is_one_revision_on_every_node() {
    with_cluster(3, |cluster| {
        let leader = cluster.leader();
        let follower = cluster.others(leader)[0];
        let before = cluster.agree()["revision"].as_u64().expect("a revision");
        let loaded = cluster
            .node(follower)
            .admin()
            .post("/config?wait=all", &document("one", 2));
        let made = loaded.expecting(201).revision();
        for n in cluster.numbers() {
            assert_eq!(names(cluster.node(n), "services", "name"), ["one"]);
            let seen = revisions(cluster.node(n), before, 6);
            assert_eq!(seen, vec![made; 6], "node {n}");
        }
    });
}

#[test]
fn a_document_that_is_wrong_anywhere_changes_nothing_on_any_node() {
    with_cluster(3, |cluster| {
        cluster
            .node(1)
            .admin()
            .post("/config", &document("good", 1))
            .expecting(201);
        let before = cluster.agree();
        let mut wrong = document("bad", LARGE);
        wrong["consumers"][LARGE - 1]["username"] = json!(5);
        cluster.node(2).admin().post("/config", &wrong).expecting(400);
        assert_eq!(cluster.agree(), before);
    });
}

#[test]
fn two_documents_at_two_nodes_are_one_after_the_other() {
    with_cluster(3, |cluster| {
        let admins: Vec<_> = (1..=2).map(|n| cluster.node(n).admin()).collect();
        thread::scope(|scope| {
            for (admin, name) in admins.iter().zip(["left", "right"]) {
                scope.spawn(move || admin.post("/config", &document(name, LARGE)).expecting(201));
            }
        });
        let service = names(cluster.node(3), "services", "name");
        assert_eq!(service.len(), 1, "{service:?}");
        let consumers = names(cluster.node(3), "consumers", "username");
        assert!(
            consumers.iter().all(|name| name.starts_with(&service[0])),
            "a mixture"
        );
    });
}

/// Applies a large document through `troop config apply` while `harm` is done to the cluster, and looks that all of it or nothing is
/// there.
fn all_or_nothing(harm: impl FnOnce(&mut Cluster)) {
    with_cluster(3, |cluster| {
        cluster
            .node(1)
            .admin()
            .post("/config", &document("old", 1))
            .expecting(201);
        let leader = cluster.leader();
        let survivor = cluster.others(leader)[0];
        let before = revision(cluster.node(survivor));
        let file = file(&document("new", LARGE));
        let admin = cluster.node(survivor).addresses().admin.to_string();
        let applying = thread::spawn(move || {
            let path = file.path().display().to_string();
            troop_tests::program::run(&["config", "apply", &path, "--admin", &admin])
        });
        eventually(PATIENCE, "boxes are on their way", || {
            let applied = revision(cluster.node(survivor));
            if applied > before + 1 || applying.is_finished() {
                Ok(())
            } else {
                Err(applied)
            }
        });
        harm(cluster);
        let finished = applying.join().expect("the command ends");
        cluster.gather();
        let services = names(cluster.node(survivor), "services", "name");
        let consumers = names(cluster.node(survivor), "consumers", "username");
        match &services[..] {
            [only] if only == "new" => assert_eq!(consumers.len(), 1_000, "a full page of them"),
            [only] if only == "old" => assert_eq!(consumers, ["old-0"]),
            other => panic!("half of it: {other:?} after {finished:?}"),
        }
    });
}

fn file(document: &Value) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(document.to_string().as_bytes())
        .expect("room for it");
    file
}

#[test]
fn a_document_applied_while_the_leader_is_killed_is_there_whole_or_not_at_all() {
    all_or_nothing(|cluster| {
        let leader = cluster.leader();
        cluster.node_mut(leader).kill();
    });
}

#[test]
fn a_document_applied_undisturbed_is_there_and_applying_it_again_changes_nothing() {
    with_cluster(3, |cluster| {
        let node = cluster.node(2);
        let file = file(&document("new", LARGE));
        let path = file.path().display().to_string();
        let differs = node.tool(&["config", "diff", &path]).expecting(2);
        assert!(
            differs
                .stdout
                .ends_with("8002 to create, 0 to update, 0 to delete\n"),
            "{differs:?}"
        );
        let applied = node
            .tool(&["config", "apply", &path, "--output", "json"])
            .expecting(0)
            .json();
        assert_eq!(
            (&applied["create"], &applied["delete"]),
            (&json!(8002), &json!(0))
        );
        let made = applied["revision"].as_u64().expect("a revision");
        let key = node
            .admin()
            .get("/consumers/new-3999/key-auth/new-3999?wait=local")
            .expecting(200);
        assert_eq!(key.must("etag"), format!("\"{made}\""));
        node.tool(&["config", "diff", &path]).expecting(0);
        let again = node.tool(&["config", "apply", &path]).expecting(0);
        assert_eq!(again.stdout, "nothing to change\n");
        let exported = node.tool(&["config", "export"]).expecting(0).stdout;
        fs::write(file.path(), exported).expect("room for it");
        node.tool(&["config", "diff", &path]).expecting(0);
    });
}

#[test]
fn a_batch_is_made_whole_at_one_revision_or_not_at_all() {
    with_cluster(3, |cluster| {
        let admin = cluster.node(2).admin();
        let batch = json!({"operations": [
            {"op": "create", "entity": "services", "body": {"name": "s", "host": "a.test"}},
            {"method": "POST", "path": "/services/s/routes", "body": {"name": "r", "paths": ["/"]}},
            {"op": "update", "entity": "services", "key": "s", "body": {"retries": 1}},
        ]});
        let made = admin.post("/troop/batch", &batch).expecting(200).json();
        let statuses: Vec<_> = made["results"]
            .as_array()
            .expect("results")
            .iter()
            .map(|r| r["status"].clone())
            .collect();
        assert_eq!(statuses, [201, 201, 200]);
        let tag = format!("\"{}\"", made["revision"]);
        for path in ["/services/s?wait=local", "/routes/r?wait=local"] {
            assert_eq!(cluster.node(3).admin().get(path).expecting(200).must("etag"), tag);
        }
        let before = cluster.agree();
        let batch = json!({"operations": [
            {"op": "create", "entity": "services", "body": {"name": "t", "host": "a.test"}},
            {"op": "delete", "entity": "services", "key": "s"},
        ]});
        let refused = admin.post("/troop/batch", &batch).expecting(400).json();
        assert_eq!(
            (&refused["operation"], &refused["error"]["code"]),
            (&json!(1), &json!(4))
        );
        assert_eq!(cluster.agree(), before);
    });
}

#[test]
fn a_write_sent_again_through_another_node_after_the_leader_died_is_made_once() {
    with_cluster(3, |cluster| {
        let leader = cluster.leader();
        let others = cluster.others(leader);
        let request = Request::new("POST", "/services")
            .header("Idempotency-Key", "4f9c")
            .json(&json!({"host": "a.test"}));
        let first = cluster.node(leader).admin().send(&request).expecting(201).json();
        cluster.node_mut(leader).kill();
        let again = eventually(PATIENCE, "the retry is answered", || {
            let answer = cluster.node(others[0]).admin().send(&request);
            if answer.status == 201 {
                Ok(answer.json())
            } else {
                Err(answer.text())
            }
        });
        assert_eq!(again, first);
        let other = Request::new("POST", "/services")
            .header("Idempotency-Key", "4f9c")
            .json(&json!({"host": "b.test"}));
        assert_eq!(cluster.node(others[1]).admin().send(&other).status, 422);
        let ids = names(cluster.node(others[1]), "services", "id");
        assert_eq!(ids, [first["id"].as_str().expect("an id")]);
        cluster.gather();
    });
}
