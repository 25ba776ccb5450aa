//! Forgetting the beginning of the history, in bounded steps.

use crate::history::{compacting, doing, emit, saying};
use troop_txn::{EventsError, MemoryStore, Outcome, Revision, Store, machine::COMPACT_MAX_EVENTS};

/// A store with `revisions` transactions of `each` events.
fn store_with(revisions: u64, each: usize) -> MemoryStore {
    let store = MemoryStore::new();
    for sequence in 1..=revisions {
        store
            .apply(&doing(sequence, (0..each).map(|_| emit("word")).collect()))
            .unwrap();
    }
    store
}

fn floor_of(store: &MemoryStore, after: u64) -> Option<u64> {
    match store.events(Revision::new(after), 10) {
        Ok(_) => None,
        Err(EventsError::Compacted { floor, .. }) => Some(floor.get()),
        Err(EventsError::View(e)) => panic!("{e}"),
    }
}

#[test]
fn what_is_below_the_floor_is_gone_and_the_rest_is_whole() {
    let store = store_with(10, 2);
    store.apply(&compacting(11, 6)).unwrap();
    let notes = store.notes().unwrap();
    assert_eq!((notes.events_from.get(), notes.events_kept), (6, 10));
    assert_eq!(floor_of(&store, 4), Some(6));
    assert_eq!(floor_of(&store, 5), None);
    let page = store.events(Revision::new(5), 100).unwrap();
    assert_eq!(page.events.len(), 10);
}

#[test]
fn a_floor_never_sinks() {
    let store = store_with(10, 1);
    store.apply(&compacting(11, 6)).unwrap();
    store.apply(&compacting(12, 3)).unwrap();
    assert_eq!(store.notes().unwrap().events_from.get(), 6);
}

#[test]
fn an_entry_keeps_its_own_events_whatever_it_forgets() {
    let store = store_with(3, 1);
    let mut txn = compacting(4, u64::MAX);
    txn.ops.insert(0, emit("before"));
    txn.ops.push(emit("after"));
    store.apply(&txn).unwrap();
    let notes = store.notes().unwrap();
    assert_eq!((notes.events_from.get(), notes.events_kept), (4, 2));
    let page = store.events(Revision::new(3), 10).unwrap();
    assert_eq!(page.events.len(), 2);
}

#[test]
fn one_op_forgets_a_bounded_number_and_says_how_far_it_got() {
    // 50 revisions of 100 events: the bound falls into the middle of revision 41.
    let store = store_with(50, 100);
    store.apply(&compacting(51, 50)).unwrap();
    let notes = store.notes().unwrap();
    assert_eq!(notes.events_kept, 5_000 - COMPACT_MAX_EVENTS as u64);
    assert_eq!(notes.events_from.get(), 42);
    // The half-forgotten revision is not shown at all.
    assert_eq!(floor_of(&store, 40), Some(42));
    let page = store.events(Revision::new(41), 1).unwrap();
    assert_eq!((page.events.len(), page.upto.get()), (100, 42));
    // The next op finishes the work.
    store.apply(&compacting(52, 50)).unwrap();
    let notes = store.notes().unwrap();
    assert_eq!((notes.events_from.get(), notes.events_kept), (50, 100));
}

#[test]
fn a_refused_compaction_forgets_nothing() {
    let store = store_with(5, 1);
    let before = store.notes().unwrap();
    let mut txn = compacting(6, 5);
    txn.guards = vec![troop_txn::Guard::GlobalRevisionIs(Revision::new(1))];
    assert!(matches!(store.apply(&txn), Ok(Outcome::Refused { .. })));
    assert_eq!(store.notes().unwrap(), before);
    assert_eq!(floor_of(&store, 0), None);
}

#[test]
fn compaction_leaves_the_chain_of_all_events_ever_as_it_was() {
    let store = store_with(5, 1);
    let chain = store.notes().unwrap().chain;
    store.apply(&compacting(6, 5)).unwrap();
    assert_eq!(store.notes().unwrap().chain, chain);
    store.apply(&saying(7, "more")).unwrap();
    assert_ne!(store.notes().unwrap().chain, chain);
}
