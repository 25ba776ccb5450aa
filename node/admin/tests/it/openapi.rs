//! `/openapi.json`: every door is on it, and what it says holds together.

use crate::desk::Desk;
use serde_json::Value;
use std::collections::BTreeSet;

async fn document() -> Value {
    let seen = Desk::new().get("/openapi.json").await;
    assert_eq!(seen.status, 200);
    seen.body
}

#[tokio::test]
async fn every_path_of_the_node_is_in_the_document() {
    let desk = Desk::new();
    let document = desk.get("/openapi.json").await.body;
    let listed = desk.get("/endpoints").await.body;
    let listed: BTreeSet<&str> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|path| path.as_str().unwrap())
        .collect();
    let described: BTreeSet<&str> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(listed, described);
}

/// Every `$ref` below `value`.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str));
            map.values().for_each(|inner| references(inner, found));
        }
        Value::Array(list) => list.iter().for_each(|inner| references(inner, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let document = document().await;
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.contains("#/components/schemas/services.new"), "{found:?}");
    for reference in found {
        let place = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(place).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn operations_have_names_of_their_own() {
    let document = document().await;
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item
            .as_object()
            .unwrap()
            .values()
            .filter(|value| value.is_object())
        {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{path}: {name}");
        }
    }
}

/// What `schema` asks for.
fn required(schema: &Value) -> BTreeSet<&str> {
    let list = schema["required"].as_array();
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn creating_asks_for_more_than_changing() {
    let document = document().await;
    let schemas = &document["components"]["schemas"];
    let ways = schemas["services.new"]["anyOf"].as_array().unwrap();
    let ways: Vec<_> = ways.iter().map(required).collect();
    assert_eq!(ways, [BTreeSet::from(["host"]), BTreeSet::from(["url"])]);
    assert!(required(&schemas["services.change"]).is_empty());
    assert!(required(&schemas["services"]).contains("tls_verify"));
}

#[tokio::test]
async fn what_the_path_says_is_not_asked_of_the_body() {
    let document = document().await;
    let body = |path: &str, verb: &str| {
        let schema = &document["paths"][path][verb]["requestBody"]["content"]["application/json"]["schema"];
        let more = schema["allOf"][1].clone();
        required(&more).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(body("/key-auths", "post"), ["consumer"]);
    assert!(body("/consumers/{consumers}/key-auth", "post").is_empty());
    assert_eq!(body("/upstreams", "post"), ["name"]);
    assert!(body("/upstreams/{upstreams}", "put").is_empty());
    assert_eq!(body("/upstreams/{upstreams}/targets", "post"), ["target"]);
}

#[tokio::test]
async fn each_plugin_is_an_alternative_with_its_own_configuration() {
    let document = document().await;
    let schemas = &document["components"]["schemas"];
    let alternatives = schemas["plugins.new"]["oneOf"].as_array().unwrap();
    let of_key_auth = alternatives
        .iter()
        .find(|alternative| alternative["properties"]["name"]["const"] == "key-auth")
        .unwrap();
    assert_eq!(
        of_key_auth["properties"]["config"]["$ref"],
        "#/components/schemas/plugins.key-auth.config.new"
    );
    let config = &schemas["plugins.key-auth.config"]["properties"];
    assert_eq!(config["key_in_header"]["type"], "boolean");
    assert_eq!(
        schemas["plugins"]["oneOf"].as_array().unwrap().len(),
        alternatives.len()
    );
}
