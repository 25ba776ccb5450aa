//! What `/schemas/…` prints, and what the registry knows of its tables.

use crate::fixture::registry;
use serde_json::{Value, json};
use troop_schema::{Child, OnDelete, Registry, RegistryError};

fn field(document: &Value, name: &str) -> Value {
    let fields = document["fields"].as_array().unwrap();
    fields.iter().find_map(|field| field.get(name)).cloned().unwrap()
}

#[test]
fn a_document_describes_each_field_in_order() {
    let registry = registry();
    let document = registry.document(registry.entity("services").unwrap());
    assert!(document["fields"][0].get("id").is_some());
    assert_eq!(
        field(&document, "port"),
        json!({"type": "integer", "required": true, "default": 80, "between": [0, 65535]})
    );
    assert_eq!(
        field(&document, "client_certificate"),
        json!({"type": "foreign", "reference": "certificates"})
    );
    assert_eq!(
        field(&document, "id"),
        json!({"type": "string", "uuid": true, "auto": true})
    );
}

#[test]
fn a_plugins_document_shows_its_own_part() {
    let registry = registry();
    let stamp = registry.plugin("stamp").unwrap();
    let config = field(&stamp.document(), "config");
    assert_eq!(config["type"], "record");
    let header = field(&config, "header");
    assert_eq!(
        header,
        json!({"type": "string", "required": true, "default": "X-Stamp"})
    );
    assert_eq!(field(&stamp.config_document(), "header"), header);
    assert_eq!(
        field(&stamp.document(), "consumer"),
        json!({"type": "foreign", "reference": "consumers", "eq": null})
    );
}

#[test]
fn parents_know_their_children() {
    let registry = registry();
    let child = |entity, field, on_delete| Child {
        entity,
        field,
        on_delete,
    };
    assert_eq!(
        registry.children("services"),
        [
            child("routes", "service", OnDelete::Restrict),
            child("plugins", "service", OnDelete::Cascade),
            child("oauth2_authorization_codes", "service", OnDelete::Cascade),
            child("oauth2_tokens", "service", OnDelete::Cascade),
        ]
    );
    assert!(registry.children("targets").is_empty());
}

#[test]
fn entities_are_found_by_name_and_by_path() {
    let registry = registry();
    let by_path = registry.entity_by_path("key-auths").map(|e| e.name());
    assert_eq!(by_path, Some("keyauth_credentials"));
    assert!(registry.entity("key-auths").is_none());
    assert_eq!(registry.entities().next().map(|e| e.name()), Some("certificates"));
    assert!(registry.entity("tags").is_none());
    assert!(registry.described("tags").is_some());
}

#[test]
fn two_plugins_of_one_name_are_refused() {
    let stamp = registry().plugin("stamp").cloned().unwrap();
    let twice = Registry::new(vec![stamp.clone(), stamp]).unwrap_err();
    assert_eq!(twice, RegistryError::DuplicatePlugin("stamp".into()));
}
