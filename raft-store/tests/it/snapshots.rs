//! A node that was away for longer than the log reaches back.

use crate::{
    cluster::{CLUSTER, Cluster, put, txn, value_of, write},
    until::{DEADLINE, until},
};
use bytes::Bytes;
use std::fs;
use tokio_stream::iter;
use tonic::Code;
use troop_proto::peer::{
    LogId, Member, Membership, SnapshotBlock, SnapshotEnd, SnapshotHeader, SnapshotPart, StoredMembership,
    Vote, VoterSet, snapshot_part::Part,
};
use troop_raft_store::{Options, disk::stream::FORMAT};
use troop_txn::{EventBody, EventsError, Op, Revision, Store, Subscription};

/// Snapshots often, keeps hardly any log.
fn forgetful(options: &mut Options) {
    options.snapshot_every_entries = 20;
    options.log_keep_entries = 2;
}

/// A node was away while `change` happened and needs a snapshot to come back. Gives the cluster, that node, and where it was.
async fn away_while(change: impl AsyncFnOnce(&Cluster)) -> (Cluster, u64, Revision) {
    let mut cluster = Cluster::with(3, forgetful).await;
    let away = cluster.follower().await;
    let first = cluster.ids()[0];
    write(cluster.store(first), 1, "before", "1").await;
    let seen = cluster.agree().await.revision;
    cluster.stop(away).await;
    change(&cluster).await;
    cluster.start(away).await;
    cluster.agree().await;
    assert_eq!(
        current_state(&cluster, away),
        "state-2",
        "it came back without a snapshot"
    );
    (cluster, away, seen)
}

fn current_state(cluster: &Cluster, id: u64) -> String {
    fs::read_to_string(cluster.dir(id).join("STATE")).unwrap()
}

async fn write_many(cluster: &Cluster) {
    let here = cluster.store(cluster.ids()[0]);
    for sequence in 100..160 {
        write(here, sequence, &sequence.to_string(), "1").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_away_too_long_gets_a_snapshot_and_is_equal_then() {
    let (mut cluster, away, _) = away_while(write_many).await;
    assert_eq!(value_of(cluster.store(away), "159"), Some("1".into()));
    // Equal also in what only a retry can tell: the answers that were kept.
    let retried = write(cluster.store(away), 130, "130", "again").await;
    assert!(
        retried < cluster.agree().await.revision,
        "an old request was applied anew"
    );
    write(cluster.store(away), 200, "after", "1").await;
    let before = cluster.agree().await;
    cluster.stop(away).await;
    cluster.start(away).await;
    assert_eq!(cluster.agree().await, before);
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_goes_on_across_a_snapshot_without_a_gap() {
    let (cluster, away, seen) = away_while(write_many).await;
    let mut subscription = Subscription::new(cluster.port(away), seen);
    let upto = cluster.store(away).notes().unwrap().revision;
    let mut heard = Vec::new();
    while subscription.position() < upto {
        let page = tokio::time::timeout(DEADLINE, subscription.next()).await;
        heard.extend(page.unwrap().unwrap().unwrap().events);
    }
    let ids = heard.iter().map(|event| match &event.body {
        EventBody::Crud { id, .. } => String::from_utf8(id.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    });
    let written = (100..160).map(|sequence: u64| sequence.to_string());
    assert_eq!(ids.collect::<Vec<_>>(), written.collect::<Vec<_>>());
    drop(subscription);
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_whose_place_was_compacted_meanwhile_is_told_so() {
    let (cluster, away, seen) = away_while(async |cluster| {
        write_many(cluster).await;
        let here = cluster.store(cluster.ids()[0]);
        let below = here.notes().unwrap().revision;
        let compact = txn(300, Vec::new(), vec![Op::CompactEvents { below }]);
        here.propose(compact, DEADLINE).await.unwrap();
        // So that the compaction is in the snapshot, or after it, and never between two of them.
        write(here, 301, "a", "1").await;
    })
    .await;
    let told = cluster.store(away).events(seen, 10).unwrap_err();
    assert!(matches!(told, EventsError::Compacted { .. }), "{told}");
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_as_large_as_an_entry_travel_in_a_snapshot() {
    let large = |n: u8| Bytes::from(vec![n; 1_000_000]);
    let (cluster, away, _) = away_while(async |cluster| {
        let here = cluster.store(cluster.ids()[0]);
        for n in 0..12 {
            // Twice: the event of the second holds both values.
            write(here, 400 + u64::from(n), &n.to_string(), large(n)).await;
            write(here, 500 + u64::from(n), &n.to_string(), large(n + 1)).await;
        }
        write_many(cluster).await;
    })
    .await;
    for n in 0..12 {
        assert_eq!(value_of(cluster.store(away), &n.to_string()), Some(large(n + 1)));
    }
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_process_left_half_done_is_swept() {
    let mut cluster = Cluster::of(1).await;
    write(cluster.store(1), 1, "a", "1").await;
    cluster.stop(1).await;
    let litter = ["incoming-3", "checkpoint-2", "state-7"].map(|name| cluster.dir(1).join(name));
    for dir in &litter {
        fs::create_dir(dir).unwrap();
        fs::write(dir.join("CURRENT"), "half").unwrap();
    }
    cluster.start(1).await;
    assert!(litter.iter().all(|dir| !dir.exists()));
    assert_eq!(value_of(cluster.store(1), "a"), Some("1".into()));
    cluster.end().await;
}

const LAST: LogId = LogId {
    term: 50,
    node_id: 2,
    index: 10_000,
};

/// As node 2 would send it as the leader of `term`.
pub fn header(term: u64, last: LogId) -> Part {
    let membership = Membership {
        configs: vec![VoterSet { node_ids: vec![1] }],
        members: vec![Member {
            node_id: 1,
            address: "node-1".into(),
        }],
    };
    Part::Header(SnapshotHeader {
        vote: Some(Vote {
            term,
            node_id: 2,
            committed: true,
        }),
        last_log_id: Some(last),
        membership: Some(StoredMembership {
            log_id: Some(last),
            membership: Some(membership),
        }),
        format: FORMAT,
    })
}

fn block(ordinal: u64) -> Part {
    Part::Block(SnapshotBlock {
        ordinal,
        frame: Bytes::from_static(b"not a block"),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_snapshot_is_refused_and_leaves_nothing_behind() {
    let cluster = Cluster::of(1).await;
    write(cluster.store(1), 1, "a", "1").await;
    let end = Part::End(SnapshotEnd { blocks: 3, rows: 3 });
    let newer = Part::Header(SnapshotHeader {
        format: FORMAT + 1,
        ..SnapshotHeader::default()
    });
    for (parts, code) in [
        (vec![end.clone()], Code::InvalidArgument),
        (vec![newer], Code::FailedPrecondition),
        (vec![header(50, LAST), block(0)], Code::Internal),
        (vec![header(50, LAST), block(1)], Code::Internal),
        (vec![header(50, LAST), header(50, LAST)], Code::InvalidArgument),
        (vec![header(50, LAST), end], Code::Internal),
        (vec![header(50, LAST)], Code::DataLoss),
    ] {
        let parts: Vec<_> = parts
            .into_iter()
            .map(|part| SnapshotPart { part: Some(part) })
            .collect();
        let refused = cluster
            .client(CLUSTER, 2, 1)
            .snapshot(iter(parts))
            .await
            .unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
    }
    let left = || fs::read_dir(cluster.dir(1)).unwrap().flatten();
    let incoming = || left().any(|entry| entry.file_name().to_string_lossy().starts_with("incoming"));
    until("what was received is removed", async || {
        (!incoming()).then_some(())
    })
    .await;
    write(cluster.store(1), 2, "a", "2").await;
    cluster.end().await;
}

/// The sender goes away in the middle; the next one must not find the place taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_broken_off_makes_room_for_the_next() {
    let cluster = Cluster::of(1).await;
    let (parts, receiver) = tokio::sync::mpsc::channel(4);
    parts
        .send(SnapshotPart {
            part: Some(header(50, LAST)),
        })
        .await
        .unwrap();
    let mut client = cluster.client(CLUSTER, 2, 1);
    let sending = tokio::spawn(async move {
        client
            .snapshot(tokio_stream::wrappers::ReceiverStream::new(receiver))
            .await
    });
    let incoming = cluster.dir(1).join("incoming-1");
    until("it is being received", async || incoming.exists().then_some(())).await;
    let refused = cluster
        .client(CLUSTER, 2, 1)
        .snapshot(iter(Vec::new()))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    sending.abort();
    drop(parts);
    until("its place is free", async || {
        let refused = cluster
            .client(CLUSTER, 2, 1)
            .snapshot(iter(Vec::new()))
            .await
            .unwrap_err();
        (refused.code() == Code::DataLoss && !incoming.exists()).then_some(())
    })
    .await;
    write(cluster.store(1), 1, "a", "1").await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_under_way_while_snapshots_are_taken_are_all_answered() {
    let cluster = Cluster::with(1, forgetful).await;
    let store = cluster.store(1);
    let writes =
        (1..=200).map(|n| store.propose(txn(n, Vec::new(), vec![put("a", n.to_string())]), DEADLINE));
    for outcome in futures_util::future::join_all(writes).await {
        outcome.unwrap();
    }
    cluster.end().await;
}
