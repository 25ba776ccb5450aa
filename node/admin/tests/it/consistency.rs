//! Reads and writes on a copy that may be old, cut off, or one of many: nothing false is said.

use crate::desk::Desk;
use serde_json::json;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_refusal_is_never_the_fruit_of_an_old_copy() {
    let (desk, store) = Desk::behind();
    for (name, method, path, body, status) in [
        ("a", "GET", "/services/a", None, 200),
        ("b", "PATCH", "/services/b", Some(json!({"port": 1})), 200),
        (
            "c",
            "POST",
            "/services",
            Some(json!({"name": "c", "host": "h"})),
            409,
        ),
        (
            "d",
            "POST",
            "/services/d/routes",
            Some(json!({"paths": ["/"]})),
            201,
        ),
    ] {
        let leader = Desk::on(store.clone());
        store.slow.store(true, Ordering::SeqCst);
        leader
            .post(
                "/services?wait=local&timeout=0",
                json!({"name": name, "host": "h"}),
            )
            .await;
        store.slow.store(false, Ordering::SeqCst);
        assert_eq!(
            desk.get(&format!("/services/{name}?consistency=local"))
                .await
                .status,
            404,
            "{name}"
        );
        assert_eq!(desk.send(method, path, body).await.status, status, "{name}");
    }
}

#[tokio::test]
async fn deleting_on_an_old_copy_deletes() {
    let (desk, store) = Desk::behind();
    store.slow.store(true, Ordering::SeqCst);
    desk.post(
        "/services?wait=local&timeout=0",
        json!({"name": "s", "host": "h"}),
    )
    .await;
    store.slow.store(false, Ordering::SeqCst);
    assert_eq!(desk.send("DELETE", "/services/s", None).await.status, 204);
    assert_eq!(desk.get("/services/s").await.status, 404);
}

#[tokio::test]
async fn a_write_that_is_not_served_in_time_says_so_and_keeps_its_status() {
    let (desk, store) = Desk::behind();
    store.slow.store(true, Ordering::SeqCst);
    let partial = desk
        .post("/services?wait=local&timeout=1ms", json!({"host": "h"}))
        .await;
    assert_eq!((partial.status, partial.header("x-troop-wait")), (201, "partial"));
    let strict = desk
        .post("/services?strict=1&timeout=1ms", json!({"host": "h"}))
        .await;
    assert_eq!((strict.status, &strict.body["revision"]), (504, &json!(2)));
}

#[tokio::test]
async fn without_a_quorum_only_local_reads_answer() {
    let (desk, store) = Desk::behind();
    desk.post("/services", json!({"name": "s", "host": "h"})).await;
    store.cut_off.store(true, Ordering::SeqCst);
    for (method, path, body, status) in [
        ("POST", "/services", Some(json!({"host": "h"})), 503),
        ("DELETE", "/services/none", None, 503),
        ("GET", "/services/s", None, 503),
        ("GET", "/services/s?consistency=local", None, 200),
        ("GET", "/troop/status", None, 200),
    ] {
        let seen = desk.send(method, path, body).await;
        assert_eq!(seen.status, status, "{method} {path}");
        let says_why = seen.body["message"]
            .as_str()
            .is_some_and(|text| text.contains("1 of 3 voters answers"));
        assert_eq!(says_why, status == 503, "{method} {path}: {}", seen.body);
    }
}

#[tokio::test]
async fn an_unknown_outcome_is_told_with_the_id_to_ask_about() {
    let (desk, store) = Desk::behind();
    store.mute.store(true, Ordering::SeqCst);
    let seen = desk.post("/services", json!({"host": "h"})).await;
    assert_eq!(seen.status, 504);
    assert!(
        seen.body["request_id"]
            .as_str()
            .is_some_and(|id| id.ends_with("-1")),
        "{}",
        seen.body
    );
}

#[tokio::test]
async fn a_read_waits_for_the_revision_it_names() {
    let (desk, store) = Desk::behind();
    store.slow.store(true, Ordering::SeqCst);
    desk.post(
        "/services?wait=local&timeout=0",
        json!({"name": "s", "host": "h"}),
    )
    .await;
    let late = desk
        .get("/services/s?min_revision=1&timeout=1ms&consistency=local")
        .await;
    assert_eq!(
        (late.status, &late.body["wanted"], &late.body["applied"]),
        (504, &json!(1), &json!(0))
    );
    store.catch_up();
    let headers = [("x-troop-min-revision", "1")];
    assert_eq!(
        desk.send_with("GET", "/services/s?consistency=local", &headers, None)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn one_of_many_writers_of_a_name_wins_and_the_others_are_told() {
    let (desk, _) = Desk::behind();
    let posts = (0..50).map(|_| desk.post("/services", json!({"name": "one", "host": "h"})));
    let statuses: Vec<u16> = futures_util::future::join_all(posts)
        .await
        .iter()
        .map(|seen| seen.status)
        .collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1);
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 49);
}
