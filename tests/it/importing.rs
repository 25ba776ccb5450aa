//! `troop import`: somebody's Kong becomes a cluster of ours.

use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::Path};
use troop_tests::{admin::Admin, cluster::with_cluster, kong::FakeKong, node::Node};

/// Collections that are compared.
const COLLECTIONS: [&str; 14] = [
    "/services",
    "/routes",
    "/consumers",
    "/plugins",
    "/upstreams",
    "/certificates",
    "/snis",
    "/ca_certificates",
    "/key-auths",
    "/basic-auths",
    "/hmac-auths",
    "/jwts",
    "/acls",
    "/oauth2",
];

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A cluster that has one of everything, related to each other.
#[track_caller]
fn furnish(admin: &Admin) {
    let (cert, key) = (read("deck/shop.crt"), read("deck/shop.key"));
    let certificate = admin
        .post(
            "/certificates",
            &json!({"cert": cert, "key": key, "snis": ["shop.test", "*.shop.test"]}),
        )
        .expecting(201)
        .json();
    let wishes = [
        (
            "/services",
            json!({"name": "shop", "url": "https://shop.test/v1", "client_certificate": {"id": certificate["id"]}, "tags": ["team-a"]}),
        ),
        ("/services", json!({"name": "plain", "host": "plain.test"})),
        (
            "/services/shop/routes",
            json!({"name": "shop", "paths": ["/shop"], "headers": {"x-tenant": ["a"]}, "tags": ["team-a"]}),
        ),
        ("/routes", json!({"paths": ["/nowhere"]})),
        ("/consumers", json!({"username": "ann", "custom_id": "a-1"})),
        ("/consumers", json!({"username": "bob"})),
        (
            "/consumers/ann/key-auth",
            json!({"key": "key-of-ann", "ttl": 4000}),
        ),
        ("/consumers/bob/key-auth", json!({"key": "key-of-bob"})),
        (
            "/consumers/ann/basic-auth",
            json!({"username": "ann", "password": "secret-of-ann"}),
        ),
        ("/consumers/ann/hmac-auth", json!({"username": "ann"})),
        ("/consumers/ann/jwt", json!({})),
        ("/consumers/ann/acls", json!({"group": "readers"})),
        (
            "/consumers/bob/oauth2",
            json!({"name": "app", "hash_secret": true, "client_secret": "secret-of-app", "redirect_uris": ["https://b.test/"]}),
        ),
        (
            "/upstreams",
            json!({"name": "shop.test", "hash_on": "header", "hash_on_header": "x-session"}),
        ),
        (
            "/upstreams/shop.test/targets",
            json!({"target": "10.0.0.1:80", "weight": 7}),
        ),
        ("/upstreams/shop.test/targets", json!({"target": "10.0.0.2"})),
        ("/plugins", json!({"name": "correlation-id"})),
        (
            "/services/shop/plugins",
            json!({"name": "key-auth", "config": {"key_names": ["x"]}}),
        ),
        (
            "/consumers/ann/plugins",
            json!({"name": "request-termination", "config": {"status_code": 451}}),
        ),
    ];
    for (path, wish) in wishes {
        admin.post(path, &wish).expecting(201);
    }
}

/// All records by id, without what only the writer knows and what shrinks while one looks.
#[track_caller]
fn contents(admin: &Admin) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let below = admin.get("/upstreams").expecting(200).json();
    let upstreams = below["data"].as_array().cloned().unwrap_or_default();
    let targets = upstreams.iter().map(|upstream| {
        format!(
            "/upstreams/{}/targets",
            upstream["id"].as_str().unwrap_or_default()
        )
    });
    for path in COLLECTIONS.iter().map(|path| (*path).to_owned()).chain(targets) {
        let page = admin.get(&path).expecting(200).json();
        for mut record in page["data"].as_array().cloned().unwrap_or_default() {
            let members = record.as_object_mut().expect("a record");
            members.remove("updated_at");
            if let Some(ttl) = members.get_mut("ttl").filter(|ttl| ttl.is_number()) {
                *ttl = json!("some");
            }
            found.insert(format!("{path} {}", record["id"]), record);
        }
    }
    found
}

/// The counts of one entity in a report.
fn counts<'a>(report: &'a Value, entity: &str) -> &'a Value {
    let mut rows = report["entities"].as_array().into_iter().flatten();
    rows.find(|row| row["entity"] == entity).unwrap_or(&Value::Null)
}

#[test]
fn an_import_takes_everything_with_its_ids_and_hashes_and_a_second_one_finds_nothing_to_do() {
    let old = Node::alone(&[]);
    furnish(&old.admin());
    let from = format!("http://{}", old.admin().address());
    with_cluster(3, |cluster| {
        let leader = cluster.leader();
        let follower = cluster.others(leader)[0];
        let new = cluster.node(follower);
        let import = ["import", "--from", &from, "--output", "json"];

        let dry = new
            .tool(&[&import[..], &["--dry-run"]].concat())
            .expecting(0)
            .json();
        assert_eq!(
            (&counts(&dry, "services")["created"], &dry["refused"]),
            (&json!(2), &json!([]))
        );
        assert!(contents(&new.admin()).is_empty(), "a dry run wrote something");

        let report = new.tool(&import).expecting(0).json();
        assert_eq!(report["not_taken"], json!([]), "{report}");
        assert_eq!(contents(&new.admin()), contents(&old.admin()));

        let again = new.tool(&import).expecting(0).json();
        for row in again["entities"].as_array().into_iter().flatten() {
            assert_eq!(row["unchanged"], row["found"], "{row}");
        }

        let change = json!({"path": "/v2"});
        old.admin().patch("/services/shop", &change).expecting(200);
        old.admin()
            .post("/consumers", &json!({"username": "carl"}))
            .expecting(201);
        let later = new.tool(&import).expecting(0).json();
        assert_eq!(counts(&later, "services")["changed"], 1, "{later}");
        assert_eq!(counts(&later, "consumers")["created"], 1, "{later}");
        assert_eq!(contents(&new.admin()), contents(&old.admin()));
    });
}

#[test]
fn only_what_wears_the_tag_is_imported_when_a_tag_is_named() {
    let old = Node::alone(&[]);
    let admin = old.admin();
    admin
        .post(
            "/services",
            &json!({"name": "a", "host": "a.test", "tags": ["x", "y"]}),
        )
        .expecting(201);
    admin
        .post(
            "/services",
            &json!({"name": "b", "host": "b.test", "tags": ["x"]}),
        )
        .expecting(201);
    let new = Node::alone(&[]);
    let from = format!("http://{}", admin.address());
    new.tool(&[
        "import",
        "--from",
        &from,
        "--select-tag",
        "x",
        "--select-tag",
        "y",
    ])
    .expecting(0);
    let services = new.admin().get("/services").expecting(200).json();
    assert_eq!(
        (
            services["data"].as_array().map(Vec::len),
            &services["data"][0]["name"]
        ),
        (Some(1), &json!("a"))
    );
}

#[test]
fn what_cannot_be_taken_is_named_with_the_reason_and_everything_else_is_taken() {
    let shown: Value = serde_json::from_str(&read("enterprise.json")).expect("a document of ours");
    let kong = FakeKong::start(&shown);
    let new = Node::alone(&[]);
    let report = new
        .tool(&["import", "--from", &kong.url(), "--output", "json"])
        .expecting(1)
        .json();

    let refused = report["refused"].as_array().cloned().unwrap_or_default();
    let reasons: Vec<&str> = refused.iter().filter_map(|no| no["reason"].as_str()).collect();
    assert_eq!(refused.len(), 2, "{report}");
    assert!(
        reasons.iter().any(|reason| reason.contains("identity_realms")),
        "{reasons:?}"
    );
    assert!(
        reasons
            .iter()
            .any(|reason| reason.contains("plugin 'openid-connect' not enabled")),
        "{reasons:?}"
    );
    let left = json!([
        {"path": "/consumer_groups", "records": 3},
        {"path": "/rbac/users", "records": 1},
        {"path": "/workspaces", "records": 1},
    ]);
    assert_eq!(report["not_taken"], left);

    let admin = new.admin();
    let hash = admin.get("/basic-auths/c1").expecting(200).json()["password"].clone();
    assert_eq!(hash, shown["/basic-auths"][0]["password"]);
    let short_lived = admin.get("/key-auths/short-lived").expecting(200).json();
    assert!(
        short_lived["ttl"].as_u64().is_some_and(|left| left <= 3600),
        "{short_lived}"
    );
    assert_eq!(counts(&report, "targets")["created"], 3, "{report}");
    assert_eq!(counts(&report, "services")["created"], 3, "{report}");
}

#[test]
fn a_kong_that_does_not_answer_is_exit_code_3() {
    let new = Node::alone(&[]);
    let nobody = format!("http://{}", troop_tests::ports::free());
    let told = new.tool(&["import", "--from", &nobody]).expecting(3);
    assert!(told.stderr.contains("no Kong answers"), "{told:?}");
    new.tool(&["import", "--from", "https://kong.test:8444"])
        .expecting(2);
}
