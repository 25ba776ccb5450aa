//! The slip: what to write, and what must hold before and after.

use crate::layout::{self, Card};
use troop_schema::{Entity, Record};
use troop_txn::{Ensure, Guard, Key, Op, RequestId, Revision, Txn};
use uuid::Uuid;

/// A change, planned from one image. If applying refuses it, plan again from a newer one.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What must hold before.
    pub guards: Vec<Guard>,
    /// What is written.
    pub ops: Vec<Op>,
    /// What must hold after.
    pub ensures: Vec<Ensure>,
    /// The record's id.
    pub id: Uuid,
    /// The record as a reader will see it; of a deletion, as it was.
    pub record: Record,
}

impl Planned {
    pub(crate) fn new(id: Uuid) -> Self {
        Planned {
            guards: Vec::new(),
            ops: Vec::new(),
            ensures: Vec::new(),
            id,
            record: Record::new(),
        }
    }

    /// Nothing to do: a change that was carried out before and left this record.
    pub fn of_record(record: Record) -> Self {
        let id = layout::id_of(&record).unwrap_or_default();
        Planned {
            record,
            ..Planned::new(id)
        }
    }

    /// The log entry. `actor` says for the history who asked.
    pub fn into_txn(self, request: RequestId, stamped_at_ms: u64, actor: impl Into<String>) -> Txn {
        Txn {
            request,
            guards: self.guards,
            ops: self.ops,
            ensures: self.ensures,
            stamped_at_ms,
            actor: actor.into(),
        }
    }

    /// Nobody changed the row since it was read.
    pub(crate) fn guard_revision(&mut self, key: Key, revision: Revision) {
        self.guards.push(Guard::RevisionIs { key, revision });
    }

    /// Writes a record and the cards that it has and `old` had not; removes those that only `old` had.
    pub(crate) fn put(&mut self, entity: &Entity, id: Uuid, old: Option<&Record>, new: &Record) {
        self.ops.push(Op::Put {
            key: layout::record(entity.name(), id),
            value: encode(new),
        });
        let old = old.map(|old| layout::cards(entity, old)).unwrap_or_default();
        let (removed, written) = layout::difference(old, layout::cards(entity, new));
        self.ops.extend(removed.into_iter().map(|key| Op::Delete { key }));
        self.ops.extend(written.into_iter().map(|(key, card)| Op::Put {
            key,
            value: match card {
                Card::Claim(_) => id.as_bytes().to_vec().into(),
                Card::Listing => Vec::new().into(),
            },
        }));
    }

    /// Removes a record and its cards.
    pub(crate) fn remove(&mut self, entity: &Entity, id: Uuid, old: &Record) {
        let record = layout::record(entity.name(), id);
        let cards = layout::cards(entity, old).into_iter().map(|(key, _)| key);
        let keys = std::iter::once(record).chain(cards);
        self.ops.extend(keys.map(|key| Op::Delete { key }));
    }

    /// Adds what another writes.
    pub(crate) fn add(&mut self, other: Planned) {
        self.guards.extend(other.guards);
        self.ops.extend(other.ops);
        self.ensures.extend(other.ensures);
    }

    /// Both, as one.
    pub(crate) fn and(mut self, other: Planned) -> Self {
        self.add(other);
        self
    }
}

/// What is stored of a record.
fn encode<B: From<Vec<u8>>>(record: &Record) -> B {
    serde_json::to_vec(record)
        .expect("invariant: a JSON object can be written as JSON")
        .into()
}
