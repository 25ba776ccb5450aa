//! Plugins on real requests: who may pass, whose configuration holds, and how soon a change is felt.

use serde_json::{Value, json};
use troop_tests::{
    cluster::with_cluster,
    node::Node,
    origin::{Origin, echoed},
    wire::Request,
};

fn consumer(node: &Node, name: &str) -> Value {
    let made = node
        .admin()
        .post("/consumers", &json!({"username": name}))
        .expecting(201);
    let key = json!({"key": format!("key-of-{name}")});
    let key = node
        .admin()
        .post(&format!("/consumers/{name}/key-auth"), &key)
        .expecting(201);
    json!({"id": made.json()["id"], "key": key.json()["id"]})
}

fn as_consumer(name: &str) -> Request {
    Request::get("/p").header("apikey", &format!("key-of-{name}"))
}

#[test]
fn only_who_shows_a_known_key_passes_and_the_origin_learns_who_it_was() {
    let origin = Origin::start("origin");
    let node = Node::alone(&[]);
    node.admin().publish("p", origin.address(), "/p");
    let anna = consumer(&node, "anna");
    node.admin()
        .post("/services/p/plugins", &json!({"name": "key-auth"}))
        .expecting(201);

    for (request, message) in [
        (Request::get("/p"), "No API key found in request"),
        (
            Request::get("/p").header("apikey", ""),
            "No API key found in request",
        ),
        (Request::get("/p").header("apikey", "guessed"), "Unauthorized"),
        (Request::get("/p?apikey=guessed"), "Unauthorized"),
    ] {
        let refused = node.proxy(&request).expecting(401);
        assert_eq!(refused.json()["message"], message, "{request:?}");
        assert_eq!(refused.must("WWW-Authenticate"), "Key");
    }
    assert_eq!(origin.hits(), 0);

    let spoofed = as_consumer("anna").header("X-Consumer-Username", "root");
    for request in [spoofed, Request::get("/p?apikey=key-of-anna")] {
        let seen = node.proxy(&request).expecting(200).json();
        assert_eq!(echoed(&seen, "X-Consumer-Username"), ["anna"]);
        assert_eq!(
            echoed(&seen, "X-Consumer-ID"),
            [anna["id"].as_str().unwrap_or_default()]
        );
        assert_eq!(
            echoed(&seen, "X-Credential-Identifier"),
            [anna["key"].as_str().unwrap_or_default()]
        );
    }
}

#[test]
fn the_most_specific_configuration_of_a_plugin_holds() {
    let origin = Origin::start("origin");
    let node = Node::alone(&[]);
    let admin = node.admin();
    admin.publish("p", origin.address(), "/p");
    admin.publish("q", origin.address(), "/q");
    for name in ["anna", "bert"] {
        consumer(&node, name);
    }
    admin
        .post(
            "/plugins",
            &json!({"name": "key-auth", "config": {"anonymous": "bert"}}),
        )
        .expecting(201);
    let stop = |status: u16| json!({"name": "request-termination", "config": {"status_code": status, "message": "no"}});
    let check = |expected: [(Request, u16); 4]| {
        for (request, status) in expected {
            assert_eq!(node.proxy(&request).status, status, "{request:?}");
        }
    };
    let q_as_anna = || Request::get("/q").header("apikey", "key-of-anna");

    check([
        (as_consumer("anna"), 200),
        (as_consumer("bert"), 200),
        (q_as_anna(), 200),
        (Request::get("/q"), 200),
    ]);
    admin.post("/plugins", &stop(418)).expecting(201);
    check([
        (as_consumer("anna"), 418),
        (as_consumer("bert"), 418),
        (q_as_anna(), 418),
        (Request::get("/q"), 418),
    ]);
    admin.post("/services/p/plugins", &stop(419)).expecting(201);
    check([
        (as_consumer("anna"), 419),
        (as_consumer("bert"), 419),
        (q_as_anna(), 418),
        (Request::get("/q"), 418),
    ]);
    admin.post("/routes/p/plugins", &stop(420)).expecting(201);
    check([
        (as_consumer("anna"), 420),
        (as_consumer("bert"), 420),
        (q_as_anna(), 418),
        (Request::get("/q"), 418),
    ]);
    admin.post("/consumers/anna/plugins", &stop(421)).expecting(201);
    check([
        (as_consumer("anna"), 421),
        (as_consumer("bert"), 420),
        (q_as_anna(), 421),
        (Request::get("/q"), 418),
    ]);
    let mut both = stop(422);
    both["route"] = json!({"name": "p"});
    admin.post("/consumers/anna/plugins", &both).expecting(201);
    check([
        (as_consumer("anna"), 422),
        (as_consumer("bert"), 420),
        (q_as_anna(), 421),
        (Request::get("/q"), 418),
    ]);
}

#[test]
fn a_plugin_that_is_disabled_or_deleted_stops_at_once() {
    let origin = Origin::start("origin");
    let node = Node::alone(&[]);
    let admin = node.admin();
    admin.publish("p", origin.address(), "/p");
    let stop = json!({"name": "request-termination", "config": {"status_code": 403, "message": "closed"}});
    let id = admin.post("/routes/p/plugins", &stop).expecting(201).json()["id"].clone();
    let path = format!("/plugins/{}", id.as_str().unwrap_or_default());
    for _ in 0..10 {
        let refused = node.fetch("/p").expecting(403);
        assert_eq!(refused.json(), json!({"message": "closed"}));
        admin.patch(&path, &json!({"enabled": false})).expecting(200);
        node.fetch("/p").expecting(200);
        admin.patch(&path, &json!({"enabled": true})).expecting(200);
    }
    node.fetch("/p").expecting(403);
    admin.delete(&path).expecting(204);
    node.fetch("/p").expecting(200);
}

#[test]
fn a_request_gets_an_id_that_both_sides_see_and_keeps_its_own() {
    let origin = Origin::start("origin");
    let node = Node::alone(&[]);
    let admin = node.admin();
    admin.publish("p", origin.address(), "/p");
    let config = json!({"header_name": "X-Trace", "generator": "uuid#counter", "echo_downstream": true});
    admin
        .post("/plugins", &json!({"name": "correlation-id", "config": config}))
        .expecting(201);
    let mut connection = node.connect();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let answer = connection
            .exchange(&Request::get("/p"))
            .expect("an answer")
            .expecting(200);
        let id = answer.must("X-Trace").to_owned();
        assert_eq!(echoed(&answer.json(), "X-Trace"), [id.as_str()]);
        assert!(id.len() > 37 && id.as_bytes()[36] == b'#', "{id}");
        seen.push(id);
    }
    seen.dedup();
    assert_eq!(seen.len(), 3, "{seen:?}");
    let own = node
        .proxy(&Request::get("/p").header("X-Trace", "mine"))
        .expecting(200);
    assert_eq!(
        (own.must("X-Trace"), echoed(&own.json(), "X-Trace")),
        ("mine", vec!["mine"])
    );
}

#[test]
fn a_key_that_was_taken_away_opens_no_door_at_any_node() {
    let origin = Origin::start("origin");
    with_cluster(3, |cluster| {
        let admin = cluster.node(1).admin();
        admin.publish("p", origin.address(), "/p");
        admin
            .post("/services/p/plugins?wait=all", &json!({"name": "key-auth"}))
            .expecting(201);
        admin
            .post("/consumers?wait=all", &json!({"username": "anna"}))
            .expecting(201);
        for round in 0..5 {
            let writer = cluster.node(round % 3 + 1).admin();
            let asked = || {
                (1..=3)
                    .map(|n| cluster.node(n).proxy(&as_consumer("anna")).status)
                    .collect::<Vec<_>>()
            };
            // Asked before, so that every node has remembered that there is no such key.
            assert_eq!(asked(), [401; 3], "round {round}");
            let key = json!({"key": "key-of-anna"});
            let made = writer
                .post("/consumers/anna/key-auth?wait=all", &key)
                .expecting(201)
                .json();
            assert_eq!(asked(), [200; 3], "round {round}");
            let id = made["id"].as_str().unwrap_or_default();
            writer
                .delete(&format!("/consumers/anna/key-auth/{id}?wait=all"))
                .expecting(204);
            assert_eq!(asked(), [401; 3], "round {round}");
        }
    });
}

#[test]
fn a_plugin_this_build_does_not_have_is_refused() {
    let node = Node::alone(&[("plugins", "key-auth")]);
    for name in ["no-such-plugin", "request-termination"] {
        let refused = node
            .admin()
            .post("/plugins", &json!({"name": name}))
            .expecting(400);
        let text = format!("plugin '{name}' not enabled; add it to the 'plugins' configuration property");
        assert_eq!(refused.json()["fields"]["name"], text);
    }
    let root = node.admin().get("/").expecting(200).json();
    assert!(
        root["plugins"]["available_on_server"]["key-auth"].is_object(),
        "{root}"
    );
    assert!(
        root["plugins"]["available_on_server"]["request-termination"].is_null(),
        "{root}"
    );
}
