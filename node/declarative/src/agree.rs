//! Records that are right by themselves and wrong together: two of a name, references to nobody.
//!
//! The last look over the whole pile. Duplicates are told first; references only once there are none, as in Kong, because
//! the names they use must be clear.
//!
//! Kong looks for duplicates of ids and of the field an entity is found by. The store also refuses two records that share
//! another unique field, or all fields of a compound key; they are found here, in the same words, and not when half of a
//! document is written.

use crate::{judge::Judged, path::Step, refusal::Refusal};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use troop_schema::{Entity, Fault, Faults, Record};

/// Notes records that share what they must not share.
///
/// Kong: one at the top of the document is listed with its entity; a nested one under its own collection, by its index in
/// the one it is nested in, and with no entity.
pub(crate) fn duplicates(judged: &[Judged<'_>], refusal: &mut Refusal) {
    let mut seen = HashSet::new();
    let mut all = Lists::new();
    let mut nested = Lists::new();
    for one in judged {
        let Some(text) = duplicate(one, &mut seen) else {
            continue;
        };
        note(&mut all, one, &text);
        if one.path.is_nested() {
            note(&mut nested, one, &text);
            refusal.place(&one.path, &text);
        } else {
            let mut faults = Faults::new();
            faults.remark(text);
            refusal.of_record(one.entity, &one.path, one.given.clone(), &faults);
        }
    }
    for (name, list) in all {
        refusal.of_collection(name, Fault::List(list));
    }
    for (name, list) in nested {
        refusal.of_rest(name, Fault::List(list));
    }
}

/// Faults of collections by index.
type Lists = BTreeMap<&'static str, Vec<Option<Fault>>>;

fn note(lists: &mut Lists, one: &Judged<'_>, text: &str) {
    let list = lists.entry(one.entity.name()).or_default();
    let at = match one.path.steps().last() {
        Some(Step::Index(at)) => *at,
        _ => 0,
    };
    if list.len() <= at {
        list.resize(at + 1, None);
    }
    list[at].get_or_insert_with(|| text.into());
}

/// What to say if one before it has a key of this one. All its keys are seen from now on.
fn duplicate(one: &Judged<'_>, seen: &mut HashSet<(&'static str, Key)>) -> Option<String> {
    let entity = one.entity.name();
    let mut twins = keys(one);
    twins.retain(|key| !seen.insert((entity, key.clone())));
    let (fields, value) = twins.first()?;
    Some(format!(
        "uniqueness violation: '{entity}' entity with {fields} set to '{value}' already declared"
    ))
}

/// Fields in words, and their value.
type Key = (String, String);

/// What names a record, the most telling first.
fn keys(one: &Judged<'_>) -> Vec<Key> {
    let (entity, record) = (one.entity, &one.record);
    let mut keys: Vec<_> = unique_fields(entity)
        .into_iter()
        .filter_map(|field| Some((field.to_owned(), record.get(field)?.as_str()?.to_owned())))
        .collect();
    keys.push(("primary key".to_owned(), one.id.to_string()));
    // Who refers to nobody only seems to share with others who do.
    if let Some(fields) = entity.unique_together().filter(|_| one.dangling.is_empty()) {
        keys.push((fields.join(", "), together(fields, record)));
    }
    keys
}

/// The field it is found by comes first.
fn unique_fields(entity: &Entity) -> Vec<&'static str> {
    let found_by = entity.endpoint_key();
    let mut fields: Vec<_> = entity.unique_fields().collect();
    fields.sort_by_key(|field| Some(*field) != found_by);
    fields
}

fn together(fields: &[&'static str], record: &Record) -> String {
    let parts = fields.iter().map(|field| match record.get(*field) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(reference)) => reference
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        _ => String::new(),
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// Notes references to nobody. Kong: by collection and by the name, or else the id, of the record that refers.
pub(crate) fn dangling(judged: &[Judged<'_>], refusal: &mut Refusal) {
    let mut all: BTreeMap<&str, Faults> = BTreeMap::new();
    for one in judged.iter().filter(|one| !one.dangling.is_empty()) {
        let texts = one.dangling.iter().map(|dangling| Some(dangling.text().into()));
        let id = one.id.to_string();
        let faults = all.entry(one.entity.name()).or_default();
        faults.set(one.name.as_deref().unwrap_or(&id), Fault::List(texts.collect()));
        for dangling in &one.dangling {
            refusal.place(&one.path.key(dangling.field), &dangling.text());
        }
    }
    for (name, faults) in all {
        refusal.of_rest(name, faults.clone().into());
        refusal.of_collection(name, faults.into());
    }
}
