//! Nodes that come back.

use crate::{
    cluster::{Cluster, SHORT, put, txn, value_of, write},
    until::until,
};
use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};
use tokio::task::JoinSet;
use troop_raft_store::{OpenError, disk::DiskError};
use troop_txn::Outcome;

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_follower_catches_up() {
    let mut cluster = Cluster::of(3).await;
    let away = cluster.follower().await;
    cluster.stop(away).await;
    let here = cluster.ids()[0];
    for sequence in 1..=20 {
        write(cluster.store(here), sequence, &sequence.to_string(), "1").await;
    }
    cluster.start(away).await;
    cluster.agree().await;
    assert_eq!(value_of(cluster.store(away), "20"), Some("1".into()));
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_all_nodes_were_killed_at_once() {
    let mut cluster = Cluster::of(3).await;
    static ACKNOWLEDGED: AtomicU64 = AtomicU64::new(0);
    let mut writers = JoinSet::new();
    for writer in 0..3 {
        let store = cluster.port(1 + writer);
        writers.spawn(async move {
            let mut done = Vec::new();
            for sequence in (writer * 10_000).. {
                let record = txn(sequence, Vec::new(), vec![put(&sequence.to_string(), "1")]);
                match store.propose(record, SHORT).await {
                    Ok(Outcome::Applied(revision)) => done.push((sequence, revision)),
                    _ => return done,
                }
                ACKNOWLEDGED.fetch_add(1, Ordering::Relaxed);
            }
            done
        });
    }
    until("writes are under way", async || {
        (ACKNOWLEDGED.load(Ordering::Relaxed) >= 60).then_some(())
    })
    .await;
    cluster.kill_all().await;
    let acknowledged: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    assert!(acknowledged.len() >= 60);
    for id in 1..=3 {
        cluster.start(id).await;
    }
    let notes = cluster.agree().await;
    for (sequence, revision) in acknowledged {
        assert!(revision <= notes.revision);
        for id in cluster.ids() {
            let found = value_of(cluster.store(id), &sequence.to_string());
            assert_eq!(
                found,
                Some("1".into()),
                "record {sequence} of {revision} is lost on node {id}"
            );
        }
    }
    cluster.end().await;
}

/// A power cut takes from the state what was never synced; the log has it.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_fell_behind_is_brought_up_to_date_from_the_log() {
    let mut cluster = Cluster::of(1).await;
    write(cluster.store(1), 1, "a", "1").await;
    cluster.stop(1).await;
    let (state, kept) = (cluster.dir(1).join("state-1"), cluster.dir(1).join("kept"));
    copy(&state, &kept);
    cluster.start(1).await;
    write(cluster.store(1), 2, "b", "1").await;
    write(cluster.store(1), 3, "a", "2").await;
    let before = cluster.agree().await;
    cluster.stop(1).await;
    fs::remove_dir_all(&state).unwrap();
    fs::rename(&kept, &state).unwrap();
    cluster.start(1).await;
    let after = cluster.agree().await;
    assert_eq!(after, before);
    assert_eq!(value_of(cluster.store(1), "a"), Some("2".into()));
    cluster.end().await;
}

/// As when the machine of one node is restored from an old image.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_disk_was_set_back_is_filled_up_and_the_leader_goes_on() {
    let mut cluster = Cluster::of(3).await;
    write(cluster.store(1), 1, "a", "1").await;
    cluster.agree().await;
    let leader = cluster.leader().await;
    let victim = cluster.follower().await;
    cluster.stop(victim).await;
    let image = cluster.dir(victim).with_extension("image");
    copy(&cluster.dir(victim), &image);
    cluster.start(victim).await;
    for sequence in 2..=30 {
        write(cluster.store(leader), sequence, "a", sequence.to_string()).await;
    }
    cluster.agree().await;
    cluster.stop(victim).await;
    fs::remove_dir_all(cluster.dir(victim)).unwrap();
    fs::rename(&image, cluster.dir(victim)).unwrap();
    cluster.start(victim).await;
    cluster.agree().await;
    assert_eq!(value_of(cluster.store(victim), "a"), Some("30".into()));
    assert_eq!(cluster.store(leader).status().stopped, None);
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_starts_from_its_disk_while_the_others_are_gone() {
    let mut cluster = Cluster::of(3).await;
    write(cluster.store(1), 1, "a", "1").await;
    cluster.agree().await;
    cluster.kill_all().await;
    cluster.start(2).await;
    assert_eq!(value_of(cluster.store(2), "a"), Some("1".into()));
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_store_on_one_directory_is_refused_by_name_and_the_first_goes_on() {
    let cluster = Cluster::of(1).await;
    let refused = cluster.start_twice(1).await;
    assert!(
        matches!(refused, OpenError::Disk(DiskError::InUse { .. })),
        "{refused}"
    );
    assert!(refused.to_string().contains("node-1"), "{refused}");
    write(cluster.store(1), 1, "a", "1").await;
    cluster.end().await;
}

/// Without its log a node would not know whom it voted for.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_without_its_log_is_refused_with_the_way_out() {
    let mut cluster = Cluster::of(1).await;
    write(cluster.store(1), 1, "a", "1").await;
    cluster.stop(1).await;
    fs::remove_dir_all(cluster.dir(1).join("raft")).unwrap();
    fs::remove_file(cluster.dir(1).join("SYNCED")).unwrap();
    let refused = cluster.try_start(1).await.unwrap_err().to_string();
    assert!(refused.contains("raft is damaged"), "{refused}");
    assert!(refused.contains("troop node remove"), "{refused}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (
            entry.as_ref().unwrap().path(),
            to.join(entry.unwrap().file_name()),
        );
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}
