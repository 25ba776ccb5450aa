//! What is written at one node about certificates and consumers, read at another.

use serde_json::{Value, json};
use troop_tests::{cluster::with_cluster, node::Node};

const CERT: &str = include_str!("../../node/schema/tests/pem/ec.crt");
const KEY: &str = include_str!("../../node/schema/tests/pem/ec.key");

/// What a consumer can have: where it is created, with what, and where all of them are listed.
fn kinds() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("key-auth", json!({"key": "k"}), "/key-auths"),
        (
            "basic-auth",
            json!({"username": "u", "password": "p"}),
            "/basic-auths",
        ),
        ("hmac-auth", json!({"username": "u"}), "/hmac-auths"),
        ("jwt", json!({"key": "j"}), "/jwts"),
        ("acls", json!({"group": "g"}), "/acls"),
        ("oauth2", json!({"name": "app", "client_id": "c"}), "/oauth2"),
    ]
}

fn count(node: &Node, path: &str) -> usize {
    let page = node.admin().get(path).expecting(200).json();
    page["data"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_certificate_created_at_one_node_is_read_by_its_name_at_another() {
    with_cluster(3, |cluster| {
        let body = json!({"cert": CERT, "key": KEY, "snis": ["a.test", "*.b.test"]});
        let made = cluster
            .node(1)
            .admin()
            .post("/certificates", &body)
            .expecting(201)
            .json();
        assert_eq!(made["snis"], json!(["*.b.test", "a.test"]));
        for n in [2, 3] {
            let admin = cluster.node(n).admin();
            assert_eq!(admin.get("/certificates/a.test").expecting(200).json(), made);
            let sni = admin.get("/snis/*.b.test").expecting(200).json();
            assert_eq!(sni["certificate"]["id"], made["id"]);
        }
        cluster
            .node(2)
            .admin()
            .delete("/certificates/a.test")
            .expecting(204);
        assert_eq!(count(cluster.node(3), "/snis"), 0);
        cluster.agree();
    });
}

#[test]
fn a_consumer_deleted_at_one_node_has_no_credentials_left_at_another() {
    with_cluster(3, |cluster| {
        let admin = cluster.node(1).admin();
        admin
            .post("/consumers", &json!({"username": "bob"}))
            .expecting(201);
        for (path, body, _) in kinds() {
            admin
                .post(&format!("/consumers/bob/{path}"), &body)
                .expecting(201);
        }
        let token = json!({"credential": {"client_id": "c"}, "expires_in": 60, "access_token": "t"});
        admin.post("/oauth2_tokens", &token).expecting(201);
        let all = || {
            kinds()
                .into_iter()
                .map(|(.., path)| path)
                .chain(["/oauth2_tokens"])
        };
        for path in all() {
            assert_eq!(count(cluster.node(2), path), 1, "{path}");
        }
        cluster.node(2).admin().delete("/consumers/bob").expecting(204);
        for path in all() {
            assert_eq!(count(cluster.node(3), path), 0, "{path}");
        }
        cluster.agree();
    });
}
