//! Records to a document: what a cluster holds, as a file.
//!
//! Kong: flat collections, parents first, every field with its value, references as bare ids, and a header that says that
//! values are already as they are stored. Such a file can be loaded anywhere and says the same there.
//!
//! The catch: secrets are in it. It is a backup, not something to show.

use crate::{
    header::{CURRENT_VERSION, FORMAT_VERSION, TRANSFORM},
    order::parents_first,
    records::Records,
    text::write,
};
use serde_json::{Value, json};
use troop_schema::{Entity, Record, Registry};

/// A document to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// In the order in which they are written.
    members: Vec<(&'static str, Value)>,
}

impl Export {
    /// Of these records.
    pub fn new(registry: &Registry, records: &Records) -> Self {
        let mut members = vec![
            (FORMAT_VERSION, json!(CURRENT_VERSION)),
            (TRANSFORM, json!(false)),
        ];
        for entity in parents_first(registry) {
            let list: Vec<_> = records
                .of(entity.name())
                .map(|(_, record)| Value::Object(written(entity, record)))
                .collect();
            if !list.is_empty() {
                members.push((entity.name(), list.into()));
            }
        }
        Export { members }
    }

    /// As values.
    pub fn to_value(&self) -> Value {
        let members = self.members.iter();
        members
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect()
    }

    /// As YAML.
    pub fn to_yaml(&self) -> String {
        let mut out = String::new();
        for (name, value) in &self.members {
            write::member(&mut out, name, value);
        }
        out
    }
}

fn written(entity: &Entity, record: &Record) -> Record {
    let mut record = record.clone();
    for foreign in entity.foreigns() {
        if let Some(reference) = record.get_mut(foreign.field)
            && let Some(id) = reference.get("id").cloned()
        {
            *reference = id;
        }
    }
    record
}
