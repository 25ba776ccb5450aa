//! What a write promises, whichever node it is given to.

use crate::{
    cluster::{Cluster, key, put, txn, value_of, write},
    until::DEADLINE,
};
use bytes::Bytes;
use tokio::task::JoinSet;
use troop_proto::peer::{ProposeRequest, propose_reply::Result as Proposed};
use troop_txn::{Guard, Op, Outcome, ProposeError, Revision, Store, codec, entry::ENTRY_MAX_BYTES};

#[tokio::test(flavor = "multi_thread")]
async fn a_write_through_a_follower_is_applied_on_every_node() {
    let cluster = Cluster::of(3).await;
    let follower = cluster.follower().await;
    let revision = write(cluster.store(follower), 1, "a", "1").await;
    let notes = cluster.agree().await;
    assert_eq!(notes.revision, revision);
    for id in cluster.ids() {
        assert_eq!(value_of(cluster.store(id), "a"), Some("1".into()));
    }
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linearizable_read_at_any_node_sees_what_any_other_acknowledged() {
    let cluster = Cluster::of(3).await;
    for sequence in 1..=30 {
        let (writer, reader) = (1 + sequence % 3, 1 + (sequence / 3) % 3);
        let value = sequence.to_string();
        let revision = write(cluster.store(writer), sequence, "a", value.clone()).await;
        let reader = cluster.store(reader);
        let seen = reader.linearize(DEADLINE).await.unwrap();
        assert!(
            seen >= revision,
            "{seen} was read after {revision} was acknowledged"
        );
        assert_eq!(value_of(reader, "a"), Some(value.into()));
    }
    cluster.agree().await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retried_request_is_applied_once_even_through_another_node() {
    let cluster = Cluster::of(3).await;
    // A second application would find the key taken and say so.
    let request = || txn(1, vec![Guard::Absent(key("a"))], vec![put("a", "1")]);
    let mut outcomes = Vec::new();
    for id in cluster.ids() {
        outcomes.push(cluster.store(id).propose(request(), DEADLINE).await.unwrap());
    }
    let first = outcomes[0];
    assert!(matches!(first, Outcome::Applied(_)), "{first:?}");
    assert_eq!(outcomes, [first; 3]);
    let history = cluster.store(1).events(Revision::ZERO, 10).unwrap();
    assert_eq!(history.events.len(), 1);
    cluster.agree().await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_writers_who_want_one_name_exactly_one_gets_it() {
    let cluster = Cluster::of(3).await;
    let mut writers = JoinSet::new();
    for sequence in 1..=24 {
        let store = cluster.port(1 + sequence % 3);
        let wanted = txn(
            sequence,
            vec![Guard::Absent(key("a"))],
            vec![put("a", sequence.to_string())],
        );
        writers.spawn(async move { store.propose(wanted, DEADLINE).await.unwrap() });
    }
    let outcomes = writers.join_all().await;
    let winners = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Outcome::Applied(_)));
    assert_eq!(winners.count(), 1, "{outcomes:?}");
    cluster.agree().await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_larger_than_an_entry_is_refused_where_it_is_made() {
    let cluster = Cluster::of(1).await;
    let large = txn(1, Vec::new(), vec![put("a", vec![0; ENTRY_MAX_BYTES])]);
    let refused = cluster.store(1).propose(large, DEADLINE).await.unwrap_err();
    assert!(matches!(refused, ProposeError::TooLarge { .. }), "{refused}");
    cluster.end().await;
}

/// An entry in the log is applied by every node. What no node could read, or store, must not get there, even from a peer.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_peer_forwards_is_opened_before_it_gets_into_the_log() {
    let cluster = Cluster::of(1).await;
    write(cluster.store(1), 1, "a", "1").await;
    let large = codec::pack(&txn(2, Vec::new(), vec![put("b", vec![0; ENTRY_MAX_BYTES])])).unwrap();
    for (bytes, reason) in [
        (b"nonsense".to_vec(), "cannot read"),
        (large, "more than one entry"),
    ] {
        let request = ProposeRequest {
            txn: Bytes::from(bytes),
        };
        let reply = cluster.client("c1", 2, 1).propose(request).await.unwrap();
        let Some(Proposed::Refused(refused)) = reply.into_inner().result else {
            panic!("it was not refused")
        };
        assert!(refused.contains(reason), "{refused}");
    }
    write(cluster.store(1), 3, "a", "2").await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nearly_full_disk_takes_only_deletes() {
    let mut cluster = Cluster::of(1).await;
    write(cluster.store(1), 1, "a", "1").await;
    cluster.stop(1).await;
    cluster
        .start_with(1, |options| options.disk_reserve_bytes = u64::MAX)
        .await;
    let store = cluster.store(1);
    cluster.leader().await;
    let more = txn(2, Vec::new(), vec![put("b", "1")]);
    let refused = store.propose(more, DEADLINE).await.unwrap_err();
    assert!(refused.to_string().contains("nearly full"), "{refused}");
    let less = txn(3, Vec::new(), vec![Op::Delete { key: key("a") }]);
    let outcome = store.propose(less, DEADLINE).await.unwrap();
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
    assert_eq!(value_of(store, "a"), None);
    cluster.end().await;
}
