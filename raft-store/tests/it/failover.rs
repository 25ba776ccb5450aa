//! Nodes that go, and what the others do about it.

use crate::{
    cluster::{Cluster, SHORT, put, txn, value_of, write},
    until::{DEADLINE, until},
};
use std::time::Instant;
use troop_txn::{ProposeError, ReadError, Store};

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leader_is_killed_another_leads_and_writes_resume() {
    let mut cluster = Cluster::of(3).await;
    write(cluster.store(1), 1, "a", "1").await;
    let old = cluster.leader().await;
    cluster.kill(old).await;
    let survivor = cluster.ids()[0];
    write(cluster.store(survivor), 2, "b", "1").await;
    let new = cluster.leader().await;
    assert_ne!(new, old);
    cluster.start(old).await;
    cluster.agree().await;
    for id in ["a", "b"] {
        assert_eq!(value_of(cluster.store(old), id), Some("1".into()));
    }
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leadership_can_be_handed_over_and_the_old_leader_forwards_from_then_on() {
    let cluster = Cluster::of(3).await;
    let old = cluster.leader().await;
    let chosen = cluster.follower().await;
    until("the chosen node takes over", async || {
        cluster.store(old).hand_over(chosen, DEADLINE).await.ok()
    })
    .await;
    write(cluster.store(old), 1, "a", "1").await;
    cluster.agree().await;
    cluster.end().await;
}

/// The old leader takes no writes from then on.
#[tokio::test(flavor = "multi_thread")]
async fn a_hand_over_to_a_dead_node_costs_an_election_and_no_write() {
    let mut cluster = Cluster::of(3).await;
    write(cluster.store(1), 1, "a", "1").await;
    let (leader, dead) = (cluster.leader().await, cluster.follower().await);
    cluster.kill(dead).await;
    let refused = cluster.store(leader).hand_over(dead, SHORT).await.unwrap_err();
    assert!(refused.to_string().contains("did not take over"), "{refused}");
    write(cluster.store(leader), 2, "b", "1").await;
    cluster.start(dead).await;
    cluster.agree().await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_quorum_writes_and_linearizable_reads_end_by_their_deadline_and_local_reads_go_on() {
    let mut cluster = Cluster::of(3).await;
    write(cluster.store(1), 1, "a", "1").await;
    cluster.agree().await;
    for id in [2, 3] {
        cluster.kill(id).await;
    }
    let store = cluster.store(1);
    // It may yet win an election with a vote that was given before, and then lead for as long as a lease.
    let mut sequence = 1;
    until("the last node knows that it is alone", async || {
        sequence += 1;
        let lost = txn(sequence, Vec::new(), vec![put("lost", "1")]);
        let refused = store.propose(lost, SHORT).await.unwrap_err();
        matches!(refused, ProposeError::Unavailable(_)).then_some(())
    })
    .await;
    let begun = Instant::now();
    let refused = store
        .propose(txn(1_000, Vec::new(), vec![put("b", "1")]), SHORT)
        .await;
    // It may win another such lease meanwhile; then it cannot know, and must not say that nothing happened.
    assert!(
        matches!(
            refused,
            Err(ProposeError::Unavailable(_) | ProposeError::Unknown { .. })
        ),
        "{refused:?}"
    );
    let refused = store.linearize(SHORT).await.unwrap_err();
    assert!(matches!(refused, ReadError::Unavailable(_)), "{refused}");
    assert!(
        begun.elapsed() < 10 * SHORT,
        "the deadlines were overrun: {:?}",
        begun.elapsed()
    );
    assert_eq!(value_of(store, "a"), Some("1".into()));
    assert_eq!(value_of(store, "b"), None);
    cluster.start(2).await;
    write(cluster.store(1), 1_000, "b", "1").await;
    cluster.agree().await;
    cluster.end().await;
}
