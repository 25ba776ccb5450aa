//! Scopes and protocols of plugins.

use crate::desk::{Desk, id, problem, reference};
use serde_json::{Value, json};

fn desk() -> Desk {
    let desk = Desk::new();
    desk.insert("services", json!({"host": "h", "name": "s", "id": id(1)}))
        .unwrap();
    desk.insert("services", json!({"host": "h", "name": "empty", "id": id(2)}))
        .unwrap();
    let route = json!({"paths": ["/"], "name": "r", "id": id(3), "protocols": ["https"], "service": reference(&id(1))});
    desk.insert("routes", route).unwrap();
    desk
}

#[track_caller]
fn refused(result: Value, text: &str) {
    assert_eq!(result["message"], format!("schema violation (protocols: {text})"));
}

const ROUTE: &str = "must match the associated route's protocols";
const SERVICE: &str = "must match the protocols of at least one route pointing to this Plugin's service";

#[test]
fn protocols_agree_with_the_route() {
    let desk = desk();
    let on_route =
        |protocols: &str| json!({"name": "cors", "route": {"name": "r"}, "protocols": [protocols]});
    refused(problem(desk.insert("plugins", on_route("http"))), ROUTE);
    desk.insert("plugins", on_route("https")).unwrap();
}

#[test]
fn protocols_agree_with_one_route_of_the_service() {
    let desk = desk();
    let on = |service: u32, protocols: Value| json!({"name": "cors", "id": id(9), "service": reference(&id(service)), "protocols": protocols});
    refused(problem(desk.insert("plugins", on(1, json!(["http"])))), SERVICE);
    desk.insert("plugins", on(1, json!(["https"]))).unwrap();
    refused(
        problem(desk.update("plugins", &id(9), json!({"protocols": ["grpc"]}))),
        SERVICE,
    );
    desk.upsert("plugins", &id(9), on(2, json!(["grpc"]))).unwrap();
}

#[test]
fn one_scope_has_one_instance() {
    let desk = desk();
    desk.insert("plugins", json!({"name": "key-auth"})).unwrap();
    assert_eq!(
        problem(desk.insert("plugins", json!({"name": "key-auth"}))),
        json!({
            "code": 5, "name": "unique constraint violation",
            "fields": {"consumer": null, "name": "key-auth", "route": null, "service": null},
            "message": "UNIQUE violation detected on '{consumer=null,name=\"key-auth\",route=null,service=null}'"
        })
    );
    desk.insert("plugins", json!({"name": "cors"})).unwrap();
    let on_service = json!({"name": "key-auth", "service": {"name": "s"}, "instance_name": "ka"});
    desk.insert("plugins", on_service).unwrap();
    let answer = problem(desk.update("plugins", "ka", json!({"service": null})));
    assert_eq!(answer["code"], 5);
}

#[test]
fn a_plugin_is_in_use_while_any_scope_has_it() {
    let desk = desk();
    let in_use = |name: &str| {
        desk.plan(|view, _| desk.catalog.has_any_with_first(view, "plugins", name))
            .unwrap()
    };
    assert!(!in_use("key-auth"));
    desk.insert(
        "plugins",
        json!({"name": "key-auth", "service": {"name": "s"}, "id": id(9)}),
    )
    .unwrap();
    assert!(in_use("key-auth") && !in_use("key") && !in_use("cors"));
    desk.delete("plugins", &id(9)).unwrap();
    assert!(!in_use("key-auth"));
}

#[test]
fn a_plugin_can_become_another() {
    let desk = desk();
    desk.upsert("plugins", &id(9), json!({"name": "key-auth"}))
        .unwrap();
    let replaced = desk.upsert("plugins", &id(9), json!({"name": "cors"})).unwrap();
    assert_eq!(replaced["name"], "cors");
    desk.insert("plugins", json!({"name": "key-auth"})).unwrap();
}
