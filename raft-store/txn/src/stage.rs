//! A change set that is too large for one entry: laid down in boxes first, unpacked by one entry.
//!
//! Moving house. Nobody carries a household through the door in one go, and nobody wants to live in half of one. So boxes are
//! brought to the cellar, one by one, while life upstairs goes on; when the last one is there, one word has all of them unpacked at
//! once. The cellar is the cluster's own part of the table of rows: no event, no reader of records sees it.
//!
//! A box is a row whose value is a list of ops. [`Op::Unstage`] performs the ops of all boxes in order and removes the boxes, at one
//! revision. Whoever proposes it guards each box to be present, so that a change set of which a box was thrown away is refused
//! whole.
//!
//! The catch: a mover may die between two boxes. The id of a stage begins with the time at which it was begun, so that boxes
//! nobody comes back for are found without a clock in the machine: the leader proposes to delete them ([`stale`]).
//!
//! What it does not do: check anything. That nothing changed since the change set was planned is what
//! [`Guard::UnchangedSince`](crate::Guard) is for.

use crate::{
    codec,
    entry::{Guard, Op},
    frame::FrameError,
    key::Key,
    store::{ReadView, ViewError},
};
use bytes::Bytes;
use std::fmt;

/// Encoded ops in one box, about: half an entry, so that a box and what is around it always fit, and one box is unpacked in tens of
/// milliseconds.
pub const BOX_BYTES: usize = 512 << 10;
/// Boxes of one change set at most: 512 MiB of ops, five times what the largest document that is accepted becomes.
pub const BOXES_MAX: u32 = 1_024;
/// A stage that is older was given up: many times what the slowest one takes.
pub const STAGE_AGE_MAX_MS: u64 = 15 * 60 * 1_000;

const TABLE: &str = "staged";
const TIME_BITS: u32 = 80;

/// Names one staged change set: the time of its beginning and something random.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StageId(u128);

impl StageId {
    /// A new one. Of `random` the lower 80 bits are used.
    pub fn new(begun_at_ms: u64, random: u128) -> Self {
        let random = random & ((1 << TIME_BITS) - 1);
        StageId((u128::from(begun_at_ms) << TIME_BITS) | random)
    }

    /// From its bits.
    pub const fn from_bits(bits: u128) -> Self {
        StageId(bits)
    }

    /// When it was begun, by the clock of who began it.
    pub fn begun_at_ms(self) -> u64 {
        u64::try_from(self.0 >> TIME_BITS).expect("invariant: 48 bits are left")
    }

    /// The prefix of its boxes.
    pub fn boxes(self) -> Key {
        Key::system(TABLE, &self.0.to_be_bytes())
    }

    /// The place of one box, counted from zero.
    pub fn box_key(self, number: u32) -> Key {
        let tail = [&self.0.to_be_bytes()[..], &number.to_be_bytes()].concat();
        Key::system(TABLE, &tail)
    }

    /// That the first so many boxes are there.
    pub fn all_present(self, boxes: u32) -> impl Iterator<Item = Guard> {
        (0..boxes).map(move |number| Guard::Present(self.box_key(number)))
    }
}

impl fmt::Display for StageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for StageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The value of a box.
///
/// # Errors
/// [`FrameError::Payload`] when the ops are more than fit.
pub fn pack(ops: &[Op]) -> Result<Bytes, FrameError> {
    codec::pack(&ops).map(Bytes::from)
}

/// The ops in a box.
///
/// # Errors
/// [`FrameError::Payload`] when it holds something else, or an op that does not belong into a box.
pub fn unpack(value: &[u8]) -> Result<Vec<Op>, FrameError> {
    let ops: Vec<Op> = codec::unpack(value)?;
    let strange = |op: &Op| matches!(op, Op::Unstage { .. } | Op::CompactEvents { .. });
    if ops.iter().any(strange) {
        return Err(FrameError::Payload(
            "a box holds an op about the store itself".into(),
        ));
    }
    Ok(ops)
}

/// Boxes of stages that were begun before this time, up to `limit` of them.
///
/// # Errors
/// [`ViewError`] when the storage fails.
pub fn stale(view: &dyn ReadView, before_ms: u64, limit: usize) -> Result<Vec<Key>, ViewError> {
    let all = Key::system(TABLE, &[]);
    let rows = view.scan(&all, None, limit)?;
    let begun = |key: &Key| {
        let id = key.strip_prefix(&all)?.get(..16)?;
        Some(StageId(u128::from_be_bytes(id.try_into().ok()?)).begun_at_ms())
    };
    let keys = rows.into_iter().map(|(key, _)| key);
    Ok(keys
        .filter(|key| begun(key).is_none_or(|at_ms| at_ms < before_ms))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryStore, Outcome, RequestId, Txn, read};

    fn txn(sequence: u64, guards: Vec<Guard>, ops: Vec<Op>) -> Txn {
        Txn {
            request: RequestId { client: 1, sequence },
            guards,
            ops,
            ensures: Vec::new(),
            stamped_at_ms: 0,
            actor: "test".into(),
        }
    }

    fn put(id: u8) -> Op {
        Op::Put {
            key: Key::record("services", &[id]),
            value: Bytes::from_static(b"{}"),
        }
    }

    fn lay(store: &MemoryStore, stage: StageId, number: u32, ops: &[Op]) {
        let op = Op::Put {
            key: stage.box_key(number),
            value: pack(ops).unwrap(),
        };
        let outcome = store
            .apply(&txn(u64::from(number), Vec::new(), vec![op]))
            .unwrap();
        assert!(matches!(outcome, Outcome::Applied(_)));
    }

    fn unstage(stage: StageId, boxes: u32, more: Vec<Guard>) -> Txn {
        let guards = stage.all_present(boxes).chain(more).collect();
        txn(100, guards, vec![Op::Unstage { stage: stage.boxes() }])
    }

    fn rows(store: &MemoryStore, prefix: &Key) -> usize {
        read(store, |view| view.scan(prefix, None, 100)).unwrap().len()
    }

    #[test]
    fn boxes_are_unpacked_at_one_revision_and_gone() {
        let (store, stage) = (MemoryStore::new(), StageId::new(5, 1));
        lay(&store, stage, 0, &[put(1), put(2)]);
        lay(&store, stage, 1, &[put(3)]);
        assert_eq!(rows(&store, &Key::record("services", &[])), 0);
        let Outcome::Applied(revision) = store.apply(&unstage(stage, 2, Vec::new())).unwrap() else {
            panic!("refused");
        };
        let view = |key| read(&store, |view| view.get(&key)).unwrap();
        for id in 1..=3 {
            assert_eq!(view(Key::record("services", &[id])).unwrap().modified, revision);
        }
        assert_eq!(rows(&store, &stage.boxes()), 0);
    }

    #[test]
    fn a_stage_that_lost_a_box_is_refused_whole() {
        let (store, stage) = (MemoryStore::new(), StageId::new(5, 1));
        lay(&store, stage, 1, &[put(3)]);
        let outcome = store.apply(&unstage(stage, 2, Vec::new())).unwrap();
        assert!(matches!(outcome, Outcome::Refused { .. }));
        assert_eq!(rows(&store, &Key::record("services", &[])), 0);
    }

    #[test]
    fn laying_boxes_is_no_change_and_writing_a_record_is() {
        let (store, stage) = (MemoryStore::new(), StageId::new(5, 1));
        let before = *crate::Store::applied(&store).borrow();
        lay(&store, stage, 0, &[put(1)]);
        let guard = vec![Guard::UnchangedSince(before)];
        let quiet = store.apply(&txn(50, guard.clone(), Vec::new())).unwrap();
        assert!(matches!(quiet, Outcome::Applied(_)));
        store.apply(&txn(51, Vec::new(), vec![put(9)])).unwrap();
        let refused = store.apply(&unstage(stage, 1, guard)).unwrap();
        assert!(matches!(refused, Outcome::Refused { .. }));
    }

    #[test]
    fn only_old_stages_are_stale() {
        let store = MemoryStore::new();
        lay(&store, StageId::new(5, 1), 0, &[]);
        lay(&store, StageId::new(9, 1), 1, &[]);
        let stale = |before_ms| read(&store, |view| stale(view, before_ms, 10)).unwrap().len();
        assert_eq!((stale(5), stale(6), stale(10)), (0, 1, 2));
    }

    #[test]
    fn a_box_in_a_box_is_refused() {
        let op = Op::Unstage {
            stage: StageId::new(1, 1).boxes(),
        };
        assert!(unpack(&pack(&[op]).unwrap()).is_err());
    }
}
