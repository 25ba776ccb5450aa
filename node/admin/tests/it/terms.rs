//! Writes on terms: of the path, which says whose a record is, and of our own words.

use crate::desk::Desk;
use serde_json::json;

#[tokio::test]
async fn a_password_is_changed_below_its_consumer() {
    let desk = Desk::new();
    desk.post("/consumers", json!({"username": "bob"})).await;
    let first = desk
        .post(
            "/consumers/bob/basic-auth",
            json!({"username": "b", "password": "one"}),
        )
        .await;
    let change = json!({"password": "two"});
    let second = desk
        .send("PATCH", "/consumers/bob/basic-auth/b", Some(change.clone()))
        .await;
    assert_eq!((first.status, second.status), (201, 200));
    assert_ne!(first.body["password"], second.body["password"]);
    assert_ne!(second.body["password"], "two");
    assert_eq!(first.body["consumer"], second.body["consumer"]);
    let alone = desk.send("PATCH", "/basic-auths/b", Some(change)).await;
    assert_eq!(alone.status, 400, "{:?}", alone.body);
}

#[tokio::test]
async fn a_record_that_was_stored_elsewhere_is_stored_as_it_comes_when_one_asks_for_it() {
    let desk = Desk::new();
    desk.post("/consumers", json!({"username": "bob"})).await;
    let copied = json!({"username": "b", "password": "a-hash"});
    let put = desk
        .send(
            "PUT",
            "/consumers/bob/basic-auth/b?transform=0",
            Some(copied.clone()),
        )
        .await;
    assert_eq!((put.status, &put.body["password"]), (200, &json!("a-hash")));
    let hashed = desk
        .send("PUT", "/consumers/bob/basic-auth/b", Some(copied))
        .await;
    assert_ne!(hashed.body["password"], "a-hash");
}

#[tokio::test]
async fn if_match_changes_only_what_the_client_has_read() {
    let desk = Desk::new();
    desk.post("/services", json!({"name": "s", "host": "h"})).await;
    for (method, tag, status) in [
        ("PATCH", "\"9\"", 412),
        ("PATCH", "\"1\"", 200),
        ("PATCH", "\"1\"", 412),
        ("PUT", "\"1\"", 412),
        ("DELETE", "\"1\"", 412),
        ("PUT", "*", 200),
        ("DELETE", "*", 204),
        ("DELETE", "*", 412),
    ] {
        let body = (method != "DELETE").then(|| json!({"host": "i"}));
        let seen = desk
            .send_with(method, "/services/s", &[("if-match", tag)], body)
            .await;
        assert_eq!(seen.status, status, "{method} {tag}");
    }
}

#[tokio::test]
async fn our_headers_come_when_one_of_our_words_is_used() {
    let desk = Desk::new();
    let plain = desk.post("/services", json!({"name": "s", "host": "h"})).await;
    assert_eq!((plain.header("x-troop-revision"), plain.header("etag")), ("", ""));
    let seen = desk
        .send("PATCH", "/services/s?wait=all", Some(json!({"port": 1})))
        .await;
    assert_eq!(
        (seen.header("x-troop-revision"), seen.header("etag")),
        ("2", "\"2\"")
    );
    assert_eq!(
        (seen.header("x-troop-wait"), seen.header("x-troop-served-by")),
        ("complete", "1")
    );
    let read = desk.get("/services/s?consistency=local").await;
    assert_eq!(
        (read.header("x-troop-revision"), read.header("etag")),
        ("2", "\"2\"")
    );
    assert_eq!(desk.get("/services?wait=some").await.status, 400);
}
