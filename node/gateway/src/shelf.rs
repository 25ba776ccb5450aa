//! Consumers and credentials near at hand: a bounded shelf in front of the store.
//!
//! Reading is lock-free and shared by all workers. Two generations bound it: what is looked up goes into the young one; when that is
//! full it becomes the old one, and the old one's contents, unused since, are forgotten. Nothing is ever sorted.
//!
//! The catch is the moment between reading the store and putting the answer on the shelf: a change may come in between, clear the shelf's
//! key, and the outdated answer would be put there after it. So every shelf counts its clearings, and an answer read before a clearing is
//! used once but not kept.

use arc_swap::ArcSwap;
use imbl::HashMap;
use serde_json::Value;
use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};
use troop_plugin_api::{Consumer, Credential, Groups};
use troop_txn::EventBody;
use uuid::Uuid;

/// More shelves than workers on any machine, so that fillers rarely meet.
const SHELVES: usize = 64;

/// The schema whose records put consumers into groups.
pub(crate) const GROUPS: &str = "acls";

/// What is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LookupKey(Box<[u8]>);

/// What lies on the shelf: the thing, or that there is none.
#[derive(Clone)]
pub(crate) enum Kept {
    Consumer(Option<Arc<Consumer>>),
    Credential(Option<Arc<Credential>>, Expiry),
    Groups(Arc<Groups>),
}

/// When a credential ends, in milliseconds since 1970.
pub(crate) type Expiry = Option<u64>;

/// One generation's contents beside the other's.
#[derive(Clone, Default)]
struct Contents {
    young: HashMap<LookupKey, Kept>,
    old: HashMap<LookupKey, Kept>,
    clearings: u64,
}

/// All shelves.
pub(crate) struct Shelf {
    shelves: Vec<ArcSwap<Contents>>,
    hasher: RandomState,
    generation_max: usize,
}

/// The count of clearings when the store was about to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token(u64);

impl LookupKey {
    /// A consumer by id.
    pub fn consumer(id: Uuid) -> Self {
        LookupKey::of(&[b"c", id.as_bytes()])
    }

    /// A consumer by user name.
    pub fn username(name: &str) -> Self {
        LookupKey::of(&[b"n", name.as_bytes()])
    }

    /// A consumer's groups.
    pub fn groups(consumer: Uuid) -> Self {
        LookupKey::of(&[b"g", consumer.as_bytes()])
    }

    /// A credential by a unique field.
    pub fn credential(schema: &str, field: &str, value: &str) -> Self {
        LookupKey::of(&[
            b"k",
            schema.as_bytes(),
            b"\0",
            field.as_bytes(),
            b"\0",
            value.as_bytes(),
        ])
    }

    fn of(pieces: &[&[u8]]) -> Self {
        LookupKey(pieces.concat().into())
    }
}

impl Shelf {
    /// With room for about this many entries.
    pub fn new(entries_max: usize) -> Self {
        Shelf {
            shelves: (0..SHELVES).map(|_| ArcSwap::default()).collect(),
            hasher: RandomState::new(),
            generation_max: (entries_max / SHELVES / 2).max(1),
        }
    }

    fn shelf(&self, key: &LookupKey) -> &ArcSwap<Contents> {
        let at = self.hasher.hash_one(key) as usize % SHELVES;
        &self.shelves[at]
    }

    /// What lies there, or what to show when putting it there.
    pub fn look(&self, key: &LookupKey) -> Result<Kept, Token> {
        let contents = self.shelf(key).load();
        if let Some(kept) = contents.young.get(key) {
            return Ok(kept.clone());
        }
        let token = Token(contents.clearings);
        let kept = contents.old.get(key).cloned().ok_or(token)?;
        // Used again: it moves on to the next generation.
        drop(contents);
        self.keep(key, kept.clone(), token);
        Ok(kept)
    }

    /// Puts something there, unless something was cleared since the token was given.
    pub fn keep(&self, key: &LookupKey, kept: Kept, token: Token) {
        self.shelf(key).rcu(|contents| {
            let mut next = Contents::clone(contents);
            if next.clearings != token.0 {
                return next;
            }
            if next.young.len() >= self.generation_max {
                next.old = std::mem::take(&mut next.young);
            }
            next.young.insert(key.clone(), kept.clone());
            next
        });
    }

    /// Forgets a key.
    pub fn clear(&self, key: &LookupKey) {
        self.shelf(key).rcu(|contents| {
            let mut next = Contents::clone(contents);
            next.young.remove(key);
            next.old.remove(key);
            next.clearings += 1;
            next
        });
    }

    /// Forgets everything.
    pub fn clear_all(&self) {
        for shelf in &self.shelves {
            shelf.rcu(|contents| Contents {
                clearings: contents.clearings + 1,
                ..Contents::default()
            });
        }
    }

    /// Forgets what an event touched: under old and new values, the answers "no such thing" included.
    pub fn clear_after(&self, event: &EventBody) {
        let EventBody::Crud {
            schema,
            id,
            entity,
            old_entity,
            ..
        } = event
        else {
            return;
        };
        if crate::plan::draft::SCHEMAS.contains(&schema.as_str()) {
            return;
        }
        if schema == "consumers"
            && let Ok(id) = Uuid::from_slice(id)
        {
            self.clear(&LookupKey::consumer(id));
        }
        for bytes in [entity, old_entity].into_iter().flatten() {
            for key in keys_of(schema, bytes) {
                self.clear(&key);
            }
        }
    }
}

/// Under which keys a record may lie. Every text field counts: which of them are unique is the schema's business, and a key that nobody
/// looks up costs nothing to clear.
fn keys_of(schema: &str, bytes: &[u8]) -> Vec<LookupKey> {
    let Ok(Value::Object(record)) = serde_json::from_slice(bytes) else {
        return Vec::new();
    };
    let texts = record
        .iter()
        .filter_map(|(field, value)| Some((field.as_str(), value.as_str()?)));
    if schema == "consumers" {
        return texts
            .filter(|(field, _)| *field == "username")
            .map(|(_, name)| LookupKey::username(name))
            .collect();
    }
    let Some(consumer) = record.get("consumer") else {
        return Vec::new();
    };
    if schema == GROUPS {
        let id = consumer
            .get("id")
            .and_then(Value::as_str)
            .and_then(|id| id.parse().ok());
        return id.map(LookupKey::groups).into_iter().collect();
    }
    texts
        .map(|(field, value)| LookupKey::credential(schema, field, value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use troop_txn::Operation;

    fn absent() -> Kept {
        Kept::Credential(None, None)
    }

    fn key(value: &str) -> LookupKey {
        LookupKey::credential("keyauth_credentials", "key", value)
    }

    fn fill(shelf: &Shelf, value: &str) {
        let token = shelf.look(&key(value)).err().expect("a gap");
        shelf.keep(&key(value), absent(), token);
    }

    #[test]
    fn what_was_kept_is_found_until_it_is_cleared() {
        let shelf = Shelf::new(1000);
        fill(&shelf, "a");
        assert!(shelf.look(&key("a")).is_ok());
        shelf.clear(&key("a"));
        assert!(shelf.look(&key("a")).is_err());
        fill(&shelf, "a");
        shelf.clear_all();
        assert!(shelf.look(&key("a")).is_err());
    }

    #[test]
    fn an_answer_read_before_a_clearing_is_not_kept() {
        let shelf = Shelf::new(1000);
        let token = shelf.look(&key("a")).err().expect("a gap");
        shelf.clear(&key("a"));
        shelf.keep(&key("a"), absent(), token);
        assert!(shelf.look(&key("a")).is_err());
    }

    #[test]
    fn the_shelf_does_not_grow_beyond_its_bound() {
        let shelf = Shelf::new(SHELVES * 4);
        for n in 0..10_000 {
            fill(&shelf, &n.to_string());
        }
        let held: usize = shelf
            .shelves
            .iter()
            .map(|s| s.load().young.len() + s.load().old.len())
            .sum();
        assert!(held <= SHELVES * 4, "{held}");
    }

    #[test]
    fn an_event_clears_old_and_new_values() {
        let shelf = Shelf::new(1000);
        let record = |value: &str| {
            Some(Bytes::from(format!(
                r#"{{"key":"{value}","consumer":{{"id":"x"}}}}"#
            )))
        };
        for value in ["old", "new", "other"] {
            fill(&shelf, value);
        }
        shelf.clear_after(&EventBody::Crud {
            schema: "keyauth_credentials".into(),
            operation: Operation::Update,
            id: Bytes::new(),
            entity: record("new"),
            old_entity: record("old"),
        });
        assert!(shelf.look(&key("old")).is_err() && shelf.look(&key("new")).is_err());
        assert!(shelf.look(&key("other")).is_ok());
    }

    #[test]
    fn a_consumers_groups_are_cleared_when_it_joins_or_leaves_one() {
        let shelf = Shelf::new(1000);
        let (bob, eve) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for id in [bob, eve] {
            let token = shelf.look(&LookupKey::groups(id)).err().expect("a gap");
            shelf.keep(&LookupKey::groups(id), Kept::Groups(Arc::default()), token);
        }
        shelf.clear_after(&EventBody::Crud {
            schema: GROUPS.into(),
            operation: Operation::Delete,
            id: Bytes::new(),
            entity: None,
            old_entity: Some(Bytes::from(format!(
                r#"{{"group":"g","consumer":{{"id":"{bob}"}}}}"#
            ))),
        });
        assert!(shelf.look(&LookupKey::groups(bob)).is_err());
        assert!(shelf.look(&LookupKey::groups(eve)).is_ok());
    }

    #[test]
    fn a_consumer_is_cleared_by_id_and_by_name() {
        let shelf = Shelf::new(1000);
        let id = Uuid::from_u128(5);
        for key in [LookupKey::consumer(id), LookupKey::username("bob")] {
            let token = shelf.look(&key).err().expect("a gap");
            shelf.keep(&key, Kept::Consumer(None), token);
        }
        shelf.clear_after(&EventBody::Crud {
            schema: "consumers".into(),
            operation: Operation::Delete,
            id: Bytes::copy_from_slice(id.as_bytes()),
            entity: None,
            old_entity: Some(Bytes::from_static(br#"{"username":"bob"}"#)),
        });
        assert!(
            shelf.look(&LookupKey::consumer(id)).is_err() && shelf.look(&LookupKey::username("bob")).is_err()
        );
    }
}
