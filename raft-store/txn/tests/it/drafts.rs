//! Random histories that are worth applying.
//!
//! Transactions from a hat would nearly all be refused by their first guard. A draft therefore says "the revision that this
//! row has" or "one beside it", and is made concrete against the state it meets. Keys and requests are few, so that
//! writes collide and retries happen.

use crate::model::Model;
use bytes::Bytes;
use proptest::prelude::*;
use troop_txn::{Ensure, Guard, Key, Op, RequestId, Revision, StageId, Txn, stage};

/// A transaction whose revisions are not numbers yet.
#[derive(Clone, Debug)]
pub struct Draft {
    /// How many log indexes it comes after the one before.
    pub gap: u64,
    request: u64,
    guards: Vec<GuardDraft>,
    ops: Vec<OpDraft>,
    ensures: Vec<Key>,
}

#[derive(Clone, Debug)]
enum GuardDraft {
    Absent(Key),
    Present(Key),
    /// What the row has, plus this.
    Row(Key, u64),
    /// What the state has, plus this.
    Global(u64),
    /// What the state has, minus this.
    Unchanged(u64),
}

#[derive(Clone, Debug)]
enum OpDraft {
    Concrete(Op),
    /// What the state has, minus this.
    CompactBelow(u64),
}

impl Draft {
    /// The transaction, if it met this state.
    pub fn concrete(&self, state: &Model) -> Txn {
        Txn {
            request: RequestId {
                client: 7,
                sequence: self.request,
            },
            guards: self.guards.iter().map(|guard| guard.concrete(state)).collect(),
            ops: self.ops.iter().map(|op| op.concrete(state)).collect(),
            ensures: self.ensures.iter().cloned().map(Ensure::PrefixEmpty).collect(),
            stamped_at_ms: 0,
            actor: "test".into(),
        }
    }
}

impl GuardDraft {
    fn concrete(&self, state: &Model) -> Guard {
        match self {
            GuardDraft::Absent(key) => Guard::Absent(key.clone()),
            GuardDraft::Present(key) => Guard::Present(key.clone()),
            GuardDraft::Row(key, beside) => {
                let now = state.rows.get(key).map_or(0, |row| row.modified.get());
                Guard::RevisionIs {
                    key: key.clone(),
                    revision: Revision::new(now + beside),
                }
            }
            GuardDraft::Global(beside) => {
                Guard::GlobalRevisionIs(Revision::new(state.revision.get() + beside))
            }
            GuardDraft::Unchanged(back) => {
                Guard::UnchangedSince(Revision::new(state.revision.get().saturating_sub(*back)))
            }
        }
    }
}

impl OpDraft {
    fn concrete(&self, state: &Model) -> Op {
        match self {
            OpDraft::Concrete(op) => op.clone(),
            OpDraft::CompactBelow(back) => Op::CompactEvents {
                // One beyond the present too: an entry must not forget its own events.
                below: Revision::new((state.revision.get() + 100).saturating_sub(*back)),
            },
        }
    }
}

/// Up to `max` drafts in a row.
pub fn drafts(max: usize) -> impl Strategy<Value = Vec<Draft>> {
    prop::collection::vec(draft(), 1..max)
}

fn draft() -> impl Strategy<Value = Draft> {
    (
        1..4u64,
        0..40u64,
        prop::collection::vec(guard(), 0..3),
        prop::collection::vec(op(), 0..5),
        prop::collection::vec(prefix(), 0..2),
    )
        .prop_map(|(gap, request, guards, ops, ensures)| Draft {
            gap,
            request,
            guards,
            ops,
            ensures,
        })
}

/// A row's key: few, some the beginning of others, in all three spaces.
fn key() -> impl Strategy<Value = Key> {
    let id = prop::collection::vec(0..2u8, 0..3);
    (0..4u8, id).prop_map(|(kind, id)| match kind {
        0 => Key::record("a", &id),
        1 => Key::record("ab", &id),
        2 => Key::index("a", "by", &id),
        _ => Key::system("s", &id),
    })
}

/// Mostly narrow ones, or no history would get past them.
fn prefix() -> impl Strategy<Value = Key> {
    prop_oneof![
        4 => prop::collection::vec(0..2u8, 2..3).prop_map(|id| Key::index("a", "by", &id)),
        1 => key(),
        1 => Just(Key::index("nobody", "here", b"")),
    ]
}

fn guard() -> impl Strategy<Value = GuardDraft> {
    let beside = prop_oneof![4 => Just(0u64), 1 => Just(1)];
    prop_oneof![
        2 => key().prop_map(GuardDraft::Absent),
        2 => key().prop_map(GuardDraft::Present),
        3 => (key(), beside.clone()).prop_map(|(key, beside)| GuardDraft::Row(key, beside)),
        1 => beside.prop_map(GuardDraft::Global),
        1 => (0..4u64).prop_map(GuardDraft::Unchanged),
    ]
}

/// The stage that all boxes belong to.
pub const STAGE: StageId = StageId::from_bits(7);

fn value() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..4).prop_map(Bytes::from)
}

/// A box with a few ops in it.
fn laid_box() -> impl Strategy<Value = Op> {
    let op = prop_oneof![
        2 => (key(), value()).prop_map(|(key, value)| Op::Put { key, value }),
        1 => key().prop_map(|key| Op::Delete { key }),
    ];
    (0..3u32, prop::collection::vec(op, 0..4)).prop_map(|(number, ops)| Op::Put {
        key: STAGE.box_key(number),
        value: stage::pack(&ops).unwrap(),
    })
}

fn op() -> impl Strategy<Value = OpDraft> {
    prop_oneof![
        2 => laid_box().prop_map(OpDraft::Concrete),
        1 => Just(OpDraft::Concrete(Op::Unstage { stage: STAGE.boxes() })),
        6 => (key(), value()).prop_map(|(key, value)| OpDraft::Concrete(Op::Put { key, value })),
        4 => key().prop_map(|key| OpDraft::Concrete(Op::Delete { key })),
        2 => ("[a-c]{1,2}", value(), any::<Option<u64>>()).prop_map(|(channel, data, not_before_ms)| {
            OpDraft::Concrete(Op::Emit { channel, data, not_before_ms })
        }),
        1 => (0..140u64).prop_map(OpDraft::CompactBelow),
    ]
}
