//! Records of all entities together: what a cluster holds, or what a document wants it to hold.
//!
//! A shelf per entity, a place per id. Two of these are what [`crate::diff`] compares.

use serde_json::Value;
use std::collections::BTreeMap;
use thiserror::Error;
use troop_schema::{Entity, Record};
use uuid::Uuid;

/// A record that has no place on the shelf.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("a record of '{entity}' has no id")]
pub struct NoId {
    /// The schema.
    pub entity: &'static str,
}

/// Records by schema and id.
///
/// They are as their schema has them, secrets included. The seconds that a record with an end has left stand in a
/// member `ttl`; one without an end has no such member.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Records(BTreeMap<&'static str, BTreeMap<Uuid, Record>>);

impl Records {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a record, in place of the one that has its id.
    ///
    /// # Errors
    /// It has no id.
    pub fn insert(&mut self, entity: &Entity, mut record: Record) -> Result<(), NoId> {
        let entity_name = entity.name();
        let id = id_of(&record).ok_or(NoId { entity: entity_name })?;
        if entity.has_ttl() && record.get(TTL).is_some_and(Value::is_null) {
            record.remove(TTL);
        }
        self.put(entity_name, id, record);
        Ok(())
    }

    /// One of them.
    pub fn get(&self, entity: &str, id: &Uuid) -> Option<&Record> {
        self.0.get(entity)?.get(id)
    }

    /// Those of one schema, by id.
    pub fn of(&self, entity: &str) -> impl Iterator<Item = (&Uuid, &Record)> {
        self.0.get(entity).into_iter().flatten()
    }

    /// All of them, by schema and id.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Uuid, &Record)> {
        self.0
            .iter()
            .flat_map(|(entity, records)| records.iter().map(|(id, record)| (*entity, id, record)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those that carry all of these tags. decK: what a document with select tags is compared with, so that it leaves
    /// alone what others manage.
    pub fn tagged(&self, tags: &[String]) -> Records {
        let mut chosen = Records::new();
        for (entity, id, record) in self.iter().filter(|(_, _, record)| has_tags(record, tags)) {
            chosen.put(entity, *id, record.clone());
        }
        chosen
    }

    /// `{"services": {"<id>": {…}}}`: what Kong answers to a document it has loaded.
    pub fn to_json(&self) -> Value {
        self.0
            .iter()
            .map(|(entity, records)| {
                let records: Record = records
                    .iter()
                    .map(|(id, record)| (id.to_string(), Value::Object(record.clone())))
                    .collect();
                ((*entity).to_owned(), Value::Object(records))
            })
            .collect()
    }

    pub(crate) fn put(&mut self, entity: &'static str, id: Uuid, record: Record) {
        self.0.entry(entity).or_default().insert(id, record);
    }

    pub(crate) fn remove(&mut self, entity: &str, id: &Uuid) {
        if let Some(records) = self.0.get_mut(entity) {
            records.remove(id);
            if records.is_empty() {
                self.0.remove(entity);
            }
        }
    }

    pub(crate) fn has(&self, entity: &str, id: &Uuid) -> bool {
        self.get(entity, id).is_some()
    }
}

/// The seconds a record has left.
pub(crate) const TTL: &str = "ttl";

/// The id of a record.
pub(crate) fn id_of(record: &Record) -> Option<Uuid> {
    as_id(record.get("id")?)
}

/// The id in a reference: `{"id": …}`.
pub(crate) fn referred_id(reference: &Value) -> Option<Uuid> {
    as_id(reference.get("id")?)
}

fn as_id(value: &Value) -> Option<Uuid> {
    Uuid::try_parse(value.as_str()?).ok()
}

fn has_tags(record: &Record, tags: &[String]) -> bool {
    let own = record.get("tags").and_then(Value::as_array);
    tags.iter()
        .all(|tag| own.is_some_and(|own| own.iter().any(|own| own.as_str() == Some(tag))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use troop_schema::Registry;

    const ID: &str = "00000001-1111-4111-8111-111111111111";

    fn record(value: Value) -> Record {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_record_without_an_id_has_no_place() {
        let registry = Registry::new(Vec::new()).unwrap();
        let services = registry.entity("services").unwrap();
        let mut records = Records::new();
        let error = records.insert(services, record(json!({"id": "x"})));
        assert_eq!(error, Err(NoId { entity: "services" }));
        records.insert(services, record(json!({ "id": ID }))).unwrap();
        assert_eq!(records.to_json(), json!({"services": {ID: {"id": ID}}}));
    }

    #[test]
    fn tags_choose_records_that_have_all_of_them() {
        let mut records = Records::new();
        let id = Uuid::nil();
        records.put("services", id, record(json!({"tags": ["a", "b"]})));
        records.put("routes", id, record(json!({"tags": null})));
        let chosen = |tags: &[&str]| {
            let tags: Vec<_> = tags.iter().map(|tag| (*tag).to_owned()).collect();
            records.tagged(&tags).len()
        };
        assert_eq!(chosen(&[]), 2);
        assert_eq!(chosen(&["a"]), 1);
        assert_eq!(chosen(&["a", "b"]), 1);
        assert_eq!(chosen(&["a", "c"]), 0);
    }
}
