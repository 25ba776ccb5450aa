//! A change set larger than an entry, on three nodes: one revision, one digest, also for who was away.

use crate::cluster::{Cluster, put, txn, value_of};
use std::time::Duration;
use troop_txn::{Guard, Op, Outcome, Revision, StageId, Store, stage};

const STAGE: StageId = StageId::from_bits(7);
const BOXES: u32 = 4;
const WITHIN: Duration = Duration::from_secs(30);

async fn propose(cluster: &Cluster, at: u64, sequence: u64, guards: Vec<Guard>, ops: Vec<Op>) -> Outcome {
    let outcome = cluster
        .store(at)
        .propose(txn(sequence, guards, ops), WITHIN)
        .await;
    outcome.unwrap()
}

async fn lay_boxes(cluster: &Cluster, at: u64) {
    for number in 0..BOXES {
        let ops: Vec<_> = (0..200)
            .map(|n| put(&format!("{number}-{n}"), vec![b'x'; 2_000]))
            .collect();
        let lay = Op::Put {
            key: STAGE.box_key(number),
            value: stage::pack(&ops).unwrap(),
        };
        let outcome = propose(cluster, at, u64::from(number), Vec::new(), vec![lay]).await;
        assert!(matches!(outcome, Outcome::Applied(_)));
    }
}

async fn unstage(cluster: &Cluster, at: u64, sequence: u64, since: Revision) -> Outcome {
    let guards = STAGE.all_present(BOXES).chain([Guard::UnchangedSince(since)]);
    let ops = vec![Op::Unstage { stage: STAGE.boxes() }];
    propose(cluster, at, sequence, guards.collect(), ops).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_staged_change_set_is_visible_at_one_revision_on_every_node() {
    let mut cluster = Cluster::of(3).await;
    let follower = cluster.follower().await;
    let away = cluster.ids().into_iter().find(|id| *id != follower).unwrap();
    let since = cluster.agree().await.revision;
    cluster.stop(away).await;
    lay_boxes(&cluster, follower).await;
    assert_eq!(value_of(cluster.store(follower), "0-0"), None);
    let Outcome::Applied(revision) = unstage(&cluster, follower, 100, since).await else {
        panic!("refused");
    };
    cluster.start(away).await;
    let notes = cluster.agree().await;
    assert_eq!(notes.revision, revision);
    for id in cluster.ids() {
        let store = cluster.store(id);
        assert!(value_of(store, "3-199").is_some());
        let page = store.events(since, 1).unwrap();
        assert_eq!((page.events.len(), page.upto), (800, revision));
    }
    // A retry of the last word gets its answer.
    assert_eq!(
        unstage(&cluster, follower, 100, since).await,
        Outcome::Applied(revision)
    );
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_written_meanwhile_refuses_a_staged_change_set() {
    let cluster = Cluster::of(3).await;
    let at = cluster.follower().await;
    let since = cluster.agree().await.revision;
    lay_boxes(&cluster, at).await;
    propose(&cluster, at, 50, Vec::new(), vec![put("other", "value")]).await;
    let outcome = unstage(&cluster, at, 100, since).await;
    assert!(matches!(outcome, Outcome::Refused { .. }));
    assert_eq!(value_of(cluster.store(at), "0-0"), None);
    cluster.agree().await;
    cluster.end().await;
}
