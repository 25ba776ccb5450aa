//! Ids that are the same at each load.
//!
//! A document rarely gives ids. If each load drew new ones, loading a file twice would replace everything; so the id of a
//! record is computed from what names it.
//!
//! Kong: a version 5 UUID in a namespace per schema, over a key made of the fields of its cache key or of the field it is
//! found by. The catches are Kong's as well: a reference enters the key as it is written, so that a plugin nested in a service
//! and the same plugin naming the service have different ids; one written `{"id": …}` does not enter it at all; and a
//! credential whose key may be drawn has no stable id even when the key is given.

use serde_json::Value;
use troop_schema::{Entity, Record};
use uuid::Uuid;

/// Kong: the namespace of the namespaces.
const NAMESPACES: Uuid = Uuid::from_u128(0xfd02801f_0957_4a15_a55a_c8d9606f30b5);

/// Kong: stands for the workspace, which a document does not name.
const ANY_WORKSPACE: &str = "*";

/// What a record is nested in: its field for that, and the id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parent<'p> {
    pub(crate) field: &'static str,
    pub(crate) id: &'p str,
}

/// The id of a record that gives none; `None` if nothing names it.
pub(crate) fn stable_id(entity: &Entity, record: &Record, parent: Option<Parent<'_>>) -> Option<Uuid> {
    let key = if entity.cache_key().is_empty() {
        name(entity, record)?.to_owned()
    } else {
        cache_key(entity, record, parent)?
    };
    let namespace = Uuid::new_v5(&NAMESPACES, entity.name().as_bytes());
    Some(Uuid::new_v5(&namespace, key.as_bytes()))
}

/// What the record is found by, if nobody else can have it.
fn name<'r>(entity: &Entity, record: &'r Record) -> Option<&'r str> {
    let field = entity.endpoint_key()?;
    let unique = entity.unique_fields().any(|unique| unique == field);
    record.get(field)?.as_str().filter(|_| unique)
}

fn cache_key(entity: &Entity, record: &Record, parent: Option<Parent<'_>>) -> Option<String> {
    let mut key = format!("{}:{ANY_WORKSPACE}", entity.name());
    for field in entity.cache_key() {
        if entity.self_filled_fields().any(|(name, _)| name == *field) {
            return None;
        }
        match (record.get(*field), parent) {
            (Some(Value::String(text)), _) => push(&mut key, text),
            (Some(_), _) => {}
            (None, Some(parent)) if parent.field == *field => push(&mut key, parent.id),
            (None, _) if entity.field(field)?.is_required() => return None,
            (None, _) => push(&mut key, ""),
        }
    }
    Some(key)
}

fn push(key: &mut String, part: &str) {
    key.push(':');
    key.push_str(part);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use troop_schema::Registry;

    #[track_caller]
    fn check(entity: &str, record: Value, parent: Option<(&'static str, &str)>, wanted: Option<&str>) {
        let registry = Registry::new(Vec::new()).unwrap();
        let entity = registry.entity(entity).unwrap();
        let parent = parent.map(|(field, id)| Parent { field, id });
        let id = stable_id(entity, record.as_object().unwrap(), parent).map(|id| id.to_string());
        assert_eq!(id.as_deref(), wanted, "{record}");
    }

    const SERVICE: &str = "0855b320-0dd2-547d-891d-601e9b38647f";
    const UPSTREAM: &str = "85b92587-e1f9-522f-9495-6e2d3b1f379e";

    #[test]
    fn names_make_ids() {
        check("services", json!({"name": "my-service"}), None, Some(SERVICE));
        check(
            "routes",
            json!({"name": "my-route"}),
            None,
            Some("481a9539-f49c-51b6-b2e2-fe99ee68866c"),
        );
        check(
            "consumers",
            json!({"username": "my-user"}),
            None,
            Some("4b1b701d-de2b-5588-9aa2-3b97061d9f52"),
        );
        check(
            "consumers",
            json!({"username": "test-consumer-1"}),
            None,
            Some("a73dc9a7-93df-584d-97c0-7f41a1bbce3d"),
        );
        check("upstreams", json!({"name": "up1"}), None, Some(UPSTREAM));
    }

    #[test]
    fn scopes_make_ids_of_plugins_and_targets() {
        check(
            "plugins",
            json!({"name": "key-auth"}),
            None,
            Some("6b4f38d1-e026-540b-a5ea-8634739dd2a7"),
        );
        check(
            "plugins",
            json!({"name": "key-auth"}),
            Some(("service", SERVICE)),
            Some("4a4d9361-8cf7-5304-acb5-d4e8f72ac40b"),
        );
        check(
            "plugins",
            json!({"name": "rate-limiting"}),
            Some(("service", SERVICE)),
            Some("7fb4d9fb-87d4-5084-a77b-a2dc57d7ff24"),
        );
        check(
            "plugins",
            json!({"name": "rate-limiting", "service": "my-service", "consumer": "my-user"}),
            None,
            Some("e4c293ba-c8a6-589e-845c-8fd10c0eb3bd"),
        );
        check(
            "targets",
            json!({"target": "10.0.0.1:80"}),
            Some(("upstream", UPSTREAM)),
            Some("5b87a0b8-0097-5332-95ad-aff4b440f7bf"),
        );
    }

    #[test]
    fn what_nothing_names_has_no_stable_id() {
        check("routes", json!({"paths": ["/"]}), None, None);
        check("consumers", json!({"custom_id": "x"}), None, None);
        check(
            "keyauth_credentials",
            json!({"key": "my-key"}),
            Some(("consumer", SERVICE)),
            None,
        );
        check("targets", json!({"target": "a:80"}), None, None);
    }
}
