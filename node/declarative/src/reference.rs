//! Who is meant: references by name or by id.
//!
//! A list of everyone present, made before anyone is judged. A reference is looked up by name first and by id then, whatever
//! it looks like; whoever is not in the same document is not found.

use crate::item::{Item, List};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use troop_schema::{Entity, Record};

/// Stands in for a record that was not found, so that the rest of the one referring to it can be judged.
pub(crate) const STAND_IN: &str = "00000000-0000-0000-0000-000000000000";

/// Everyone present, by schema.
#[derive(Default)]
pub(crate) struct Index {
    /// Ids by name.
    by_name: HashMap<&'static str, HashMap<String, String>>,
    ids: HashMap<&'static str, HashSet<String>>,
}

/// A reference to nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dangling {
    pub(crate) field: &'static str,
    pub(crate) reference: &'static str,
    pub(crate) written: String,
}

impl Dangling {
    /// In Kong's words.
    pub(crate) fn text(&self) -> String {
        format!(
            "invalid reference '{}: {}' (no such entry in '{}')",
            self.field, self.written, self.reference
        )
    }
}

impl Index {
    /// Of all items, nested ones too.
    pub(crate) fn of(collections: &[(&'static str, List<'_>)]) -> Self {
        let mut index = Index::default();
        for (_, list) in collections {
            list.iter().for_each(|item| index.add(item));
        }
        index
    }

    fn add(&mut self, item: &Item<'_>) {
        let (entity, id) = (item.entity, item.id.text());
        if let Some(name) = name(entity, &item.given) {
            let names = self.by_name.entry(entity.name()).or_default();
            names.insert(name.to_owned(), id.to_owned());
        }
        self.ids.entry(entity.name()).or_default().insert(id.to_owned());
        for (_, list) in &item.children {
            list.iter().for_each(|item| self.add(item));
        }
    }

    fn find(&self, reference: &str, key: &str) -> Option<&str> {
        let by_name = self.by_name.get(reference).and_then(|known| known.get(key));
        let by_id = || self.ids.get(reference)?.get(&key.to_ascii_lowercase());
        by_name.or_else(by_id).map(String::as_str)
    }

    /// Replaces what was written by `{"id": …}`. What cannot be a reference is left to the judge.
    pub(crate) fn resolve(&self, entity: &Entity, record: &mut Record) -> Vec<Dangling> {
        let mut dangling = Vec::new();
        for foreign in entity.foreigns() {
            let Some(value) = record.get_mut(foreign.field) else {
                continue;
            };
            let Some(key) = key(value) else {
                continue;
            };
            let id = self.find(foreign.reference, key).unwrap_or_else(|| {
                dangling.push(Dangling {
                    field: foreign.field,
                    reference: foreign.reference,
                    written: written(value),
                });
                STAND_IN
            });
            *value = json!({ "id": id });
        }
        dangling
    }
}

/// What a record is found by besides its id.
pub(crate) fn name<'r>(entity: &Entity, record: &'r Record) -> Option<&'r str> {
    record.get(entity.endpoint_key()?)?.as_str()
}

fn key(value: &Value) -> Option<&str> {
    match value {
        Value::String(key) => Some(key),
        Value::Object(table) => table.get("id")?.as_str(),
        _ => None,
    }
}

fn written(value: &Value) -> String {
    match value {
        Value::String(key) => key.clone(),
        other => other.to_string(),
    }
}
