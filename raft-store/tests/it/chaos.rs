//! Nodes that are killed and come back, one after another, while clients go on writing.

use crate::{
    cluster::{Cluster, key, put, txn, value_of},
    until::{DEADLINE, LOOK_INTERVAL, until},
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinSet, time::Instant};
use troop_raft_store::RaftStore;
use troop_txn::{EventBody, Guard, Outcome, Revision, Store, Txn};

const WRITERS: u64 = 4;
const KILLS: u64 = 6;
/// Writes between two kills.
const WRITES_BETWEEN: u64 = 25;
/// Longer than a connection to a dead node takes to fail, shorter than an election.
const ATTEMPT: Duration = Duration::from_millis(900);

/// What clients know of the cluster: where the nodes are now, which they look up anew for each try.
#[derive(Default)]
struct Doors {
    stores: Mutex<HashMap<u64, Weak<RaftStore>>>,
    acknowledged: AtomicU64,
    closing: AtomicBool,
}

impl Doors {
    fn open(&self, cluster: &Cluster, id: u64) {
        let store = Arc::downgrade(cluster.store(id));
        self.stores.lock().unwrap().insert(id, store);
    }

    fn store(&self, id: u64) -> Option<Arc<RaftStore>> {
        self.stores.lock().unwrap().get(&id).and_then(Weak::upgrade)
    }
}

/// Goes from door to door with one request until it is answered.
async fn ask_around(doors: &Doors, request: &Txn, first: u64) -> Outcome {
    let end = Instant::now() + DEADLINE;
    let mut pace = tokio::time::interval(LOOK_INTERVAL);
    for door in first.. {
        pace.tick().await;
        if let Some(store) = doors.store(1 + door % 3)
            && let Ok(outcome) = store.propose(request.clone(), ATTEMPT).await
        {
            return outcome;
        }
        assert!(Instant::now() < end, "nobody answers request {}", request.request);
    }
    unreachable!("doors do not end")
}

/// Writes new records, each by one request.
async fn write_on(doors: Arc<Doors>, writer: u64) -> Vec<(u64, Revision)> {
    let mut done = Vec::new();
    for sequence in writer * 1_000_000.. {
        if doors.closing.load(Ordering::Relaxed) {
            break;
        }
        let id = sequence.to_string();
        let request = txn(sequence, vec![Guard::Absent(key(&id))], vec![put(&id, "1")]);
        match ask_around(&doors, &request, sequence).await {
            Outcome::Applied(revision) => done.push((sequence, revision)),
            refused => panic!("request {sequence} was applied more than once: {refused:?}"),
        }
        doors.acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    done
}

/// Every record that was ever made, as the history has it.
fn created(store: &RaftStore) -> Vec<String> {
    let history = store.events(Revision::ZERO, usize::MAX >> 1).unwrap();
    let ids = history.events.iter().filter_map(|event| match &event.body {
        EventBody::Crud { id, .. } => String::from_utf8(id.to_vec()).ok(),
        EventBody::Broadcast { .. } => None,
    });
    ids.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nodes_are_killed_in_turn_every_request_is_applied_exactly_once() {
    let mut cluster = Cluster::of(3).await;
    let doors = Arc::new(Doors::default());
    for id in cluster.ids() {
        doors.open(&cluster, id);
    }
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write_on(Arc::clone(&doors), writer));
    }
    for round in 1..=KILLS {
        until("writes go on", async || {
            (doors.acknowledged.load(Ordering::Relaxed) >= round * WRITES_BETWEEN).then_some(())
        })
        .await;
        // Every other time the leader.
        let leader = cluster.leader().await;
        let victim = if round % 2 == 0 { leader } else { 1 + leader % 3 };
        cluster.kill(victim).await;
        until("nobody is left at its door", async || {
            cluster.try_start(victim).await.ok()
        })
        .await;
        doors.open(&cluster, victim);
    }
    doors.closing.store(true, Ordering::Relaxed);
    let mut acknowledged: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    cluster.agree().await;
    for id in cluster.ids() {
        let store = cluster.store(id);
        for (sequence, _) in &acknowledged {
            assert_eq!(
                value_of(store, &sequence.to_string()),
                Some("1".into()),
                "{sequence} is lost"
            );
        }
    }
    acknowledged.sort_by_key(|(_, revision)| *revision);
    let written: Vec<_> = acknowledged
        .iter()
        .map(|(sequence, _)| sequence.to_string())
        .collect();
    assert_eq!(
        created(cluster.store(1)),
        written,
        "the history is not what was acknowledged"
    );
    cluster.end().await;
}
