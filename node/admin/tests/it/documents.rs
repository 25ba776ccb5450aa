//! `/config`: one document, one revision, or nothing.

use crate::desk::{Desk, Seen};
use serde_json::{Value, json};
use std::sync::Arc;
use troop_txn::{MemoryStore, Store};

const YAML: &[(&str, &str)] = &[("content-type", "application/yaml")];

fn document() -> Value {
    json!({
        "_format_version": "3.0",
        "services": [{"name": "s", "host": "h", "routes": [{"name": "r", "paths": ["/x"]}]}],
        "consumers": [{"username": "c", "keyauth_credentials": [{"key": "k"}]}],
    })
}

async fn load(desk: &Desk, document: Value) -> Seen {
    let seen = desk.post("/config", document).await;
    assert_eq!(seen.status, 201, "{}", seen.body);
    seen
}

fn revision(store: &dyn Store) -> u64 {
    store.applied().borrow().get()
}

#[tokio::test]
async fn a_document_becomes_the_configuration_at_one_revision() {
    let store = Arc::new(MemoryStore::new());
    let desk = Desk::on(store.clone());
    desk.post("/services", json!({"name": "old", "host": "h"})).await;
    let before = store.applied().borrow().to_owned();
    let seen = load(&desk, document()).await;
    let services = seen.body["services"].as_object().unwrap();
    assert_eq!(services.len(), 1);
    let page = store.events(before, 100).unwrap();
    let revisions: Vec<_> = page.events.iter().map(|event| event.revision.get()).collect();
    assert_eq!(revisions, [before.get() + 1; 5]);
    assert_eq!(desk.get("/services/old").await.status, 404);
    assert_eq!(
        desk.get("/consumers/c/key-auth").await.body["data"][0]["key"],
        "k"
    );
}

#[tokio::test]
async fn loading_it_again_changes_nothing_and_keeps_ids() {
    let store = Arc::new(MemoryStore::new());
    let desk = Desk::on(store.clone());
    let made = desk
        .post("/services", json!({"name": "s", "host": "other"}))
        .await;
    load(&desk, document()).await;
    let service = desk.get("/services/s").await.body;
    assert_eq!(
        (&service["id"], &service["host"]),
        (&made.body["id"], &json!("h"))
    );
    let before = revision(&*store);
    load(&desk, document()).await;
    assert_eq!(revision(&*store), before);
}

#[tokio::test]
async fn a_document_that_is_wrong_anywhere_changes_nothing() {
    let store = Arc::new(MemoryStore::new());
    let desk = Desk::on(store.clone());
    load(&desk, document()).await;
    let before = revision(&*store);
    for wrong in [
        json!({"_format_version": "3.0", "services": [{"name": "t", "host": "h"}, {"host": 5}]}),
        json!({"_format_version": "3.0", "routes": [{"paths": ["/"], "service": "nobody"}]}),
        json!({"_format_version": "3.0", "services": [{"name": "t", "host": "h"}, {"name": "t", "host": "h"}]}),
    ] {
        let seen = desk.post("/config", wrong).await;
        assert_eq!(
            (seen.status, &seen.body["code"]),
            (400, &json!(14)),
            "{}",
            seen.body
        );
    }
    assert_eq!(revision(&*store), before);
}

#[tokio::test]
async fn text_is_taken_in_every_kind_of_body() {
    let desk = Desk::new();
    let text = "_format_version: '3.0'\nconsumers:\n- username: hh\n";
    assert_eq!(desk.raw("POST", "/config", YAML, text).await.status, 201);
    let seen = desk.raw("POST", "/config?check_hash=1", YAML, text).await;
    assert_eq!(seen.status, 304);
    let seen = desk.post("/config?check_hash=1", json!({"config": text})).await;
    assert_eq!(seen.status, 304);
    let form = &[("content-type", "application/x-www-form-urlencoded")];
    let seen = desk
        .raw(
            "POST",
            "/config",
            form,
            "check_hash=1&config=_format_version%3A%20%223.0%22",
        )
        .await;
    assert_eq!((seen.status, seen.body), (201, json!({})));
    assert_eq!(desk.get("/consumers/hh").await.status, 404);
    assert_eq!(desk.raw("POST", "/services", YAML, text).await.status, 415);
}

#[tokio::test]
async fn the_cluster_says_that_it_is_a_documents_until_the_next_other_write() {
    let desk = Desk::new();
    let database = async || desk.get("/").await.body["configuration"]["database"].clone();
    let hash = async || desk.get("/status").await.body["configuration_hash"].clone();
    assert_eq!((database().await, hash().await), (json!("postgres"), Value::Null));
    assert_eq!(desk.get("/config").await.status, 400);
    load(&desk, document()).await;
    assert_eq!(database().await, "off");
    assert_eq!(hash().await.as_str().unwrap().len(), 32);
    let text = desk.get("/config").await.body["config"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(text.starts_with("_format_version:"), "{text}");
    desk.post("/services", json!({"name": "t", "host": "h"})).await;
    assert_eq!((database().await, hash().await), (json!("postgres"), Value::Null));
    let restored = desk.post("/config", json!({ "config": text })).await;
    assert_eq!(restored.status, 201, "{}", restored.body);
    assert_eq!(
        desk.get("/services").await.body["data"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn a_large_document_is_staged_and_visible_at_one_revision() {
    let store = Arc::new(MemoryStore::new());
    let desk = Desk::on(store.clone());
    let consumers: Vec<_> = (0..4_000)
        .map(|n| json!({"username": format!("consumer-{n}"), "keyauth_credentials": [{"key": format!("key-{n}")}]}))
        .collect();
    let before = store.applied().borrow().to_owned();
    load(&desk, json!({"_format_version": "3.0", "consumers": consumers})).await;
    let after = store.applied().borrow().to_owned();
    assert!(after.get() > before.get() + 2, "it was to be staged");
    let page = store.events(before, 1).unwrap();
    assert_eq!(page.events.len(), 8_000);
    assert!(page.events.iter().all(|event| event.revision == after));
    assert_eq!(
        desk.get("/consumers/consumer-3999/key-auth/key-3999")
            .await
            .status,
        200
    );
    let stale = troop_txn::read(&*store, |view| troop_txn::stage::stale(view, u64::MAX, 10)).unwrap();
    assert!(stale.is_empty(), "boxes are left");
}

#[tokio::test]
async fn two_documents_at_once_are_one_after_the_other_or_told_to_wait() {
    let desk = Desk::new();
    let first = desk.post("/config", document());
    let second = desk.post("/config", document());
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.status, 201);
    assert_eq!(
        second.message(),
        (429, "Currently loading previous configuration")
    );
    assert!(!second.header("retry-after").is_empty());
}

#[tokio::test]
async fn names_nested_in_a_certificate_are_repeated_in_it_and_others_are_not() {
    let desk = Desk::new();
    let id = "00000002-1111-4111-8111-111111111111";
    let certificate = json!({
        "id": id,
        "cert": include_str!("../../../schema/tests/pem/ec.crt"),
        "key": include_str!("../../../schema/tests/pem/ec.key"),
    });
    let mut holding = certificate.clone();
    holding["snis"] = json!([{"name": "b.test"}, {"name": "a.test"}]);
    let nested = json!({"_format_version": "3.0", "certificates": [holding]});
    for _ in 0..2 {
        let seen = load(&desk, nested.clone()).await;
        let names = seen.body["certificates"][id]["snis"].as_array().unwrap();
        let told: Vec<_> = names
            .iter()
            .map(|name| (&name["name"], &name["certificate"]["id"]))
            .collect();
        assert_eq!(
            told,
            [(&json!("b.test"), &json!(id)), (&json!("a.test"), &json!(id))]
        );
        assert!(
            names
                .iter()
                .all(|name| name.get("_comment") == Some(&Value::Null))
        );
        let apart = seen.body["snis"].as_object().unwrap();
        assert!(apart.values().all(|name| name.get("_comment").is_none()));
    }
    let name = json!({"name": "a.test", "certificate": {"id": id}});
    let beside = json!({"_format_version": "3.0", "certificates": [certificate], "snis": [name]});
    let seen = load(&desk, beside).await;
    assert_eq!(seen.body["certificates"][id].get("snis"), Some(&Value::Null));
}
