//! Records to a document: what a cluster holds, as a file.
//!
//! Kong: flat collections, parents first, every field with its value, references as bare ids, and a header that says that
//! values are already as they are stored. Such a file can be loaded anywhere and says the same there.
//!
//! The catch: secrets are in it. It is a backup, not something to show.

use crate::{
    deck,
    header::{CURRENT_VERSION, FORMAT_VERSION, TRANSFORM},
    order::parents_first,
    records::{Records, referred_id},
    text::write,
};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use troop_schema::{Auto, Entity, Foreign, Record, Registry};
use uuid::Uuid;

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

    /// Of these records, in decK's dialect: children below their parents, without the times of writing and without
    /// nulls, which decK does not read. decK knows credentials only
    /// below their consumer and targets only below their upstream.
    pub fn nested(registry: &Registry, records: &Records) -> Self {
        let mut members = vec![(FORMAT_VERSION, json!(CURRENT_VERSION))];
        // decK does not read it, and cannot: a password that is a hash already would be hashed again.
        let holds_hash = |entity: &Entity| {
            records
                .of(entity.name())
                .any(|(_, record)| entity.holds_hash(record))
        };
        let transform = !registry.entities().any(holds_hash);
        if !transform {
            members.push((TRANSFORM, json!(false)));
        }
        let tree = Tree::of(registry, records, transform);
        for entity in parents_first(registry) {
            let roots = records
                .of(entity.name())
                .filter(|(id, _)| !tree.nested.contains(&(entity.name(), **id)));
            let list: Vec<_> = roots
                .map(|(id, record)| tree.written(entity, id, record))
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

/// A record by schema and id.
type Name = (&'static str, Uuid);

/// Who lies in whom.
struct Tree<'a> {
    registry: &'a Registry,
    records: &'a Records,
    /// Whether records are given their stored form when they are read again.
    transform: bool,
    children: HashMap<Name, Vec<Name>>,
    nested: HashSet<Name>,
}

impl<'a> Tree<'a> {
    fn of(registry: &'a Registry, records: &'a Records, transform: bool) -> Self {
        let mut tree = Tree {
            registry,
            records,
            transform,
            children: HashMap::new(),
            nested: HashSet::new(),
        };
        for (entity, id, record) in records.iter() {
            if let Some(parent) = registry
                .entity(entity)
                .and_then(|table| tree.parent(table, record))
            {
                tree.children.entry(parent).or_default().push((entity, *id));
                tree.nested.insert((entity, *id));
            }
        }
        tree
    }

    /// The one record that another lies in: one that it cannot be without, or the only one that it refers to.
    fn parent(&self, entity: &Entity, record: &Record) -> Option<Name> {
        let named = |foreign: &Foreign| {
            let id = record.get(foreign.field).and_then(referred_id)?;
            self.records
                .get(foreign.reference, &id)
                .map(|_| (foreign.reference, id))
        };
        let mut parents = entity.foreigns().filter(|foreign| lies_in(entity, foreign));
        let parent = parents.find_map(|foreign| named(&foreign))?;
        let others = parents.filter(|foreign| named(foreign).is_some()).count();
        (others == 0).then_some(parent)
    }

    fn written(&self, entity: &Entity, id: &Uuid, record: &Record) -> Value {
        let mut out = written(entity, record);
        for (field, _) in entity.self_filled_fields().filter(|(_, auto)| is_clock(*auto)) {
            out.remove(field);
        }
        entity
            .derived()
            .filter(|_| self.transform)
            .map(|field| out.remove(field));
        deck::leave_out(entity, &mut out);
        for (child, child_id) in self.children.get(&(entity.name(), *id)).into_iter().flatten() {
            let (Some(table), Some(record)) =
                (self.registry.entity(child), self.records.get(child, child_id))
            else {
                continue;
            };
            let mut value = self.written(table, child_id, record);
            for foreign in table
                .foreigns()
                .filter(|foreign| foreign.reference == entity.name())
            {
                value
                    .as_object_mut()
                    .and_then(|value| value.remove(foreign.field));
            }
            let list = out.entry(*child).or_insert_with(|| json!([]));
            if let Value::Array(list) = list {
                list.push(value);
            }
        }
        Value::Object(out)
    }
}

/// decK: routes lie in services, plugins in whatever they are for, and the rest where it cannot be without.
fn lies_in(entity: &Entity, foreign: &Foreign) -> bool {
    matches!(entity.name(), "routes" | "plugins")
        || entity
            .field(foreign.field)
            .is_some_and(|field| field.is_required())
}

fn is_clock(auto: Auto) -> bool {
    matches!(auto, Auto::CreatedAt | Auto::UpdatedAt)
}
