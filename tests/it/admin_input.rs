//! Bad input to the Admin API over the wire: Kong's shapes, and a node that goes on.

use serde_json::{Value, json};
use troop_tests::{
    answer::Answer,
    node::Node,
    wire::{Connection, Request},
};

fn post(target: &str, content_type: &str, body: &str) -> Request {
    Request::new("POST", target)
        .header("Content-Type", content_type)
        .body(body)
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn requests_that_make_no_sense_get_kongs_answers() {
    let node = Node::alone(&[]);
    let cases: Vec<(Request, u16, Value)> = vec![
        (
            post("/services", JSON, "{"),
            400,
            message("Cannot parse JSON body"),
        ),
        (
            post("/services", JSON, "{\"name\":\"a\",}"),
            400,
            message("Cannot parse JSON body"),
        ),
        (
            post("/services", JSON, ""),
            400,
            message("Cannot parse JSON body"),
        ),
        (Request::get("/nothing/here"), 404, message("Not found")),
        (Request::get("/services/none"), 404, message("Not found")),
        (
            Request::new("POST", "/nothing").json(&json!({})),
            404,
            message("Not found"),
        ),
        (
            Request::new("DELETE", "/services"),
            405,
            message("Method not allowed"),
        ),
        (
            Request::new("FOO", "/services"),
            405,
            message("Method not allowed"),
        ),
        (
            Request::get("/schemas/nothing"),
            404,
            message("No entity named 'nothing'"),
        ),
        (
            Request::get("/schemas/plugins/nothing"),
            404,
            message("No plugin named 'nothing'"),
        ),
    ];
    for (request, status, body) in cases {
        let answer = node.admin().send(&request).expecting(status);
        assert_eq!(answer.json(), body, "{request:?}");
        is_from_kong(&answer);
    }
}

fn message(text: &str) -> Value {
    json!({"message": text})
}

fn is_from_kong(answer: &Answer) {
    assert_eq!(answer.must("Content-Type"), "application/json; charset=utf-8");
    assert_eq!(answer.must("Server"), "kong/3.9.1");
    assert_eq!(answer.must("Access-Control-Allow-Origin"), "*");
    let latency = answer.must("X-Kong-Admin-Latency");
    assert!(latency.parse::<u64>().is_ok(), "{latency}");
}

#[test]
fn records_that_break_rules_get_kongs_error_objects() {
    let node = Node::alone(&[]);
    let admin = node.admin();
    admin
        .post("/services", &json!({"name": "taken", "host": "a.test"}))
        .expecting(201);
    admin
        .post("/services/taken/routes", &json!({"name": "r", "paths": ["/r"]}))
        .expecting(201);
    let stranger = "00000000-0000-4000-8000-000000000000";
    let cases = [
        (
            post("/services", JSON, r#"{"name": 5, "host": "a.test"}"#),
            400,
            json!({"code": 2, "name": "schema violation", "message": "schema violation (name: expected a string)",
                "fields": {"name": "expected a string"}}),
        ),
        (
            post("/services", JSON, r#"{"name": "b"}"#),
            400,
            json!({"code": 2, "name": "schema violation", "message": "schema violation (host: required field missing)",
                "fields": {"host": "required field missing"}}),
        ),
        (
            post(
                "/services",
                JSON,
                r#"{"host": "a.test", "colour": "red", "port": "high"}"#,
            ),
            400,
            json!({"code": 2, "name": "schema violation",
                "message": "2 schema violations (colour: unknown field; port: expected an integer)",
                "fields": {"colour": "unknown field", "port": "expected an integer"}}),
        ),
        (
            post("/services", JSON, r#"{"name": "taken", "host": "b.test"}"#),
            409,
            json!({"code": 5, "name": "unique constraint violation",
                "message": "UNIQUE violation detected on '{name=\"taken\"}'", "fields": {"name": "taken"}}),
        ),
        (
            Request::new("DELETE", "/services/taken"),
            400,
            json!({"code": 4, "name": "foreign key violation",
                "message": "an existing 'routes' entity references this 'services' entity",
                "fields": {"@referenced_by": "routes"}}),
        ),
        (
            post(
                "/routes",
                JSON,
                &json!({"paths": ["/x"], "service": {"id": stranger}}).to_string(),
            ),
            400,
            json!({"code": 4, "name": "foreign key violation",
                "message": format!("the foreign key '{{id=\"{stranger}\"}}' does not reference an existing 'services' entity."),
                "fields": {"service": {"id": stranger}}}),
        ),
        (
            Request::new("PATCH", "/services/none").json(&json!({"port": 1})),
            404,
            json!({"code": 6, "name": "not found",
                "message": "could not find the entity with '{name=\"none\"}'", "fields": {"name": "none"}}),
        ),
        (
            Request::get("/services?size=0"),
            400,
            json!({"code": 9, "name": "invalid size", "message": "size must be an integer between 1 and 1000",
                "fields": {"size": "size must be an integer between 1 and 1000"}}),
        ),
    ];
    for (request, status, expected) in cases {
        let body = admin.send(&request).expecting(status).json();
        for field in ["code", "name", "message"] {
            assert_eq!(body[field], expected[field], "{request:?}: {body}");
        }
        if [2, 4].contains(&expected["code"].as_u64().unwrap_or_default()) {
            assert_eq!(body["fields"], expected["fields"], "{request:?}: {body}");
        }
    }
    let list = admin.get("/services").expecting(200).json();
    assert_eq!(
        list["data"].as_array().map(Vec::len),
        Some(1),
        "something was written: {list}"
    );
}

#[test]
fn bodies_of_an_unknown_kind_are_refused_by_a_page() {
    let node = Node::alone(&[]);
    for content_type in ["text/plain", "application/xml", "APPLICATION/JSON"] {
        let answer = node
            .admin()
            .send(&post("/services", content_type, "name=a"))
            .expecting(415);
        assert!(answer.must("Content-Type").starts_with("text/html"), "{answer:?}");
    }
    let form = post("/services", FORM, "name=f&host=f.test&port=81&tags=a&tags=b");
    let made = node.admin().send(&form).expecting(201).json();
    assert_eq!((&made["port"], &made["tags"]), (&json!(81), &json!(["a", "b"])));
}

#[test]
fn a_body_that_is_too_large_is_refused_and_the_node_goes_on() {
    let node = Node::alone(&[("admin_client_max_body_size", "1k")]);
    let large = json!({"name": "a", "host": "a.test", "tags": ["x".repeat(2_000)]});
    let announced = node.admin().post("/services", &large).expecting(413);
    assert!(
        announced.text().contains("413 Request Entity Too Large"),
        "{}",
        announced.text()
    );
    // Without a length it is found out on the way.
    let chunked = Request::new("POST", "/services")
        .header("Transfer-Encoding", "chunked")
        .json(&large);
    node.admin().send(&chunked).expecting(413);
    node.admin().get("/services/a").expecting(404);
    node.admin()
        .post("/services", &json!({"name": "a", "host": "a.test"}))
        .expecting(201);
}

#[test]
fn a_record_that_fits_no_log_entry_is_refused_and_nothing_is_written() {
    let node = Node::alone(&[]);
    let tags: Vec<String> = (0..30_000).map(|n| format!("{n}-{}", "x".repeat(60))).collect();
    let huge = json!({"name": "a", "host": "a.test", "tags": tags});
    let refused = node.admin().post("/services", &huge).expecting(413);
    assert!(
        refused.text().contains("the change was not made"),
        "{}",
        refused.text()
    );
    node.admin().get("/services/a").expecting(404);
}

#[test]
fn a_connection_that_speaks_no_http_is_closed_and_the_node_goes_on() {
    let node = Node::alone(&[]);
    for noise in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut connection = Connection::open(node.admin().address()).expect("it listens");
        connection.write(noise).expect("it listens");
        if let Ok(answer) = connection.receive("GET") {
            assert!((400..600).contains(&answer.status), "{answer:?}");
        }
        assert!(connection.is_closed());
    }
    let mut head = Connection::open(node.admin().address()).expect("it listens");
    let long = Request::get("/services").header("X-Long", &"x".repeat(100_000));
    if let Ok(answer) = head.exchange(&long) {
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
    node.admin().get("/services").expecting(200);
}

#[test]
fn terms_that_make_no_sense_are_refused_before_anything_is_written() {
    let node = Node::alone(&[]);
    for term in [
        "wait=some",
        "wait=all&timeout=5h",
        "consistency=x",
        "min_revision=-1",
    ] {
        let service = json!({"name": "a", "host": "a.test"});
        let refused = node
            .admin()
            .post(&format!("/services?{term}"), &service)
            .expecting(400);
        let word = term.split('=').next().unwrap_or_default();
        let word = if term.contains("timeout") { "timeout" } else { word };
        assert!(refused.text().contains(word), "{term}: {}", refused.text());
    }
    node.admin().get("/services/a").expecting(404);
}
