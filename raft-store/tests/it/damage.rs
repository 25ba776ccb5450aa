//! What a disk may do to the log, and what is made of it.

use bytes::Bytes;
use openraft::{
    RaftLogReader,
    storage::{RaftLogStorage, RaftLogStorageExt, RaftStateMachine},
};
use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use troop_raft_store::{
    disk::{DiskError, Layout, LogStore, StateDb},
    machine::Machine,
    types::{
        Packed, Peer,
        alias::{CommittedLeaderId, Entry, LogId, Membership, Payload, SnapshotMeta, StoredMembership, Vote},
    },
};

fn log_id(index: u64) -> LogId {
    LogId::new(CommittedLeaderId { term: 1, node_id: 1 }, index)
}

fn entry(index: u64) -> Entry {
    let text = format!("the text of entry {index}");
    Entry {
        log_id: log_id(index),
        payload: Payload::Normal(Packed(Bytes::from(text))),
    }
}

fn open(dir: &Path) -> Result<LogStore, DiskError> {
    let layout = Layout::open(dir)?;
    LogStore::open(&layout, StateDb::open(&layout)?)
}

/// A directory whose log holds entries 0 to 9, acknowledged.
async fn ten_entries() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path()).unwrap();
    log.save_vote(&Vote::new_committed(1, 1)).await.unwrap();
    log.blocking_append((0..10).map(entry)).await.unwrap();
    dir
}

/// RocksDB's write-ahead log, which still holds all of it.
fn wal(dir: &TempDir) -> PathBuf {
    let files = fs::read_dir(dir.path().join("raft")).unwrap().flatten();
    let logs = files.filter(|file| file.path().extension().is_some_and(|e| e == "log"));
    logs.map(|file| file.path()).max().unwrap()
}

fn place_of(bytes: &[u8], text: &str) -> usize {
    let mut windows = bytes.windows(text.len());
    windows.position(|window| window == text.as_bytes()).unwrap()
}

fn refused(dir: &TempDir) -> String {
    let Err(error) = open(dir.path()) else {
        panic!("a damaged log was opened")
    };
    assert!(matches!(error, DiskError::Damaged { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("troop node remove"), "{message}");
    message
}

#[tokio::test]
async fn a_record_that_was_torn_by_a_power_cut_is_forgotten() {
    let dir = ten_entries().await;
    let mut file = OpenOptions::new().append(true).open(wal(&dir)).unwrap();
    // Checksum, length 200, whole record; then too little.
    file.write_all(&[1, 2, 3, 4, 200, 0, 1, 9, 9, 9]).unwrap();
    let log = open(dir.path()).unwrap();
    assert_eq!(log.last_log_id().unwrap(), Some(log_id(9)));
}

#[tokio::test]
async fn an_acknowledged_entry_that_changed_on_the_disk_stops_the_start_with_the_way_out() {
    let dir = ten_entries().await;
    let file = wal(&dir);
    let mut bytes = fs::read(&file).unwrap();
    let at = place_of(&bytes, "the text of entry 4");
    bytes[at] ^= 1;
    fs::write(&file, bytes).unwrap();
    refused(&dir);
}

/// To RocksDB this looks like a torn tail.
#[tokio::test]
async fn an_acknowledged_entry_that_the_disk_lost_stops_the_start_with_the_way_out() {
    let dir = ten_entries().await;
    let file = wal(&dir);
    let bytes = fs::read(&file).unwrap();
    let at = place_of(&bytes, "the text of entry 7");
    fs::write(&file, &bytes[..at]).unwrap();
    let message = refused(&dir);
    assert!(message.contains("the disk lost its end"), "{message}");
}

#[tokio::test]
async fn what_was_truncated_is_gone_and_what_was_purged_is_known_after_a_restart() {
    let dir = ten_entries().await;
    let mut log = open(dir.path()).unwrap();
    log.truncate_after(Some(log_id(7))).await.unwrap();
    log.purge(log_id(2)).await.unwrap();
    drop(log);
    let mut log = open(dir.path()).unwrap();
    let state = log.get_log_state().await.unwrap();
    assert_eq!(
        (state.last_purged_log_id, state.last_log_id),
        (Some(log_id(2)), Some(log_id(7)))
    );
    let entries = log.reader().try_get_log_entries(0..100).await.unwrap();
    let indexes: Vec<_> = entries.iter().map(|entry| entry.log_id.index).collect();
    assert_eq!(indexes, [3, 4, 5, 6, 7]);
    // Its first entry is gone: what follows must not be taken for the whole.
    assert!(
        log.reader()
            .limited_get_log_entries(1, 6)
            .await
            .unwrap()
            .is_empty()
    );
    log.truncate_after(None).await.unwrap();
    assert_eq!(log.get_log_state().await.unwrap().last_log_id, Some(log_id(2)));
}

#[tokio::test]
async fn a_log_that_starts_after_the_state_ends_is_refused() {
    let dir = ten_entries().await;
    let mut log = open(dir.path()).unwrap();
    log.purge(log_id(5)).await.unwrap();
    for (applied, fits) in [(None, false), (Some(4), false), (Some(5), true), (Some(9), true)] {
        assert_eq!(
            log.must_continue(applied.map(log_id)).is_ok(),
            fits,
            "{applied:?}"
        );
    }
}

#[tokio::test]
async fn a_snapshot_that_does_not_hold_what_it_says_is_refused_and_the_old_state_stays() {
    let dir = tempfile::tempdir().unwrap();
    let state = StateDb::open(&Layout::open(dir.path()).unwrap()).unwrap();
    let mut machine = Machine::open(state.clone()).unwrap();
    let nodes = BTreeMap::from([(1, Peer::default())]);
    let members = Membership::new(vec![[1].into()], nodes).unwrap();
    let meta = |index| SnapshotMeta {
        last_log_id: Some(log_id(index)),
        last_membership: StoredMembership::new(Some(log_id(1)), members.clone()),
    };
    let before = state.now().path();
    let empty = state.checkpoint().unwrap();
    let refused = machine.install_snapshot(&meta(9), empty).await.unwrap_err();
    assert!(refused.to_string().contains("the snapshot says"), "{refused}");
    assert_eq!(state.now().path(), before);
    drop((machine, state));
    let state = StateDb::open(&Layout::open(dir.path()).unwrap()).unwrap();
    assert_eq!(state.now().path(), before);
}
