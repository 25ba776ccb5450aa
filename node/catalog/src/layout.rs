//! Where things lie: the keys of a record and of the index rows that make it findable.
//!
//! A record lies under its id. Beside it lie cards: one per unique value (which id has it), one for values that are unique
//! together, one per parent (which children it has), one per tag, one for its expiry. All cards of a record can be written
//! down from the record alone, so a change puts and removes exactly the difference of two lists.
//!
//! The catch: cards that say *which id* are guarded to be absent before they are written, the others are only lists; the id
//! is the tail of their key, so that a list is read in the order of ids.

use crate::expiry;
use serde_json::Value;
use std::collections::BTreeMap;
use troop_schema::{Entity, Record};
use troop_txn::Key;
use uuid::Uuid;

/// How long an id is in keys.
pub(crate) const ID_LEN: usize = 16;

/// The place of a record.
pub(crate) fn record(entity: &str, id: Uuid) -> Key {
    Key::record(entity, id.as_bytes())
}

/// The prefix of all records of an entity.
pub(crate) fn records(entity: &str) -> Key {
    Key::record(entity, &[])
}

/// The card that says who has this value.
pub(crate) fn unique(entity: &str, field: &str, value: &str) -> Key {
    Key::index(entity, &format!("unique:{field}"), value.as_bytes())
}

/// The card that says who has these values together.
pub(crate) fn together(entity: &str, values: &[&Value]) -> Key {
    let mut tail = Vec::new();
    for value in values {
        match part(value) {
            None => tail.push(0),
            Some(bytes) => {
                tail.push(1);
                tail.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
                tail.extend_from_slice(&bytes);
            }
        }
    }
    Key::index(entity, "together", &tail)
}

/// A reference counts by its id, text as it is.
fn part(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone().into_bytes()),
        other => Some(match reference(other) {
            Some(id) => id.as_bytes().to_vec(),
            None => other.to_string().into_bytes(),
        }),
    }
}

/// The prefix of the children of a parent.
pub(crate) fn children(entity: &str, field: &str, parent: Uuid) -> Key {
    child(entity, field, parent, &[])
}

/// The card of one child.
pub(crate) fn child(entity: &str, field: &str, parent: Uuid, id: &[u8]) -> Key {
    Key::index(entity, &format!("by:{field}"), &[parent.as_bytes(), id].concat())
}

/// The prefix of the children of a parent, newest first.
pub(crate) fn newest(entity: &str, field: &str, parent: Uuid) -> Key {
    Key::index(entity, &format!("newest:{field}"), parent.as_bytes())
}

/// Kong: the later one comes first; among those of one moment the larger id.
pub(crate) fn newest_card(entity: &str, field: &str, parent: Uuid, created_ms: u64, id: Uuid) -> Key {
    let age = !created_ms;
    let tail = [
        parent.as_bytes().as_slice(),
        &age.to_be_bytes(),
        &(!id.as_u128()).to_be_bytes(),
    ];
    Key::index(entity, &format!("newest:{field}"), &tail.concat())
}

/// Moment of creation and id at the end of a card of [`newest`].
pub(crate) fn newest_place(key: &Key) -> Option<(u64, Uuid)> {
    let bytes = key.as_bytes();
    let age = bytes.get(bytes.len().checked_sub(ID_LEN + 8)?..bytes.len() - ID_LEN)?;
    let created_ms = !u64::from_be_bytes(age.try_into().ok()?);
    let id = tail_id(key).map(|id| Uuid::from_u128(!id.as_u128()))?;
    Some((created_ms, id))
}

/// The prefix of all tags of an entity's records.
pub(crate) fn all_tags(entity: &str) -> Key {
    Key::index(entity, "tag", &[])
}

/// The prefix of the records with a tag. Tags have no NUL, so it closes the word.
pub(crate) fn tagged(entity: &str, tag: &str) -> Key {
    tag_card(entity, tag, &[])
}

/// The card of one tag of one record.
pub(crate) fn tag_card(entity: &str, tag: &str, id: &[u8]) -> Key {
    Key::index(entity, "tag", &[tag.as_bytes(), &[0], id].concat())
}

/// The prefix of all cards of expiry of an entity, soonest first.
pub(crate) fn expiries(entity: &str) -> Key {
    Key::index(entity, "expires", &[])
}

fn expiry_card(entity: &str, at_ms: u64, id: Uuid) -> Key {
    Key::index(
        entity,
        "expires",
        &[&at_ms.to_be_bytes()[..], id.as_bytes()].concat(),
    )
}

/// The id at the end of a key.
pub(crate) fn tail_id(key: &Key) -> Option<Uuid> {
    let bytes = key.as_bytes();
    Uuid::from_slice(&bytes[bytes.len().checked_sub(ID_LEN)?..]).ok()
}

/// The id a reference holds.
pub(crate) fn reference(value: &Value) -> Option<Uuid> {
    value.get("id")?.as_str()?.parse().ok()
}

/// The record's own id.
pub(crate) fn id_of(record: &Record) -> Option<Uuid> {
    record.get("id")?.as_str()?.parse().ok()
}

/// What a card is for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Card {
    /// Says who has these values; must be absent before.
    Claim(Record),
    /// Lists the record somewhere.
    Listing,
}

/// All cards of a record. Values that are unique together come first, as Kong reports them first.
pub(crate) fn cards(entity: &Entity, record: &Record) -> Vec<(Key, Card)> {
    let Some(id) = id_of(record) else {
        return Vec::new();
    };
    let mut cards = Vec::new();
    claims(entity, record, &mut cards);
    let listings = parents(entity, record, id)
        .into_iter()
        .chain(soft_parents(entity, record, id))
        .chain(tags(entity, record, id))
        .chain(expiry::at_ms(record).map(|at_ms| expiry_card(entity.name(), at_ms, id)));
    cards.extend(listings.map(|key| (key, Card::Listing)));
    cards
}

fn claims(entity: &Entity, record: &Record, cards: &mut Vec<(Key, Card)>) {
    if entity.has_names_first() {
        claims_alone(entity, record, cards);
        claims_together(entity, record, cards);
    } else {
        claims_together(entity, record, cards);
        claims_alone(entity, record, cards);
    }
}

fn claims_together(entity: &Entity, record: &Record, cards: &mut Vec<(Key, Card)>) {
    if let Some(fields) = entity.unique_together() {
        let values: Vec<_> = fields.iter().map(|field| &record[*field]).collect();
        let key = fields
            .iter()
            .map(|field| ((*field).to_owned(), record[*field].clone()))
            .collect();
        cards.push((together(entity.name(), &values), Card::Claim(key)));
    }
}

fn claims_alone(entity: &Entity, record: &Record, cards: &mut Vec<(Key, Card)>) {
    for field in entity.unique_fields() {
        if let Some(value) = record.get(field).and_then(Value::as_str) {
            let key = crate::problem::one(field, value);
            cards.push((unique(entity.name(), field, value), Card::Claim(key)));
        }
    }
}

fn parents(entity: &Entity, record: &Record, id: Uuid) -> Vec<Key> {
    let mut keys = Vec::new();
    for foreign in entity.foreigns() {
        let Some(parent) = record.get(foreign.field).and_then(reference) else {
            continue;
        };
        keys.push(child(entity.name(), foreign.field, parent, id.as_bytes()));
        if entity.is_newest_first() {
            let created_ms = created_ms(record);
            keys.push(newest_card(entity.name(), foreign.field, parent, created_ms, id));
        }
    }
    keys
}

/// Records named in lists of ids count as parents too: who is named must not go.
fn soft_parents(entity: &Entity, record: &Record, id: Uuid) -> Vec<Key> {
    let mut keys = Vec::new();
    for (field, _) in entity.soft_references() {
        let named = record.get(field).and_then(Value::as_array).into_iter().flatten();
        let ids = named.filter_map(|value| value.as_str()?.parse().ok());
        keys.extend(ids.map(|parent| child(entity.name(), field, parent, id.as_bytes())));
    }
    keys
}

pub(crate) fn created_ms(record: &Record) -> u64 {
    let seconds = record
        .get("created_at")
        .and_then(Value::as_f64)
        .unwrap_or_default();
    (seconds * 1000.0).round().max(0.0) as u64
}

fn tags(entity: &Entity, record: &Record, id: Uuid) -> Vec<Key> {
    let tags = record.get("tags").and_then(Value::as_array).into_iter().flatten();
    tags.filter_map(Value::as_str)
        .map(|tag| tag_card(entity.name(), tag, id.as_bytes()))
        .collect()
}

/// The difference of two lists of cards: those to remove, those to write.
pub(crate) fn difference(old: Vec<(Key, Card)>, new: Vec<(Key, Card)>) -> (Vec<Key>, Vec<(Key, Card)>) {
    let kept: BTreeMap<_, _> = new.iter().map(|(key, _)| (key.clone(), ())).collect();
    let had: BTreeMap<_, _> = old.iter().map(|(key, _)| (key.clone(), ())).collect();
    let removed = old
        .into_iter()
        .map(|(key, _)| key)
        .filter(|key| !kept.contains_key(key));
    let written = new.into_iter().filter(|(key, _)| !had.contains_key(key));
    (removed.collect(), written.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_together_cannot_be_shifted_into_each_other() {
        let key = |a: Value, b: Value| together("plugins", &[&a, &b]);
        assert_ne!(key(json!("ab"), json!("c")), key(json!("a"), json!("bc")));
        assert_ne!(key(json!(null), json!("a")), key(json!("a"), json!(null)));
        assert_ne!(key(json!(""), json!("a")), key(json!(null), json!("a")));
    }

    #[test]
    fn a_tag_is_not_the_prefix_of_a_longer_one() {
        let card = tag_card("services", "ab", &[1; 16]);
        assert!(card.strip_prefix(&tagged("services", "a")).is_none());
        assert!(card.strip_prefix(&tagged("services", "ab")).is_some());
        assert_eq!(tail_id(&card), Some(Uuid::from_bytes([1; 16])));
    }

    #[test]
    fn the_newest_comes_first() {
        let parent = Uuid::from_u128(9);
        let card = |created, id| newest_card("targets", "upstream", parent, created, Uuid::from_u128(id));
        assert!(card(5, 1) < card(4, 1));
        assert!(card(5, 2) < card(5, 1));
        assert_eq!(newest_place(&card(5, 7)), Some((5, Uuid::from_u128(7))));
    }
}
