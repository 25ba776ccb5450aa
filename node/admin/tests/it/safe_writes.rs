//! Comparing, trying, sending again, several as one, and much at once.

use crate::desk::{Desk, Seen};
use serde_json::{Value, json};
use std::sync::Arc;
use troop_txn::{MemoryStore, Store};

fn desk() -> (Desk, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::new());
    (Desk::on(store.clone()), store)
}

fn revision(store: &MemoryStore) -> u64 {
    store.applied().borrow().get()
}

fn service(name: &str) -> Value {
    json!({"name": name, "host": "h"})
}

async fn with(desk: &Desk, method: &str, path: &str, header: (&str, &str), body: Value) -> Seen {
    desk.send_with(method, path, &[header], Some(body)).await
}

#[tokio::test]
async fn an_entity_that_a_client_has_already_is_not_sent_again() {
    let (desk, _) = desk();
    desk.post("/services", service("s")).await;
    let tag = desk.get("/services/s?wait=local").await.header("etag").to_owned();
    let again = desk
        .send_with("GET", "/services/s", &[("if-none-match", &tag)], None)
        .await;
    assert_eq!((again.status, again.header("etag")), (304, tag.as_str()));
    desk.send("PATCH", "/services/s", Some(json!({"retries": 1})))
        .await;
    let again = desk
        .send_with("GET", "/services/s", &[("if-none-match", &tag)], None)
        .await;
    assert_eq!(again.status, 200);
}

#[tokio::test]
async fn a_put_that_must_not_meet_anybody_creates_or_fails() {
    let (desk, _) = desk();
    let none = ("if-none-match", "*");
    assert_eq!(
        with(&desk, "PUT", "/services/s", none, json!({"host": "a"}))
            .await
            .status,
        200
    );
    assert_eq!(
        with(&desk, "PUT", "/services/s", none, json!({"host": "b"}))
            .await
            .status,
        412
    );
    assert_eq!(desk.get("/services/s").await.body["host"], "a");
}

#[tokio::test]
async fn a_dry_run_is_judged_and_answered_and_changes_nothing() {
    let (desk, store) = desk();
    desk.post("/services", service("s")).await;
    let before = revision(&store);
    let made = desk.post("/services?dry_run=1", service("t")).await;
    assert_eq!((made.status, &made.body["retries"]), (201, &json!(5)));
    assert_eq!(desk.post("/services?dry_run=1", service("s")).await.status, 409);
    assert_eq!(
        desk.post("/services?dry_run=1", json!({"host": 5})).await.status,
        400
    );
    assert_eq!(
        desk.send("DELETE", "/services/s?dry_run=1", None).await.status,
        204
    );
    let batch = json!({"operations": [{"op": "delete", "entity": "services", "key": "s"}]});
    assert_eq!(desk.post("/troop/batch?dry_run=1", batch).await.status, 200);
    assert_eq!(revision(&store), before);
}

#[tokio::test]
async fn a_write_sent_again_under_its_key_is_made_once_and_answered_alike() {
    let (desk, store) = desk();
    let key = ("idempotency-key", "k-1");
    let first = with(&desk, "POST", "/services", key, json!({"host": "h"})).await;
    let before = revision(&store);
    let again = with(&desk, "POST", "/services", key, json!({"host": "h"})).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(revision(&store), before);
    let other = with(&desk, "POST", "/services", key, json!({"host": "i"})).await;
    assert_eq!(
        other.message(),
        (422, "this Idempotency-Key was used for another request")
    );
    let next = with(
        &desk,
        "POST",
        "/services",
        ("idempotency-key", "k-2"),
        json!({"host": "h"}),
    )
    .await;
    assert_ne!(next.body["id"], first.body["id"]);
}

#[tokio::test]
async fn a_delete_and_a_batch_sent_again_are_made_once() {
    let (desk, store) = desk();
    desk.post("/services", service("s")).await;
    let key = &[("idempotency-key", "d")];
    assert_eq!(
        desk.send_with("DELETE", "/services/s", key, None).await.status,
        204
    );
    desk.post("/services", service("s")).await;
    assert_eq!(
        desk.send_with("DELETE", "/services/s", key, None).await.status,
        204
    );
    assert_eq!(
        desk.get("/services/s").await.status,
        200,
        "the second one is another service"
    );
    let batch = json!({"operations": [{"op": "create", "entity": "services", "body": {"host": "h"}}]});
    let key = ("idempotency-key", "b");
    let first = with(&desk, "POST", "/troop/batch", key, batch.clone()).await;
    let before = revision(&store);
    let again = with(&desk, "POST", "/troop/batch", key, batch).await;
    assert_eq!((again.status, again.body), (200, first.body));
    assert_eq!(revision(&store), before);
}

#[tokio::test]
async fn a_refusal_is_not_kept_under_a_key() {
    let (desk, _) = desk();
    let key = ("idempotency-key", "k");
    let route = json!({"paths": ["/"], "service": {"name": "s"}});
    assert_eq!(
        with(&desk, "POST", "/routes", key, route.clone()).await.status,
        400
    );
    desk.post("/services", service("s")).await;
    assert_eq!(with(&desk, "POST", "/routes", key, route).await.status, 201);
}

#[tokio::test]
async fn answers_are_stale_after_an_hour_and_not_before() {
    let (desk, store) = desk();
    with(
        &desk,
        "POST",
        "/services",
        ("idempotency-key", "k"),
        json!({"host": "h"}),
    )
    .await;
    let now_ms = || {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        u64::try_from(since.as_millis()).unwrap()
    };
    let stale = |now_ms| {
        troop_txn::read(&*store, |view| troop_admin::stale_rows(view, now_ms, 10))
            .unwrap()
            .len()
    };
    assert_eq!(stale(now_ms()), 0);
    assert_eq!(stale(now_ms() + 60 * 60 * 1_000 + 1), 2);
}

#[tokio::test]
async fn lines_of_a_batch_see_those_before_and_share_a_revision() {
    let (desk, store) = desk();
    let before = store.applied().borrow().to_owned();
    let batch = json!({"operations": [
        {"op": "create", "entity": "services", "body": service("s")},
        {"method": "POST", "path": "/services/s/routes", "body": {"name": "r", "paths": ["/"]}},
        {"op": "upsert", "entity": "consumers", "key": "c", "body": {}},
        {"op": "update", "entity": "services", "key": "s", "body": {"retries": 1}},
        {"method": "DELETE", "path": "/routes/r"},
        {"op": "delete", "entity": "services", "key": "s"},
        {"op": "create", "entity": "services", "body": service("s")},
    ]});
    let made = desk.post("/troop/batch", batch).await;
    let statuses: Vec<_> = made.body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["status"].clone())
        .collect();
    assert_eq!(statuses, [201, 201, 200, 200, 204, 204, 201]);
    let events = store.events(before, 100).unwrap().events;
    assert!(
        events
            .iter()
            .all(|event| json!(event.revision.get()) == made.body["revision"])
    );
    assert_eq!(
        desk.get("/services/s").await.body["id"],
        made.body["results"][6]["body"]["id"]
    );
    assert_eq!(desk.get("/routes/r").await.status, 404);
}

#[track_caller]
fn is_refused(seen: &Seen, status: u16, operation: u64, text: &str) {
    assert_eq!(
        (seen.status, &seen.body["operation"]),
        (status, &json!(operation)),
        "{}",
        seen.body
    );
    assert!(
        seen.body["message"].as_str().unwrap().contains(text),
        "{}",
        seen.body
    );
}

#[tokio::test]
async fn the_first_line_that_is_refused_ends_the_batch_and_nothing_is_made() {
    let (desk, store) = desk();
    desk.post("/services", service("s")).await;
    let before = revision(&store);
    let create = json!({"op": "create", "entity": "services", "body": service("t")});
    for (line, status, text) in [
        (
            json!({"op": "create", "entity": "services", "body": service("t")}),
            409,
            "UNIQUE violation",
        ),
        (
            json!({"op": "create", "entity": "services", "body": {"host": 5}}),
            400,
            "schema violation",
        ),
        (
            json!({"op": "update", "entity": "services", "key": "none", "body": {}}),
            404,
            "could not find",
        ),
        (json!({"method": "POST", "path": "/none"}), 404, "Not found"),
        (
            json!({"method": "PUT", "path": "/services"}),
            405,
            "Method not allowed",
        ),
        (
            json!({"method": "POST", "path": "/troop/stop"}),
            400,
            "only writes of entities",
        ),
        (
            json!({"method": "GET", "path": "/services"}),
            400,
            "method: expected",
        ),
        (
            json!({"op": "create", "entity": "targets", "body": {}}),
            400,
            "use a path",
        ),
        (
            json!({"op": "delete", "entity": "services", "key": "s", "if_match": 99}),
            412,
            "which is not what If-Match",
        ),
        (json!(5), 400, "expected an object"),
    ] {
        let seen = desk
            .post("/troop/batch", json!({"operations": [create, line]}))
            .await;
        is_refused(&seen, status, 1, text);
    }
    assert_eq!(revision(&store), before);
}

#[tokio::test]
async fn a_batch_for_a_revision_is_refused_once_a_record_changed() {
    let (desk, store) = desk();
    desk.post("/services", service("s")).await;
    let seen = revision(&store);
    let batch = |name: &str| json!({"if_revision": seen, "operations": [{"op": "create", "entity": "services", "body": service(name)}]});
    assert_eq!(desk.post("/troop/batch", batch("t")).await.status, 200);
    let late = desk.post("/troop/batch", batch("u")).await;
    assert_eq!((late.status, &late.body["revision"]), (412, &json!(seen + 1)));
}

#[tokio::test]
async fn a_batch_that_does_not_fit_an_entry_is_made_all_the_same() {
    let (desk, _) = desk();
    let lines: Vec<_> = (0..1_500)
        .map(|n| json!({"op": "create", "entity": "services", "body": service(&format!("s{n}"))}))
        .collect();
    let made = desk.post("/troop/batch", json!({ "operations": lines })).await;
    assert_eq!(made.status, 200);
    assert_eq!(desk.get("/services/s1499").await.status, 200);
}

async fn inventory(desk: &Desk) -> (u64, Vec<(String, Value)>) {
    let mut lines = desk.first_piece("/troop/records").await;
    lines.truncate(lines.trim_end().len());
    let mut lines = lines.lines();
    let head: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let records = lines.map(|line| serde_json::from_str(line).unwrap());
    (head["revision"].as_u64().unwrap(), records.collect())
}

/// Sends one load of changes and the last word.
async fn change(desk: &Desk, since: u64, changes: Value) -> Seen {
    let opened = desk.post("/troop/changes", json!({ "revision": since })).await;
    let path = format!("/troop/changes/{}", opened.body["id"].as_str().unwrap());
    let added = desk.post(&path, json!({ "changes": changes })).await;
    if added.status != 200 {
        return added;
    }
    desk.post(&format!("{path}/commit"), json!({})).await
}

#[tokio::test]
async fn a_change_set_is_made_for_the_revision_of_its_inventory() {
    let (desk, _) = desk();
    let made = desk.post("/services", service("s")).await.body;
    let (since, records) = inventory(&desk).await;
    assert_eq!(records.len(), 1);
    let (entity, mut record) = records[0].clone();
    assert_eq!((entity.as_str(), &record["id"]), ("services", &made["id"]));
    record["retries"] = json!(1);
    let changes = json!([{"entity": "services", "id": made["id"], "after": record}]);
    let seen = change(&desk, since, changes.clone()).await;
    assert_eq!(
        (seen.status, &seen.body["changes"]),
        (200, &json!(1)),
        "{}",
        seen.body
    );
    assert_eq!(desk.get("/services/s").await.body["retries"], 1);
    assert_eq!(change(&desk, since, changes).await.status, 409);
    let (since, _) = inventory(&desk).await;
    let changes = json!([{"entity": "services", "id": made["id"], "after": null}]);
    assert_eq!(change(&desk, since, changes).await.status, 200);
    assert_eq!(desk.get("/services/s").await.status, 404);
}

#[tokio::test]
async fn a_change_set_is_judged_and_names_the_change_at_fault() {
    let (desk, store) = desk();
    let (since, _) = inventory(&desk).await;
    let id = "00000001-1111-4111-8111-111111111111";
    for (change_, status, text) in [
        (
            json!({"entity": "gadgets", "id": id, "after": null}),
            400,
            "there is no 'gadgets'",
        ),
        (
            json!({"entity": "services", "id": "x", "after": null}),
            400,
            "expected a UUID",
        ),
        (
            json!({"entity": "services", "id": id, "after": {"id": id}}),
            400,
            "schema violation",
        ),
        (
            json!({"entity": "services", "id": id, "after": 5}),
            400,
            "expected an object or null",
        ),
    ] {
        is_refused(&change(&desk, since, json!([change_])).await, status, 0, text);
    }
    assert_eq!(revision(&store), since);
}

#[tokio::test]
async fn a_change_set_that_was_given_up_is_gone() {
    let (desk, _) = desk();
    let opened = desk.post("/troop/changes", json!({"revision": 0})).await;
    let path = format!("/troop/changes/{}", opened.body["id"].as_str().unwrap());
    assert_eq!(desk.send("DELETE", &path, None).await.status, 204);
    assert_eq!(desk.post(&format!("{path}/commit"), json!({})).await.status, 404);
    for _ in 0..4 {
        assert_eq!(
            desk.post("/troop/changes", json!({"revision": 0})).await.status,
            201
        );
    }
    assert_eq!(
        desk.post("/troop/changes", json!({"revision": 0})).await.status,
        429
    );
}
