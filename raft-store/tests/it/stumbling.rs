//! A node stumbles at a storage step: it panics there, is told of an error, or stands still. Nothing acknowledged may be lost over it, and
//! nobody may go on as if nothing had happened.
//!
//! One cluster per step, all at once, for most of the time is waited. What is read as "the store stopped" is what the node itself says:
//! a store that is dead and does not know it would lead on for ever.

use crate::{
    cluster::{CLUSTER, Cluster, put, txn, value_of},
    snapshots::header,
    until::{DEADLINE, LOOK_INTERVAL, until},
};
use futures_util::{FutureExt, future::join_all};
use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tonic::Code;
use troop_proto::peer::{LogId, SnapshotEnd, SnapshotPart, snapshot_part::Part};
use troop_raft_store::{
    Options,
    options::INSTALL_WAIT,
    step::{Side, Step},
};
use troop_txn::{Outcome, Store};

/// Longer than a lease and shorter than two: the others may elect somebody else, and need not.
const STALL: Duration = Duration::from_millis(900);
/// Longer than a connection to a dead node takes to fail, shorter than an election.
const ATTEMPT: Duration = Duration::from_millis(900);
/// Enough entries for a snapshot of a [`forgetful`] node.
const MANY: u64 = 30;

/// How a node stumbles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Panic,
    Error,
    Delay,
}

/// What becomes of its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Stops,
    GoesOn,
}

/// Whose step it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Leader,
    Follower,
    /// Of the leader before a panic, of a follower before an error: each kind of node comes to it.
    Either,
}

/// What brings a node to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Write,
    HandOver,
    ChangeMembers,
    /// A follower comes back that needs a snapshot.
    Return,
}

struct Row {
    step: Step,
    whose: Whose,
    way: Way,
    on_panic: Then,
    on_error: Then,
}

const fn row(step: Step, whose: Whose, way: Way, on_panic: Then, on_error: Then) -> Row {
    Row {
        step,
        whose,
        way,
        on_panic,
        on_error,
    }
}

const TABLE: [Row; 10] = [
    row(
        Step::Vote,
        Whose::Follower,
        Way::HandOver,
        Then::Stops,
        Then::Stops,
    ),
    row(Step::Append, Whose::Either, Way::Write, Then::Stops, Then::Stops),
    row(Step::Sync, Whose::Either, Way::Write, Then::Stops, Then::Stops),
    row(Step::Apply, Whose::Either, Way::Write, Then::Stops, Then::Stops),
    // A snapshot that was not taken is taken later.
    row(
        Step::Checkpoint,
        Whose::Either,
        Way::Write,
        Then::GoesOn,
        Then::GoesOn,
    ),
    // Sent again.
    row(Step::Send, Whose::Leader, Way::Return, Then::GoesOn, Then::GoesOn),
    row(
        Step::Install,
        Whose::Follower,
        Way::Return,
        Then::Stops,
        Then::Stops,
    ),
    row(
        Step::Rename,
        Whose::Follower,
        Way::Return,
        Then::Stops,
        Then::Stops,
    ),
    row(Step::Purge, Whose::Either, Way::Write, Then::Stops, Then::Stops),
    row(
        Step::Membership,
        Whose::Either,
        Way::ChangeMembers,
        Then::Stops,
        Then::Stops,
    ),
];

/// A trap on one side of a step of one node. It snaps once.
struct Trap {
    point: String,
    error: String,
    visits: Arc<AtomicU64>,
}

impl Trap {
    fn set(step: Step, side: Side, action: Action, dir: &Path) -> Trap {
        let trap = Trap {
            point: step.name(side, dir),
            error: step.error_name(side, dir),
            visits: Arc::default(),
        };
        if action == Action::Error {
            fail::cfg(&*trap.error, "1*return").unwrap();
        }
        let visits = Arc::clone(&trap.visits);
        let snap = move || match (visits.fetch_add(1, Ordering::SeqCst), action) {
            // Without the hook that would print it.
            (0, Action::Panic) => resume_unwind(Box::new("failpoint")),
            (0, Action::Delay) => thread::sleep(STALL),
            _ => {}
        };
        fail::cfg_callback(&*trap.point, snap).unwrap();
        trap
    }

    fn snapped(&self) -> bool {
        self.visits.load(Ordering::SeqCst) > 0
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        fail::remove(&*self.point);
        fail::remove(&*self.error);
    }
}

/// Snapshots often, keeps hardly any log.
fn forgetful(options: &mut Options) {
    options.snapshot_every_entries = 20;
    options.log_keep_entries = 2;
}

/// A cluster and what it has acknowledged.
struct Scene {
    cluster: Cluster,
    acknowledged: u64,
}

impl Scene {
    /// Writes one record, going from node to node until one answers.
    async fn write(&mut self) {
        let sequence = self.acknowledged + 1;
        let id = sequence.to_string();
        let request = txn(sequence, Vec::new(), vec![put(&id, "1")]);
        let (end, nodes) = (Instant::now() + DEADLINE, self.cluster.ids());
        for turn in 0.. {
            let door = self.cluster.store(nodes[turn % nodes.len()]);
            match door.propose(request.clone(), ATTEMPT).await {
                Ok(Outcome::Applied(_)) => break,
                Ok(refused) => panic!("an unguarded write was refused: {refused:?}"),
                Err(error) => assert!(Instant::now() < end, "nobody takes a write: {error}"),
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        self.acknowledged = sequence;
    }

    async fn victim(&self, whose: Whose, action: Action) -> u64 {
        let leads = match whose {
            Whose::Leader => true,
            Whose::Follower => false,
            Whose::Either => action == Action::Panic,
        };
        if leads {
            self.cluster.leader().await
        } else {
            self.cluster.follower().await
        }
    }

    /// Does what brings a node to its step until it came there.
    async fn lead_to(&mut self, way: Way, trap: &Trap) {
        let end = Instant::now() + DEADLINE;
        while !trap.snapped() {
            assert!(Instant::now() < end, "nobody came to {}", trap.point);
            match way {
                Way::Write => self.write().await,
                Way::HandOver => self.hand_over().await,
                Way::ChangeMembers => self.change_members().await,
                Way::Return => tokio::time::sleep(LOOK_INTERVAL).await,
            }
        }
    }

    async fn hand_over(&self) {
        for id in self.cluster.ids() {
            let next = 1 + id % 3;
            // Only the leader does anything; whether it succeeds is not what is asked here.
            let _ = self.cluster.store(id).hand_over(next, STALL).await;
        }
    }

    /// A learner that nobody started comes and goes.
    async fn change_members(&self) {
        for id in self.cluster.ids() {
            let store = self.cluster.store(id);
            let change = async {
                store.add_learner(9, "node-9").await?;
                store.expel(9).await
            };
            // Only the leader does anything; whether it succeeds is not what is asked here.
            let _ = tokio::time::timeout(STALL, change).await;
        }
    }

    /// A follower is away while so much is written that it needs a snapshot, and comes back; it or the leader stumbles over that.
    async fn send_away(&mut self, whose: Whose) -> (u64, u64) {
        let away = self.cluster.follower().await;
        self.cluster.kill(away).await;
        for _ in 0..MANY {
            self.write().await;
        }
        let victim = match whose {
            Whose::Leader => self.cluster.leader().await,
            Whose::Follower | Whose::Either => away,
        };
        (away, victim)
    }

    async fn start(&mut self, id: u64) {
        until("nothing is left of the earlier life", async || {
            self.cluster.try_start(id).await.ok()
        })
        .await;
    }

    /// All that was acknowledged is on every node, and nothing else differs either.
    async fn must_be_whole(&mut self, case: &str) {
        self.write().await;
        self.cluster.agree().await;
        for id in self.cluster.ids() {
            for sequence in 1..=self.acknowledged {
                let value = value_of(self.cluster.store(id), &sequence.to_string());
                assert_eq!(value, Some("1".into()), "{case}: node {id} lost write {sequence}");
            }
        }
    }

    /// One stumble, what came of it, and a new start.
    async fn stumble(&mut self, row: &Row, side: Side, action: Action) {
        let case = format!("{action:?} {side:?} {:?}", row.step);
        let (away, victim) = match row.way {
            Way::Return => {
                let (away, victim) = self.send_away(row.whose).await;
                (Some(away), victim)
            }
            _ => (None, self.victim(row.whose, action).await),
        };
        let trap = Trap::set(row.step, side, action, &self.cluster.dir(victim));
        if let Some(away) = away {
            self.start(away).await;
        }
        self.lead_to(row.way, &trap).await;
        let expected = match action {
            Action::Panic => row.on_panic,
            Action::Error => row.on_error,
            Action::Delay => Then::GoesOn,
        };
        let readable = value_of(self.cluster.store(victim), "1");
        assert!(
            readable.is_some() || away.is_some(),
            "{case}: what is applied stays readable"
        );
        match expected {
            Then::Stops => {
                let what = format!("{case}: the store says that it has stopped");
                until(&what, async || self.cluster.store(victim).status().stopped).await;
                self.write().await;
                self.cluster.kill(victim).await;
                drop(trap);
                self.start(victim).await;
            }
            Then::GoesOn => {
                self.write().await;
                let stopped = self.cluster.store(victim).status().stopped;
                assert_eq!(stopped, None, "{case}: the store stopped");
            }
        }
        self.must_be_whole(&case).await;
    }
}

async fn check(row: &Row) {
    let mut scene = Scene {
        cluster: Cluster::with(3, forgetful).await,
        acknowledged: 0,
    };
    scene.write().await;
    // A majority has it; who stumbles next must have applied it, too, to be asked for it.
    scene.cluster.agree().await;
    for side in [Side::Before, Side::After] {
        for action in [Action::Panic, Action::Error, Action::Delay] {
            scene.stumble(row, side, action).await;
        }
    }
    scene.cluster.end().await;
}

/// openraft does not survive an installed snapshot that overtakes what is still being applied.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_refused_while_committed_entries_wait_to_be_applied() {
    let cluster = Cluster::of(1).await;
    let store = cluster.store(1);
    assert_eq!(cluster.leader().await, 1);
    let point = Step::Apply.name(Side::Before, &cluster.dir(1));
    fail::cfg(&*point, &format!("1*sleep({})", 2 * INSTALL_WAIT.as_millis())).unwrap();
    let begun = Instant::now();
    let (written, refused) = futures_util::join!(
        store.propose(txn(1, Vec::new(), vec![put("1", "1")]), DEADLINE),
        async {
            until("it is committed", async || {
                let status = store.status();
                (status.last_log_index > status.applied_index).then_some(())
            })
            .await;
            cluster
                .client(CLUSTER, 2, 1)
                .snapshot(tokio_stream::iter(empty_snapshot()))
                .await
        }
    );
    fail::remove(&*point);
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    assert!(begun.elapsed() >= INSTALL_WAIT, "it was not waited for");
    assert!(matches!(written, Ok(Outcome::Applied(_))), "{written:?}");
    cluster.end().await;
}

/// A snapshot with nothing in it, from the leader of a later term.
fn empty_snapshot() -> Vec<SnapshotPart> {
    let last = LogId {
        term: 50,
        node_id: 2,
        index: 10_000,
    };
    [header(50, last), Part::End(SnapshotEnd::default())]
        .map(|part| SnapshotPart { part: Some(part) })
        .into()
}

#[test]
fn every_step_is_in_the_table() {
    assert_eq!(TABLE.map(|row| row.step), Step::ALL);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_an_error_or_a_stall_at_any_storage_step_loses_nothing_and_is_not_kept_quiet() {
    // Each to its end: the others' findings count, too.
    let checks = TABLE
        .iter()
        .map(|row| AssertUnwindSafe(check(row)).catch_unwind());
    let ends = join_all(checks).await;
    let failed: Vec<Step> = TABLE
        .iter()
        .zip(ends)
        .filter(|(_, end)| end.is_err())
        .map(|(row, _)| row.step)
        .collect();
    assert_eq!(failed, Vec::new());
}
