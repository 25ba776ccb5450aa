//! Requests and answers on a store in memory, without sockets.

use crate::desk::{Desk, Seen, fields};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_service_lives_through_its_whole_life() {
    let desk = Desk::new();
    let made = desk
        .post("/services", json!({"name": "s", "url": "http://a.test/x"}))
        .await;
    assert_eq!((made.status, &made.body["host"]), (201, &json!("a.test")));
    assert_eq!(desk.get("/services/s").await.body, made.body);
    let patched = desk
        .send("PATCH", "/services/s", Some(json!({"retries": 1})))
        .await;
    assert_eq!((patched.status, &patched.body["retries"]), (200, &json!(1)));
    let put = desk
        .send("PUT", "/services/s", Some(json!({"host": "b.test"})))
        .await;
    assert_eq!(
        (put.status, &put.body["retries"], &put.body["id"]),
        (200, &json!(5), &made.body["id"])
    );
    assert_eq!(desk.send("DELETE", "/services/s", None).await.status, 204);
    assert_eq!(desk.send("DELETE", "/services/s", None).await.status, 204);
    assert_eq!(desk.get("/services/s").await.message(), (404, "Not found"));
}

#[tokio::test]
async fn a_path_or_method_that_does_not_exist_is_told_apart() {
    let desk = Desk::new();
    for (method, path, status, text) in [
        ("GET", "/none", 404, "Not found"),
        ("POST", "/targets", 404, "Not found"),
        ("PUT", "/services", 405, "Method not allowed"),
        ("FOO", "/services", 405, "Method not allowed"),
        ("POST", "/status", 405, "Method not allowed"),
        (
            "GET",
            "/config",
            400,
            "this endpoint is only available when Kong is configured to not use a database",
        ),
    ] {
        let seen = desk.send(method, path, None).await;
        assert_eq!(seen.message(), (status, text), "{method} {path}");
    }
    assert_eq!(desk.get("/services/").await.status, 200);
}

#[tokio::test]
async fn a_membership_is_named_by_its_group_below_its_consumer() {
    let desk = Desk::new();
    desk.post("/consumers", json!({"username": "bob"})).await;
    let made = desk
        .send("PUT", "/consumers/bob/acls/admins", Some(json!({})))
        .await;
    assert_eq!((made.status, &made.body["group"]), (200, &json!("admins")));
    let read = desk.get("/consumers/bob/acls/admins").await;
    assert_eq!(read.body, made.body);
    let missing = desk.get("/consumers/bob/acls/none").await;
    assert_eq!(missing.message(), (404, "Not found"));
    assert_eq!(missing.body["request_id"].as_str().map(str::len), Some(32));
    assert_eq!(desk.get("/acls/admins").await.body["code"], 1);
    assert_eq!(
        desk.send("DELETE", "/consumers/bob/acls/admins", None)
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn the_life_of_a_key_may_be_given_in_a_form() {
    let desk = Desk::new();
    desk.post("/consumers", json!({"username": "bob"})).await;
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    for (form, status, lives) in [("ttl=50", 201, true), ("ttl=", 201, false), ("ttl=x", 400, false)] {
        let seen = desk.raw("POST", "/consumers/bob/key-auth", &kind, form).await;
        assert_eq!(seen.status, status, "{form}");
        assert_eq!(seen.body["ttl"].as_u64().is_some(), lives, "{form}");
    }
}

#[tokio::test]
async fn a_certificate_is_reached_by_its_names_and_through_what_refers_to_it() {
    let desk = Desk::new();
    let certificate = json!({
        "cert": include_str!("../../../schema/tests/pem/ec.crt"),
        "key": include_str!("../../../schema/tests/pem/ec.key"),
        "snis": ["a.test"],
    });
    let made = desk.post("/certificates", certificate).await;
    assert_eq!((made.status, &made.body["snis"]), (201, &json!(["a.test"])));
    assert_eq!(desk.get("/certificates/a.test").await.body, made.body);
    assert_eq!(
        desk.get("/certificates/x.test").await.message(),
        (404, "SNI not found")
    );
    let below = desk
        .send("PUT", "/certificates/a.test/snis/b.test", Some(json!({})))
        .await;
    assert_eq!(
        (below.status, &below.body["certificate"]["id"]),
        (200, &made.body["id"])
    );
    assert_eq!(
        desk.get("/snis/a.test/certificate").await.message(),
        (404, "Not found")
    );

    let reference = json!({"id": made.body["id"]});
    let service = json!({"name": "s", "host": "h", "protocol": "https", "client_certificate": reference});
    assert_eq!(desk.post("/services", service).await.status, 201);
    // Kong: through a reference the names are not listed, unless they are written.
    let through = desk.get("/services/s/client_certificate").await;
    assert_eq!((through.status, &through.body["snis"]), (200, &Value::Null));
    let patched = desk
        .send(
            "PATCH",
            "/services/s/client_certificate",
            Some(json!({"tags": ["x"]})),
        )
        .await;
    assert_eq!(patched.body["snis"], json!(["a.test", "b.test"]));
    assert_eq!(desk.get("/certificates/a.test/services/s").await.status, 200);
}

#[tokio::test]
async fn schemas_are_there_for_tables_without_records() {
    let desk = Desk::new();
    for name in [
        "certificates",
        "tags",
        "workspaces",
        "vaults/env",
        "filter_chains",
    ] {
        assert_eq!(desk.get(&format!("/schemas/{name}")).await.status, 200, "{name}");
    }
    let unknown = desk.get("/schemas/vaults/nope").await;
    assert_eq!(unknown.message(), (404, "No vault named 'nope'"));
    let refused = desk.post("/tags", json!({"tag": "x"})).await;
    assert_eq!((refused.status, &refused.body["code"]), (400, &json!(2)));
    let no_wasm = desk.get("/services/s/filter-chains/f").await;
    let text = "this endpoint is only available when wasm is enabled";
    assert_eq!(no_wasm.message(), (400, text));
}

#[tokio::test]
async fn options_lists_what_a_path_allows() {
    let seen = Desk::new().send("OPTIONS", "/services/x", None).await;
    assert_eq!(seen.status, 204);
    assert_eq!(seen.header("allow"), "DELETE, GET, HEAD, OPTIONS, PATCH, PUT");
    assert_eq!(seen.header("access-control-allow-methods"), seen.header("allow"));
    assert_eq!(seen.header("access-control-allow-headers"), "Content-Type");
}

#[tokio::test]
async fn what_is_below_a_parent_is_found_there_only() {
    let desk = Desk::new();
    for name in ["s", "t"] {
        desk.post("/services", json!({"name": name, "host": "h"})).await;
    }
    let route = json!({"name": "r", "paths": ["/r"], "service": {"name": "t"}});
    let made = desk.post("/services/s/routes", route).await;
    let service = desk.get("/services/s").await.body["id"].clone();
    assert_eq!((made.status, &made.body["service"]["id"]), (201, &service));
    assert_eq!(desk.get("/services/s/routes/r").await.status, 200);
    for method in ["GET", "PATCH", "DELETE"] {
        let seen = desk.send(method, "/services/t/routes/r", None).await;
        assert_eq!(seen.message(), (404, "Not found"), "{method}");
    }
    assert_eq!(desk.get("/routes/r/service").await.body["id"], service);
    assert_eq!(desk.send("DELETE", "/routes/r/service", None).await.status, 405);
    assert_eq!(desk.send("DELETE", "/services/s", None).await.body["code"], 4);
    assert_eq!(
        desk.send("DELETE", "/services/s/routes/r", None).await.status,
        204
    );
    assert_eq!(
        desk.send("DELETE", "/services/s/routes/r", None).await.status,
        404
    );
}

#[tokio::test]
async fn putting_on_a_target_changes_it_and_never_creates_one() {
    let desk = Desk::new();
    desk.post("/upstreams", json!({"name": "u"})).await;
    let path = "/upstreams/u/targets/a.test:80";
    assert_eq!(
        desk.send("PUT", path, Some(json!({"weight": 1}))).await.status,
        404
    );
    desk.post("/upstreams/u/targets", json!({"target": "a.test:80"}))
        .await;
    assert_eq!(
        desk.send("PUT", path, Some(json!({"weight": 1}))).await.body["weight"],
        1
    );
}

#[tokio::test]
async fn a_plugin_is_patched_without_repeating_its_name() {
    let desk = Desk::new();
    let made = desk.post("/plugins", json!({"name": "key-auth"})).await;
    let path = format!("/plugins/{}", made.body["id"].as_str().unwrap());
    let seen = desk
        .send(
            "PATCH",
            &path,
            Some(json!({"config": {"hide_credentials": true}})),
        )
        .await;
    assert_eq!(
        (seen.status, &seen.body["config"]["hide_credentials"]),
        (200, &json!(true))
    );
    let nobody = desk
        .send("PATCH", "/plugins/none", Some(json!({"enabled": false})))
        .await;
    assert_eq!(nobody.message(), (404, "Not found"));
}

#[tokio::test]
async fn bodies_of_other_types_and_sizes_are_refused() {
    let desk = Desk::new();
    let text = desk
        .raw("POST", "/services", &[("content-type", "text/plain")], "{}")
        .await;
    assert_eq!(
        (text.status, text.header("content-type")),
        (415, "text/html; charset=UTF-8")
    );
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let many = vec!["a=1"; 1001].join("&");
    assert_eq!(
        desk.raw("POST", "/services", &form, &many).await.message(),
        (400, "Too many arguments")
    );
    assert_eq!(
        desk.get(&format!("/services?{many}")).await.message(),
        (400, "Too many arguments")
    );
    let huge = json!({"host": "h", "tags": ["x".repeat(1 << 20)]});
    assert_eq!(desk.post("/services", huge).await.status, 413);
}

#[tokio::test]
async fn leadership_is_handed_to_a_node_by_its_number_or_to_whoever_is_fittest() {
    let desk = Desk::new();
    for (wish, status) in [
        (json!({}), 200),
        (json!({"id": null}), 200),
        (json!({"id": 1}), 200),
        (json!({"id": "1"}), 200),
        (json!({"id": 2}), 404),
        (json!({"id": "red"}), 400),
        (json!({"id": -1}), 400),
    ] {
        let answer = desk.post("/troop/leader", wish.clone()).await;
        assert_eq!(answer.status, status, "{wish}: {}", answer.body);
        assert!(
            status != 200 || answer.body == json!({"leader": 1}),
            "{}",
            answer.body
        );
    }
}

#[tokio::test]
async fn tokens_are_made_listed_and_ended() {
    let desk = Desk::new();
    let made = desk
        .post(
            "/troop/tokens",
            json!({"role": "learner", "ttl_seconds": 60, "uses": 2}),
        )
        .await;
    assert_eq!(
        (made.status, &made.body["token"], &made.body["uses"]),
        (201, &json!("secret-t1"), &json!(2))
    );
    let listed = desk.get("/troop/tokens").await.body;
    assert_eq!(fields(&listed["tokens"][0]), ["expires_at", "id", "role", "uses"]);
    assert_eq!(desk.send("DELETE", "/troop/tokens/t1", None).await.status, 204);
    assert_eq!(desk.send("DELETE", "/troop/tokens/t1", None).await.status, 404);
    for wrong in [
        json!({"role": "king"}),
        json!({"ttl_seconds": 0}),
        json!({"uses": "many"}),
    ] {
        assert_eq!(
            desk.post("/troop/tokens", wrong.clone()).await.status,
            400,
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn the_cluster_is_described_to_its_tools() {
    let desk = Desk::new();
    let status = desk.get("/troop/status").await.body;
    let expected = [
        "applied_index",
        "id",
        "last_log_index",
        "leader",
        "members",
        "name",
        "role",
        "served_revision",
        "term",
        "warnings",
    ];
    assert_eq!(fields(&status), expected);
    let nodes = desk.get("/troop/nodes").await.body;
    let expected = [
        "address",
        "id",
        "lag",
        "leader",
        "name",
        "role",
        "router_flavor",
        "served_revision",
    ];
    assert_eq!(fields(&nodes["nodes"][0]), expected);
    assert_eq!(desk.get("/troop/nodes/1").await.body, nodes["nodes"][0]);
    assert_eq!(desk.get("/troop/nodes/7").await.status, 404);
    assert_eq!(
        desk.send("DELETE", "/troop/nodes/1", None).await.message(),
        (409, "node 1 is the only one")
    );
    assert_eq!(desk.get("/troop/health").await.body, json!({"healthy": true}));
    assert_eq!(desk.send("POST", "/troop/stop", None).await.status, 202);
    assert!(desk.node.stopped.load(Ordering::SeqCst));
}

#[tokio::test]
async fn the_root_tells_tools_that_this_is_a_kong_with_a_database() {
    let desk = Desk::new();
    desk.post("/plugins", json!({"name": "key-auth"})).await;
    let root = desk.get("/").await.body;
    assert_eq!(root["version"], "3.9.1");
    assert_eq!(root["configuration"]["database"], "postgres");
    assert_eq!(root["configuration"]["router_flavor"], "traditional_compatible");
    assert_eq!(root["plugins"]["enabled_in_cluster"], json!(["key-auth"]));
    assert_eq!(
        root["plugins"]["available_on_server"]["key-auth"]["version"],
        "3.9.1"
    );
}

#[tokio::test]
async fn events_tell_what_changed_and_cover_secrets() {
    let desk = Desk::new();
    desk.post("/consumers", json!({"username": "bob"})).await;
    desk.post("/consumers/bob/key-auth", json!({"key": "hunter2"}))
        .await;
    let text = desk.first_piece("/events?since=0").await;
    assert!(text.starts_with("id: 1\nevent: crud\ndata: {"), "{text}");
    let data: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let schemas: Vec<&Value> = data.iter().map(|event| &event["schema"]).collect();
    assert_eq!(schemas, ["consumers", "keyauth_credentials"]);
    assert_eq!(data[0]["entity"]["username"], "bob");
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(desk.get("/events?since=x").await.status, 400);
}

#[tokio::test]
async fn tags_are_listed_with_who_wears_them() {
    let desk = Desk::new();
    desk.post("/services", json!({"name": "s", "host": "h", "tags": ["b", "a"]}))
        .await;
    desk.post("/consumers", json!({"username": "c", "tags": ["a"]}))
        .await;
    let tags = |page: &Value| -> Vec<String> {
        let rows = page["data"].as_array().unwrap().iter();
        rows.map(|row| {
            format!(
                "{} {}",
                row["entity_name"].as_str().unwrap(),
                row["tag"].as_str().unwrap()
            )
        })
        .collect()
    };
    let all = desk.get("/tags").await.body;
    assert_eq!(tags(&all), ["services a", "services b", "consumers a"]);
    assert_eq!(
        tags(&desk.get("/tags/a").await.body),
        ["services a", "consumers a"]
    );
    assert_eq!(tags(&desk.get("/tags/none").await.body), [""; 0]);
    let first = desk.get("/tags?size=2").await.body;
    assert_eq!(tags(&first), ["services a", "services b"]);
    let next = desk.get(first["next"].as_str().unwrap()).await.body;
    assert_eq!(
        (tags(&next), &next["next"]),
        (vec!["consumers a".to_owned()], &Value::Null)
    );
    assert_eq!(desk.get("/tags?offset=x").await.body["code"], 7);
}

#[tokio::test]
async fn targets_are_paged_newest_first_by_number_too() {
    let desk = Desk::new();
    desk.post("/upstreams", json!({"name": "u"})).await;
    for (target, at) in [("a:1", 1), ("b:1", 2), ("c:1", 3)] {
        desk.post(
            "/upstreams/u/targets",
            json!({"target": target, "created_at": at}),
        )
        .await;
    }
    let targets = |page: Value| -> Vec<String> {
        let rows = page["data"].as_array().unwrap().iter();
        rows.map(|row| row["target"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = desk.get("/upstreams/u/targets?size=2").await.body;
    let next = desk.get(first["next"].as_str().unwrap()).await.body;
    assert_eq!(
        (targets(first), targets(next)),
        (vec!["c:1".into(), "b:1".into()], vec!["a:1".to_owned()])
    );
    for (offset, left) in [("0", 3), ("2", 1), ("3", 0), ("99", 0)] {
        let page = desk
            .get(&format!("/upstreams/u/targets?offset={offset}"))
            .await
            .body;
        assert_eq!(targets(page).len(), left, "{offset}");
    }
}

#[tokio::test]
async fn a_head_is_a_get() {
    let desk = Desk::new();
    let Seen { status, .. } = desk.send("HEAD", "/services/none", None).await;
    assert_eq!(status, 404);
    assert_eq!(
        desk.send("HEAD", "/services", None).await.header("content-type"),
        "application/json; charset=utf-8"
    );
}

#[tokio::test]
async fn an_explanation_names_the_route_that_is_found_and_what_others_miss() {
    let desk = Desk::new();
    let question = json!({"method": "GET", "url": "http://a.test/x", "headers": {"x-a": "1"}});
    let answer = desk.post("/troop/explain", question).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["route"], answer.body["routes"][0]["id"]);
    assert_eq!(answer.body["routes"][1]["misses"], json!(["paths"]));
    for wrong in [
        json!({}),
        json!({"url": 5}),
        json!({"url": "http://a.test/", "headers": ["x"]}),
        json!({"url": "http://a.test/", "headers": {"x-a": 1}}),
    ] {
        assert_eq!(
            desk.post("/troop/explain", wrong.clone()).await.status,
            400,
            "{wrong}"
        );
    }
}
