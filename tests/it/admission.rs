//! Who is let in: tokens good and bad.

use serde_json::json;
use troop_tests::{
    cluster::token,
    node::{Node, inventory},
    patience::{PATIENCE, eventually},
    ports,
    program::Finished,
    wire::Connection,
};

/// Tries to join and is refused: nothing is left behind, and the cluster knows nobody new.
fn refused(host: &Node, token: &str) -> Finished {
    let mut stranger = Node::new("stranger", &[]);
    stranger.set_join(&host.addresses().peer.to_string(), token);
    let refused = stranger.start_refused();
    let left: Vec<_> = inventory(&stranger.data_dir()).into_keys().collect();
    assert!(left.is_empty(), "a refused join left {left:?}");
    let members = host.admin().status().expect("it answers")["members"].clone();
    assert_eq!(members.as_array().map(Vec::len), Some(1), "{members}");
    assert!(
        !refused.stderr.contains(token) && !refused.stdout.contains(token),
        "the token is shown: {refused:?}"
    );
    refused
}

#[test]
fn a_token_with_a_wrong_secret_is_refused() {
    let host = Node::alone(&[]);
    let good = token(&host, &json!({}));
    // The secret lies in the middle of the text; whatever part is changed, the token is not the one that was made.
    let mut wrong: Vec<u8> = good.clone().into_bytes();
    let at = wrong.len() / 2;
    wrong[at] = if wrong[at] == b'A' { b'B' } else { b'A' };
    let wrong = String::from_utf8(wrong).expect("text");
    let said = refused(&host, &wrong);
    assert!(said.stderr.contains("token"), "{said:?}");
    // The good one is still good.
    let mut node = Node::new("node-2", &[]);
    node.set_join(&host.addresses().peer.to_string(), &good);
    node.start();
    node.wait_healthy();
}

#[test]
fn a_token_for_one_node_admits_one_node() {
    let host = Node::alone(&[]);
    let once = token(&host, &json!({"role": "learner"}));
    let mut first = Node::new("node-2", &[]);
    first.set_join(&host.addresses().peer.to_string(), &once);
    first.start();
    first.wait_healthy();
    let mut second = Node::new("node-3", &[]);
    second.set_join(&host.addresses().peer.to_string(), &once);
    let said = second.start_refused();
    assert!(said.stderr.contains("token"), "{said:?}");
    assert!(inventory(&second.data_dir()).is_empty());
    let list = host.admin().get("/troop/tokens").expecting(200).json();
    assert_eq!(list, json!({"tokens": []}));
}

#[test]
fn a_token_for_two_nodes_admits_two_at_once_and_no_third() {
    let host = Node::alone(&[]);
    let twice = token(&host, &json!({"role": "learner", "uses": 2}));
    let mut nodes: Vec<Node> = (2..=3).map(|n| Node::new(&format!("node-{n}"), &[])).collect();
    for node in &mut nodes {
        node.set_join(&host.addresses().peer.to_string(), &twice);
        node.start();
    }
    for node in &mut nodes {
        node.wait_healthy();
    }
    assert_ne!(nodes[0].id(), nodes[1].id());
    let mut third = Node::new("node-4", &[]);
    third.set_join(&host.addresses().peer.to_string(), &twice);
    third.start_refused();
}

#[test]
fn an_expired_token_is_refused() {
    let host = Node::alone(&[]);
    let short = token(&host, &json!({"ttl_seconds": 1}));
    eventually(PATIENCE, "the token is no longer listed", || {
        let list = host.admin().get("/troop/tokens").expecting(200).json();
        if list == json!({"tokens": []}) {
            Ok(())
        } else {
            Err(list)
        }
    });
    let said = refused(&host, &short);
    assert!(said.stderr.contains("expired"), "{said:?}");
}

#[test]
fn a_revoked_token_is_refused() {
    let host = Node::alone(&[]);
    let text = token(&host, &json!({}));
    let list = host.admin().get("/troop/tokens").expecting(200).json();
    let id = list["tokens"][0]["id"].as_str().expect("an id").to_owned();
    assert!(!list.to_string().contains(&text), "the list shows the token");
    host.admin().delete(&format!("/troop/tokens/{id}")).expecting(204);
    host.admin().delete(&format!("/troop/tokens/{id}")).expecting(404);
    let said = refused(&host, &text);
    assert!(said.stderr.contains("token"), "{said:?}");
}

#[test]
fn a_token_of_another_cluster_trusts_nobody_here() {
    let (host, other) = (Node::alone(&[]), Node::alone(&[]));
    let foreign = token(&other, &json!({}));
    let said = refused(&host, &foreign);
    // The newcomer finds out during the handshake, before it says the secret to a stranger.
    assert!(
        said.stderr
            .contains("certificate authority is not the one the join token names"),
        "{said:?}"
    );
    assert!(said.stderr.contains("make a token on that cluster"), "{said:?}");
}

#[test]
fn text_that_is_no_token_is_refused_before_anything_is_tried() {
    let host = Node::alone(&[]);
    let good = token(&host, &json!({}));
    let zeros = "0".repeat(good.len());
    for text in ["no-token", &good[1..], &good[..good.len() - 4], &zeros] {
        let said = refused(&host, text);
        assert!(said.stderr.contains("token"), "{said:?}");
    }
}

#[test]
fn a_join_where_nobody_listens_ends_with_the_address() {
    let host = Node::alone(&[]);
    let good = token(&host, &json!({}));
    let nobody = ports::free().to_string();
    let mut node = Node::new("node-2", &[]);
    node.set_join(&nobody, &good);
    let said = node.start_refused();
    assert!(said.stderr.contains(&nobody), "{said:?}");
    assert!(inventory(&node.data_dir()).is_empty());
}

#[test]
fn noise_on_the_peer_port_keeps_nobody_out() {
    let host = Node::alone(&[]);
    let mut callers: Vec<Connection> = (0..50)
        .map(|_| Connection::open(host.addresses().peer).expect("it listens"))
        .collect();
    // Half of them talk nonsense, the others say nothing and stay.
    for caller in callers.iter_mut().step_by(2) {
        caller
            .write(b"GET / HTTP/1.1\r\nHost: peer\r\n\r\n")
            .expect("it listens");
    }
    let mut node = Node::new("node-2", &[]);
    node.set_join(
        &host.addresses().peer.to_string(),
        &token(&host, &json!({"role": "learner"})),
    );
    node.start();
    node.wait_healthy();
}

#[test]
fn a_wish_for_a_token_that_makes_no_sense_is_refused() {
    let node = Node::alone(&[]);
    for (wish, word) in [
        (json!({"role": "king"}), "role"),
        (json!({"ttl_seconds": 0}), "ttl"),
        (json!({"ttl_seconds": 99_999_999}), "ttl"),
        (json!({"ttl_seconds": "soon"}), "ttl"),
        (json!({"uses": 0}), "uses"),
        (json!({"uses": 1_000_000}), "uses"),
    ] {
        let refused = node.admin().post("/troop/tokens", &wish).expecting(400);
        assert!(refused.text().contains(word), "{wish}: {}", refused.text());
    }
}
