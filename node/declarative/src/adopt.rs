//! A document laid beside what there is: the same things get the same ids.
//!
//! A guest list and the people at the door. The list has names, the people have passports; whoever is on the list by name is
//! let in with the passport he has, not sent away and replaced by a stranger of his name. A record of the document that gives no
//! id takes the id of the record that shares its name, its compound key or, where nothing names it, all its content; fields
//! that fill themselves and were not given stay what they are.
//!
//! The catch: names decide before ids do. An id computed from a name may belong by now to a record that was given another
//! name; it is not used then, and a record of that id that nobody on the list asks for is free for the taking.

use crate::{
    load::{Document, Manner},
    order::parents_first,
    records::{Records, referred_id},
};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use troop_schema::{Auto, Entity, Record, Registry, Sent, Stamp};
use uuid::Uuid;

/// What an id is replaced by, by schema.
type Renamed = HashMap<(&'static str, Uuid), Uuid>;

impl Document {
    /// This document with the ids, and the fields that fill themselves, of the records it means.
    ///
    /// Without it a [`crate::diff`] replaces what was created over the Admin API, where ids are drawn. Here, too, values get the form
    /// in which they are stored, for the hash of a password depends on the id of its owner.
    pub fn adopting(mut self, registry: &Registry, current: &Records, stamp: &mut Stamp<'_>) -> Document {
        let mut renamed = Renamed::new();
        let mut records = Records::new();
        for entity in parents_first(registry) {
            let wanted = self.taken(entity, &renamed);
            for (old, new) in matched(entity, &wanted, current) {
                renamed.insert((entity.name(), old), new);
            }
            for mut one in wanted {
                let id = renamed.get(&(entity.name(), one.id)).copied().unwrap_or(one.id);
                one.record.insert("id".to_owned(), id.to_string().into());
                let stored = current.get(entity.name(), &id);
                if self.transform() && !stored.is_some_and(|stored| entity.keep_hash(&mut one.record, stored))
                {
                    let sent = one.record.clone();
                    registry.transform(entity, &mut one.record, &Sent::whole(&sent), stamp);
                }
                if let Some(stored) = stored {
                    keep_chosen(entity, &mut one, stored);
                }
                records.put(entity.name(), id, one.record);
                self.manners.insert((entity.name(), id), one.manner);
            }
        }
        self.records = records;
        self
    }

    /// The records of an entity, with references that follow what was renamed.
    fn taken(&mut self, entity: &Entity, renamed: &Renamed) -> Vec<Wanted> {
        let records = self.records.of(entity.name());
        let mut wanted: Vec<_> = records
            .map(|(id, record)| Wanted {
                id: *id,
                record: record.clone(),
                manner: Manner::default(),
            })
            .collect();
        for one in &mut wanted {
            one.manner = self.manners.remove(&(entity.name(), one.id)).unwrap_or_default();
            for foreign in entity.foreigns() {
                follow(&mut one.record, foreign.field, foreign.reference, renamed);
            }
        }
        wanted
    }
}

/// A record of the document.
struct Wanted {
    id: Uuid,
    record: Record,
    manner: Manner,
}

impl Wanted {
    fn gives_its_id(&self) -> bool {
        !self.manner.chosen.contains(&"id")
    }
}

fn follow(record: &mut Record, field: &str, reference: &'static str, renamed: &Renamed) {
    let Some(value) = record.get_mut(field) else {
        return;
    };
    if let Some(new) = referred_id(value).and_then(|old| renamed.get(&(reference, old))) {
        *value = json!({ "id": new.to_string() });
    }
}

/// Old and new id of every record whose id changes.
fn matched(entity: &Entity, wanted: &[Wanted], current: &Records) -> Vec<(Uuid, Uuid)> {
    let mut free = Free::of(entity, current);
    let (given, open): (Vec<_>, Vec<_>) = wanted.iter().partition(|one| one.gives_its_id());
    given.iter().for_each(|one| free.take(one.id));
    let mut renamed = Vec::new();
    let mut nameless = Vec::new();
    for one in open {
        match free.find(&keys(entity, one)) {
            Some(id) => {
                free.take(id);
                renamed.push((one.id, id));
            }
            None => nameless.push(one),
        }
    }
    for one in nameless {
        let id = free.first_unused(one.id);
        free.take(id);
        renamed.push((one.id, id));
    }
    renamed.retain(|(old, new)| old != new);
    renamed
}

/// Records of one entity that nobody has asked for yet.
struct Free {
    by_key: HashMap<String, Vec<Uuid>>,
    taken: HashSet<Uuid>,
}

impl Free {
    fn of(entity: &Entity, current: &Records) -> Self {
        let mut by_key: HashMap<_, Vec<_>> = HashMap::new();
        for (id, record) in current.of(entity.name()) {
            let content = std::iter::once(content(entity, record));
            for key in names(entity, record, &[]).into_iter().chain(content) {
                by_key.entry(key).or_default().push(*id);
            }
        }
        Free {
            by_key,
            taken: HashSet::new(),
        }
    }

    fn take(&mut self, id: Uuid) {
        self.taken.insert(id);
    }

    fn find(&self, keys: &[String]) -> Option<Uuid> {
        let candidates = keys.iter().filter_map(|key| self.by_key.get(key)).flatten();
        candidates.copied().find(|id| !self.taken.contains(id))
    }

    /// The id itself, or one that follows from it.
    fn first_unused(&self, mut id: Uuid) -> Uuid {
        while self.taken.contains(&id) {
            id = Uuid::new_v5(&id, b"next");
        }
        id
    }
}

/// What a record can be recognised by: its names, or all of its content if it has none.
fn keys(entity: &Entity, one: &Wanted) -> Vec<String> {
    let names = names(entity, &one.record, &one.manner.chosen);
    if names.is_empty() {
        vec![content(entity, &one.record)]
    } else {
        names
    }
}

fn names(entity: &Entity, record: &Record, chosen: &[&str]) -> Vec<String> {
    let unique = entity.unique_fields().filter(|field| !chosen.contains(field));
    let mut names: Vec<_> = unique
        .filter_map(|field| Some(format!("{field}={}", record.get(field)?.as_str()?)))
        .collect();
    if let Some(fields) = entity.unique_together() {
        let parts: Vec<_> = fields.iter().map(|field| record.get(*field)).collect();
        names.push(format!("{fields:?}={parts:?}"));
    }
    names
}

fn content(entity: &Entity, record: &Record) -> String {
    let mut record = record.clone();
    for (field, _) in entity.self_filled_fields() {
        record.remove(field);
    }
    Value::Object(record).to_string()
}

/// What was not given stays as it is. The time of the last write moves only with something else.
fn keep_chosen(entity: &Entity, one: &mut Wanted, stored: &Record) {
    let mut kept = one.record.clone();
    for field in &one.manner.chosen {
        if let Some(value) = stored.get(*field) {
            kept.insert((*field).to_owned(), value.clone());
        }
    }
    if kept != *stored {
        let written_at = entity
            .self_filled_fields()
            .filter(|(_, auto)| *auto == Auto::UpdatedAt);
        for (field, _) in written_at {
            kept.extend(one.record.get(field).map(|now| (field.to_owned(), now.clone())));
        }
    }
    one.record = kept;
}
