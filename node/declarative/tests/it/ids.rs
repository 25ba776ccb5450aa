//! Ids of documents that give none.

use crate::fixture::{object, one, records};
use serde_json::json;

#[test]
fn the_same_document_has_the_same_ids() {
    let records = records(json!({
        "services": [{"name": "my-service", "host": "h.test", "plugins": [{"name": "key-auth"}]}],
        "consumers": [{"username": "my-user"}],
        "plugins": [{"name": "rate-limiting", "service": "my-service", "consumer": "my-user", "config": {"minute": 1}}],
        "upstreams": [{"name": "up1", "targets": [{"target": "10.0.0.1:80"}]}],
    }));
    let check = |entity, field, value, id: &str| assert_eq!(one(&records, entity, field, value)["id"], id);
    check(
        "services",
        "name",
        "my-service",
        "0855b320-0dd2-547d-891d-601e9b38647f",
    );
    check(
        "consumers",
        "username",
        "my-user",
        "4b1b701d-de2b-5588-9aa2-3b97061d9f52",
    );
    check(
        "plugins",
        "name",
        "key-auth",
        "4a4d9361-8cf7-5304-acb5-d4e8f72ac40b",
    );
    check(
        "plugins",
        "name",
        "rate-limiting",
        "e4c293ba-c8a6-589e-845c-8fd10c0eb3bd",
    );
    check("upstreams", "name", "up1", "85b92587-e1f9-522f-9495-6e2d3b1f379e");
    check(
        "targets",
        "target",
        "10.0.0.1:80",
        "5b87a0b8-0097-5332-95ad-aff4b440f7bf",
    );
}

#[test]
fn what_nothing_names_has_an_id_that_was_drawn() {
    let records = records(json!({"routes": [{"id": null, "paths": ["/"]}, {"paths": ["/"]}]}));
    let versions: Vec<_> = records.of("routes").map(|(id, _)| id.get_version_num()).collect();
    assert_eq!(versions, [4, 4]);
    assert!(
        records
            .of("routes")
            .all(|(id, record)| record["id"] == id.to_string())
    );
    assert_eq!(object(records.to_json()).len(), 1);
}
