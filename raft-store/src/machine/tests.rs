//! Change sets in pieces: whatever happens in between, readers see all of them or nothing.

use super::*;
use crate::disk::Layout;
use bytes::Bytes;
use tempfile::TempDir;
use troop_txn::{Guard, Key, Op, RequestId, StageId, machine::pieces, stage};

const STAGE: StageId = StageId::from_bits(7);
const BOXES: u32 = 3;

fn place(index: u64) -> StoredLogId {
    StoredLogId {
        term: 1,
        node_id: 1,
        index,
    }
}

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

fn record(number: u32) -> Key {
    Key::record("services", &number.to_be_bytes())
}

/// A state with all boxes laid down, applied up to their last entry.
fn laid() -> (TempDir, StateDb) {
    let dir = tempfile::tempdir().unwrap();
    let state = StateDb::open(&Layout::open(dir.path()).unwrap()).unwrap();
    for number in 0..BOXES {
        let value = Bytes::from_static(b"{}");
        let ops = stage::pack(&[Op::Put {
            key: record(number),
            value,
        }])
        .unwrap();
        let lay = Op::Put {
            key: STAGE.box_key(number),
            value: ops,
        };
        let index = u64::from(number) + 1;
        let now = state.now();
        let mut batch = Overlay::new(&*now);
        machine::apply(&mut batch, index, &txn(index, Vec::new(), vec![lay])).unwrap();
        put_note(&mut batch, APPLIED, &place(index)).unwrap();
        now.write(batch.into_changes()).unwrap();
    }
    (dir, state)
}

fn unstage() -> Txn {
    let guards = STAGE.all_present(BOXES).collect();
    txn(100, guards, vec![Op::Unstage { stage: STAGE.boxes() }])
}

fn records(state: &OpenState) -> usize {
    let prefix = Key::record("services", &[]);
    state
        .scan(Table::Rows, prefix.as_bytes(), None, 100)
        .unwrap()
        .len()
}

#[test]
fn a_change_set_interrupted_after_any_piece_is_completed_before_anybody_reads() {
    let index = u64::from(BOXES) + 1;
    let mut digests = Vec::new();
    for pieces_done in 0..=BOXES {
        let (_dir, state) = laid();
        let machine = Machine::open(state.clone()).unwrap();
        let mut pieces = pieces::begin(&*state.now(), index, &unstage()).unwrap().unwrap();
        for _ in 0..pieces_done {
            assert!(machine.apply_piece(&mut pieces, place(index)).unwrap().is_none());
        }
        assert_eq!(records(&state.now()), pieces_done as usize);
        drop(machine);
        let machine = Machine::open(state.clone()).unwrap();
        let seen = (
            records(&state.now()),
            machine.applied().unwrap().map(|id| id.index),
        );
        match pieces_done {
            0 => assert_eq!(seen, (0, Some(index - 1)), "it was not begun"),
            _ => {
                assert_eq!(seen, (BOXES as usize, Some(index)));
                assert_eq!(*machine.progress().revision.borrow(), Revision::new(index));
                digests.push(machine::notes(&*state.now()).unwrap());
            }
        }
    }
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{digests:?}");
}

#[test]
fn readers_see_the_state_that_is_held_until_it_is_released() {
    let (_dir, state) = laid();
    let machine = Machine::open(state.clone()).unwrap();
    let index = u64::from(BOXES) + 1;
    let mut pieces = pieces::begin(&*state.now(), index, &unstage()).unwrap().unwrap();
    state.hold().unwrap();
    while machine.apply_piece(&mut pieces, place(index)).unwrap().is_none() {
        let seen = state.shown().frozen(|image, revision| {
            let boxes = image
                .scan(Table::Rows, STAGE.boxes().as_bytes(), None, 10)
                .unwrap();
            (boxes.len(), revision.get())
        });
        assert_eq!(seen, (BOXES as usize, index - 1));
        assert_eq!(records(&state.shown()), 0);
    }
    let held = state.shown().path();
    state.release();
    assert_eq!(records(&state.shown()), BOXES as usize);
    assert!(!held.exists(), "the copy is gone");
}
