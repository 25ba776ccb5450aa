//! The state's directory is replaced as a whole. A crash may come after any step of that.

use bytes::Bytes;
use std::{fs, path::Path};
use troop_raft_store::disk::{
    Layout, SnapshotDir, StateDb,
    stream::{BlockReader, BlockWriter},
};
use troop_txn::{Image, Table, image::Changes};

fn open(dir: &Path) -> StateDb {
    StateDb::open(&Layout::open(dir).unwrap()).unwrap()
}

fn set(state: &StateDb, value: &'static str) {
    let place = (Table::Rows, Bytes::from_static(b"key"));
    let changes = Changes::from([(place, Some(Bytes::from_static(value.as_bytes())))]);
    state.now().write(changes).unwrap();
}

fn get(state: &StateDb) -> Option<Bytes> {
    state.now().get(Table::Rows, b"key").unwrap()
}

/// A state that says `new` beside one that says `old`.
fn received(state: &StateDb) -> SnapshotDir {
    set(state, "new");
    let mut blocks = BlockReader::open(&state.checkpoint().unwrap()).unwrap();
    set(state, "old");
    let mut writer = BlockWriter::open(state.incoming().unwrap()).unwrap();
    while let Some((ordinal, frame)) = blocks.next_block().unwrap() {
        writer.take(ordinal, &frame).unwrap();
    }
    let (blocks, rows) = blocks.totals();
    writer.finish(blocks, rows).unwrap()
}

/// What a crash after `steps` leaves, and what the next start makes of it.
fn check(steps: impl FnOnce(&StateDb, SnapshotDir, &Path), expected: &'static str) {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path());
    let snapshot = received(&state);
    // Nothing is put away: a crash runs no destructors.
    snapshot.keep();
    steps(&state, snapshot, dir.path());
    drop(state);
    let state = open(dir.path());
    assert_eq!(get(&state), Some(Bytes::from_static(expected.as_bytes())));
    let dirs = fs::read_dir(dir.path()).unwrap().flatten();
    let dirs: Vec<_> = dirs.filter(|entry| entry.path().is_dir()).collect();
    assert_eq!(dirs.len(), 1, "only the current state is kept: {dirs:?}");
}

#[test]
fn until_the_pointer_is_renamed_the_old_state_counts_and_from_then_on_the_new_one() {
    let state_2 = |dir: &Path, snapshot: &SnapshotDir| {
        fs::rename(snapshot.path(), dir.join("state-2")).unwrap();
    };
    check(|_, _, _| (), "old");
    check(|_, snapshot, dir| state_2(dir, &snapshot), "old");
    check(
        |_, snapshot, dir| {
            state_2(dir, &snapshot);
            fs::write(dir.join("STATE.new"), "state-2").unwrap();
        },
        "old",
    );
    check(
        |_, snapshot, dir| {
            state_2(dir, &snapshot);
            fs::write(dir.join("STATE"), "state-2").unwrap();
        },
        "new",
    );
    check(
        |state, snapshot, _| state.switch_to(state.adopt(&snapshot).unwrap()).unwrap(),
        "new",
    );
}

#[test]
fn a_state_that_was_looked_at_and_not_taken_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path());
    let snapshot = received(&state);
    let adopted = state.adopt(&snapshot).unwrap();
    assert!(adopted.path().is_dir());
    let path = adopted.path();
    drop((adopted, snapshot));
    assert!(!path.exists());
    assert_eq!(get(&state), Some("old".into()));
}

#[test]
fn a_reader_keeps_the_state_it_reads_and_its_directory_goes_with_the_last_one() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path());
    let snapshot = received(&state);
    let reader = state.now();
    state.switch_to(state.adopt(&snapshot).unwrap()).unwrap();
    assert_eq!(get(&state), Some("new".into()));
    assert_eq!(reader.get(Table::Rows, b"key").unwrap(), Some("old".into()));
    let old = reader.path();
    assert!(old.is_dir());
    drop(reader);
    assert!(!old.exists());
}

#[test]
fn a_checkpoint_does_not_follow_later_writes_and_goes_with_its_last_user() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path());
    set(&state, "then");
    let checkpoint = state.checkpoint().unwrap();
    set(&state, "now");
    let reader = BlockReader::open(&checkpoint).unwrap();
    let path = checkpoint.path().to_owned();
    drop(checkpoint);
    assert!(path.is_dir(), "it is still being read");
    let mut writer = BlockWriter::open(state.incoming().unwrap()).unwrap();
    let mut reader = reader;
    while let Some((ordinal, frame)) = reader.next_block().unwrap() {
        writer.take(ordinal, &frame).unwrap();
    }
    let (blocks, rows) = reader.totals();
    let copy = state.adopt(&writer.finish(blocks, rows).unwrap()).unwrap();
    assert_eq!(copy.get(Table::Rows, b"key").unwrap(), Some("then".into()));
    drop(reader);
    assert!(!path.exists());
}
