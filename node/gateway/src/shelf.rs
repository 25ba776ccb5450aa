//! Consumers and credentials near at hand: a bounded shelf in front of the store.
//!
//! Reading is lock-free and shared by all workers. Two generations bound it: what is looked up goes into the young one; when that is
//! full it becomes the old one, and the old one's contents, unused since, are forgotten. Nothing is ever sorted.
//!
//! The catch is the moment between reading the store and putting the answer on the shelf: a change may come in between, clear the shelf's
//! key, and the outdated answer would be put there after it. So every shelf counts its clearings, and an answer read before a clearing is
//! used once but not kept.
//!
//! Where something lies is a number of 128 bits made of what is looked up and of a secret of this process. Nobody who does not know the secret
//! can choose two keys for one place, and by chance it does not happen; so the place is the key, and what was shown by a client is
//! not kept here.

use crate::hash::QuickHasher;
use arc_swap::ArcSwap;
use imbl::{GenericHashMap, shared_ptr::DefaultSharedPtr};
use serde_json::Value;
use siphasher::sip128::{Hasher128, SipHasher24};
use std::{
    hash::{BuildHasherDefault, Hasher},
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
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// A consumer by id.
    Consumer(Uuid),
    /// A consumer by user name.
    Username(&'a str),
    /// A consumer's groups.
    Groups(Uuid),
    /// A credential by a unique field.
    Credential {
        schema: &'a str,
        field: &'a str,
        value: &'a str,
    },
}

/// Where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place(u128);

type Places = GenericHashMap<Place, Kept, BuildHasherDefault<QuickHasher>, DefaultSharedPtr>;

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
    young: Places,
    old: Places,
    clearings: u64,
}

/// All shelves.
pub(crate) struct Shelf {
    shelves: Vec<ArcSwap<Contents>>,
    /// It has the secret.
    hasher: SipHasher24,
    generation_max: usize,
}

/// The count of clearings when the store was about to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token(u64);

impl Wanted<'_> {
    /// What tells it from everything else. Names of schemas and fields have no such byte; what comes last may have any.
    fn pieces(&self) -> [&[u8]; 5] {
        match self {
            Wanted::Consumer(id) => [b"\x01", id.as_bytes(), b"", b"", b""],
            Wanted::Groups(consumer) => [b"\x02", consumer.as_bytes(), b"", b"", b""],
            Wanted::Username(name) => [b"\x03", name.as_bytes(), b"", b"", b""],
            Wanted::Credential { schema, field, value } => [
                schema.as_bytes(),
                b"\0",
                field.as_bytes(),
                b"\0",
                value.as_bytes(),
            ],
        }
    }
}

/// Nearly everything that is looked up is said in fewer bytes: those are hashed at once.
const SAID_SHORT: usize = 128;

impl Shelf {
    /// With room for about this many entries.
    pub fn new(entries_max: usize) -> Self {
        Shelf {
            shelves: (0..SHELVES).map(|_| ArcSwap::default()).collect(),
            hasher: SipHasher24::new_with_keys(rand::random(), rand::random()),
            generation_max: (entries_max / SHELVES / 2).max(1),
        }
    }

    /// Where it lies.
    pub fn place(&self, wanted: Wanted<'_>) -> Place {
        let mut hasher = self.hasher;
        let pieces = wanted.pieces();
        let mut short = [0; SAID_SHORT];
        let mut length = 0;
        for piece in pieces {
            let Some(room) = short.get_mut(length..length + piece.len()) else {
                hasher.write(&pieces.concat());
                return Place(hasher.finish128().into());
            };
            room.copy_from_slice(piece);
            length += piece.len();
        }
        hasher.write(&short[..length]);
        Place(hasher.finish128().into())
    }

    fn shelf(&self, place: Place) -> &ArcSwap<Contents> {
        &self.shelves[place.0 as usize % SHELVES]
    }

    /// What lies there, or what to show when putting it there.
    pub fn look(&self, place: Place) -> Result<Kept, Token> {
        let contents = self.shelf(place).load();
        if let Some(kept) = contents.young.get(&place) {
            return Ok(kept.clone());
        }
        let token = Token(contents.clearings);
        let kept = contents.old.get(&place).cloned().ok_or(token)?;
        // Used again: it moves on to the next generation.
        drop(contents);
        self.keep(place, kept.clone(), token);
        Ok(kept)
    }

    /// Puts something there, unless something was cleared since the token was given.
    pub fn keep(&self, place: Place, kept: Kept, token: Token) {
        self.shelf(place).rcu(|contents| {
            let mut next = Contents::clone(contents);
            if next.clearings != token.0 {
                return next;
            }
            if next.young.len() >= self.generation_max {
                next.old = std::mem::take(&mut next.young);
            }
            next.young.insert(place, kept.clone());
            next
        });
    }

    /// Forgets what lies there.
    pub fn clear(&self, wanted: Wanted<'_>) {
        let place = self.place(wanted);
        self.shelf(place).rcu(|contents| {
            let mut next = Contents::clone(contents);
            next.young.remove(&place);
            next.old.remove(&place);
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
            self.clear(Wanted::Consumer(id));
        }
        for bytes in [entity, old_entity].into_iter().flatten() {
            each_wanted(schema, bytes, |wanted| self.clear(wanted));
        }
    }
}

/// As what a record may be looked up. Every text field counts: which of them are unique is the schema's business, and what nobody
/// looks up costs nothing to clear.
fn each_wanted(schema: &str, bytes: &[u8], mut visit: impl FnMut(Wanted<'_>)) {
    let Ok(Value::Object(record)) = serde_json::from_slice(bytes) else {
        return;
    };
    if schema == "consumers" {
        if let Some(name) = record.get("username").and_then(Value::as_str) {
            visit(Wanted::Username(name));
        }
        return;
    }
    let Some(consumer) = record.get("consumer") else {
        return;
    };
    if schema == GROUPS {
        let id = consumer.get("id").and_then(Value::as_str);
        if let Some(id) = id.and_then(|id| id.parse().ok()) {
            visit(Wanted::Groups(id));
        }
        return;
    }
    for (field, value) in &record {
        if let Some(value) = value.as_str() {
            visit(Wanted::Credential { schema, field, value });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use troop_txn::Operation;

    fn absent() -> Kept {
        Kept::Credential(None, None)
    }

    fn key(value: &str) -> Wanted<'_> {
        Wanted::Credential {
            schema: "keyauth_credentials",
            field: "key",
            value,
        }
    }

    fn look(shelf: &Shelf, wanted: Wanted<'_>) -> Result<Kept, Token> {
        shelf.look(shelf.place(wanted))
    }

    fn fill(shelf: &Shelf, wanted: Wanted<'_>, kept: Kept) {
        let token = look(shelf, wanted).err().expect("a gap");
        shelf.keep(shelf.place(wanted), kept, token);
    }

    #[test]
    fn everything_has_its_own_place() {
        let shelf = Shelf::new(1000);
        let long = "x".repeat(2 * SAID_SHORT);
        let credential = |schema, field, value| Wanted::Credential { schema, field, value };
        let id = Uuid::from_bytes(*b"0123456789abcdef");
        let wanted = [
            credential("a", "b", "c"),
            credential("a", "b", "c\0"),
            credential("ab", "", "c"),
            credential("a", "bc", ""),
            credential("a", "b", &long),
            credential("a", "b", &long[1..]),
            Wanted::Username("c"),
            Wanted::Username("0123456789abcdef"),
            Wanted::Consumer(id),
            Wanted::Groups(id),
        ];
        let places: std::collections::HashSet<u128> =
            wanted.iter().map(|wanted| shelf.place(*wanted).0).collect();
        assert_eq!(places.len(), wanted.len());
        assert_eq!(shelf.place(credential("a", "b", &long)), shelf.place(wanted[4]));
    }

    #[test]
    fn what_was_kept_is_found_until_it_is_cleared() {
        let shelf = Shelf::new(1000);
        fill(&shelf, key("a"), absent());
        assert!(look(&shelf, key("a")).is_ok());
        shelf.clear(key("a"));
        assert!(look(&shelf, key("a")).is_err());
        fill(&shelf, key("a"), absent());
        shelf.clear_all();
        assert!(look(&shelf, key("a")).is_err());
    }

    #[test]
    fn an_answer_read_before_a_clearing_is_not_kept() {
        let shelf = Shelf::new(1000);
        let token = look(&shelf, key("a")).err().expect("a gap");
        shelf.clear(key("a"));
        shelf.keep(shelf.place(key("a")), absent(), token);
        assert!(look(&shelf, key("a")).is_err());
    }

    #[test]
    fn the_shelf_does_not_grow_beyond_its_bound() {
        let shelf = Shelf::new(SHELVES * 4);
        for n in 0..10_000 {
            fill(&shelf, key(&n.to_string()), absent());
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
            fill(&shelf, key(value), absent());
        }
        shelf.clear_after(&EventBody::Crud {
            schema: "keyauth_credentials".into(),
            operation: Operation::Update,
            id: Bytes::new(),
            entity: record("new"),
            old_entity: record("old"),
        });
        assert!(look(&shelf, key("old")).is_err() && look(&shelf, key("new")).is_err());
        assert!(look(&shelf, key("other")).is_ok());
    }

    #[test]
    fn a_consumers_groups_are_cleared_when_it_joins_or_leaves_one() {
        let shelf = Shelf::new(1000);
        let (bob, eve) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for id in [bob, eve] {
            fill(&shelf, Wanted::Groups(id), Kept::Groups(Arc::default()));
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
        assert!(look(&shelf, Wanted::Groups(bob)).is_err());
        assert!(look(&shelf, Wanted::Groups(eve)).is_ok());
    }

    #[test]
    fn a_consumer_is_cleared_by_id_and_by_name() {
        let shelf = Shelf::new(1000);
        let id = Uuid::from_u128(5);
        let both = [Wanted::Consumer(id), Wanted::Username("bob")];
        for wanted in both {
            fill(&shelf, wanted, Kept::Consumer(None));
        }
        shelf.clear_after(&EventBody::Crud {
            schema: "consumers".into(),
            operation: Operation::Delete,
            id: Bytes::copy_from_slice(id.as_bytes()),
            entity: None,
            old_entity: Some(Bytes::from_static(br#"{"username":"bob"}"#)),
        });
        assert!(both.into_iter().all(|wanted| look(&shelf, wanted).is_err()));
    }
}
