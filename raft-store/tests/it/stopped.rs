//! A store that must not go on.

use crate::{
    cluster::{CLUSTER, Cluster, put, txn, value_of, write},
    snapshots::header,
    until::{DEADLINE, until},
};
use bytes::Bytes;
use std::time::{Duration, Instant};
use troop_proto::peer::{
    AppendRequest, Entry, LogId, SnapshotEnd, SnapshotPart, Vote, entry::Payload, snapshot_part::Part,
};
use troop_txn::{ProposeError, ReadError, Store};

/// As a leader with a later program would append it.
fn entry_of_a_later_version(term: u64, before: LogId) -> AppendRequest {
    let log_id = LogId {
        term,
        node_id: 2,
        index: before.index + 1,
    };
    AppendRequest {
        vote: Some(Vote {
            term,
            node_id: 2,
            committed: true,
        }),
        prev: Some(before),
        entries: vec![Entry {
            log_id: Some(log_id),
            payload: Some(Payload::Normal(Bytes::from_static(b"of a later version"))),
        }],
        leader_commit: Some(log_id),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committed_entry_that_cannot_be_read_stops_the_store_and_reads_go_on() {
    let mut cluster = Cluster::of(1).await;
    write(cluster.store(1), 1, "a", "1").await;
    let status = cluster.store(1).status();
    let last = LogId {
        term: status.term,
        node_id: 1,
        index: status.last_log_index,
    };
    let append = entry_of_a_later_version(status.term + 1, last);
    // The answer may be lost with the core that would give it.
    let _ = cluster.client("c1", 2, 1).append_once(append).await;

    let store = cluster.store(1);
    let mut stopped = store.stopped();
    let reason = tokio::time::timeout(DEADLINE, stopped.wait_for(Option::is_some)).await;
    let reason = reason.unwrap().unwrap().clone().unwrap();
    assert!(reason.contains("cannot be read by this version"), "{reason}");
    assert_eq!(store.status().role, "stopped");
    assert_eq!(store.status().stopped, Some(reason));

    let begun = Instant::now();
    let refused = store
        .propose(txn(2, Vec::new(), vec![put("b", "1")]), DEADLINE)
        .await
        .unwrap_err();
    assert!(matches!(refused, ProposeError::Stopped(_)), "{refused}");
    let refused = store.linearize(DEADLINE).await.unwrap_err();
    assert!(matches!(refused, ReadError::Stopped(_)), "{refused}");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "a stopped store must say so at once"
    );
    assert_eq!(value_of(store, "a"), Some("1".into()));

    cluster.kill(1).await;
    let refused = cluster.try_start(1).await.unwrap_err().to_string();
    assert!(refused.contains("cannot be read by this version"), "{refused}");
}

/// Its last words are that it runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_core_that_panicked_counts_as_stopped() {
    let cluster = Cluster::of(1).await;
    write(cluster.store(1), 1, "a", "1").await;
    let store = cluster.store(1);
    // openraft takes a snapshot from the future of its leader for a sign of corruption.
    let future = LogId {
        term: 60,
        node_id: 2,
        index: 10_000,
    };
    let parts = [header(50, future), Part::End(SnapshotEnd::default())];
    let parts = parts.map(|part| SnapshotPart { part: Some(part) });
    let _ = cluster
        .client(CLUSTER, 2, 1)
        .snapshot(tokio_stream::iter(parts))
        .await;
    let reason = until("it is known that it stopped", async || store.status().stopped).await;
    assert!(reason.contains("panic"), "{reason}");
    let refused = store
        .propose(txn(2, Vec::new(), vec![put("b", "1")]), DEADLINE)
        .await;
    assert!(matches!(refused, Err(ProposeError::Stopped(_))), "{refused:?}");
    assert_eq!(value_of(store, "a"), Some("1".into()));
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_told_to_stop_says_so_and_can_be_read() {
    let cluster = Cluster::of(1).await;
    write(cluster.store(1), 1, "a", "1").await;
    let store = cluster.store(1);
    store.stop().await;
    until("it is known that it stopped", async || store.status().stopped).await;
    let refused = store
        .propose(txn(2, Vec::new(), vec![put("b", "1")]), DEADLINE)
        .await
        .unwrap_err();
    assert!(matches!(refused, ProposeError::Stopped(_)), "{refused}");
    assert_eq!(value_of(store, "a"), Some("1".into()));
    cluster.end().await;
}
