//! The port over Raft: reads from the local state, writes through the leader.

mod confirm;
pub mod forward;
mod local;

pub use local::LocalWrite;

use crate::{
    disk::{DiskError, Layout, LogStore, StateDb},
    machine::{Machine, Progress},
    network::{Dialer, Network, hearing::Hearing},
    options::{self, Options},
    types::alias::Raft,
};
use futures_util::future::BoxFuture;
use openraft::{Config, Instant as _, SnapshotPolicy, async_runtime::WatchReceiver, error::Fatal};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use thiserror::Error;
use tokio::sync::{Semaphore, watch};
use troop_txn::{
    EventPage, EventsError, Outcome, ProposeError, ReadError, ReadView, Revision, Store, Txn, ViewError,
    machine::{self, Notes},
    memory::{ImageView, events_of},
};

/// The store did not open.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The disk failed or is damaged.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The options contradict each other.
    #[error("raft options: {0}")]
    Options(#[from] openraft::ConfigError),
    /// Raft did not start on what is on disk.
    #[error("starting raft: {0}")]
    Start(String),
}

/// What one node knows of Raft now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaftStatus {
    /// `leader`, `follower`, `candidate` or `learner`.
    pub role: &'static str,
    /// The leader, if one is known.
    pub leader: Option<u64>,
    /// The current term.
    pub term: u64,
    /// Index of the last entry of the log.
    pub last_log_index: u64,
    /// Index of the last applied entry.
    pub applied_index: u64,
    /// Whether writes can be taken: a follower hears its leader, a leader its quorum.
    pub quorum: bool,
    /// Why Raft has stopped, if it has.
    pub stopped: Option<String>,
}

/// One node's store.
pub struct RaftStore {
    raft: Raft,
    options: Options,
    cluster: String,
    state: StateDb,
    progress: Progress,
    network: Network,
    /// Room for proposals under way, in KiB.
    proposals: Semaphore,
    stopped: watch::Receiver<Option<String>>,
    hearing: Hearing,
    confirmation: confirm::Confirmation,
}

impl RaftStore {
    /// Opens the data directory and starts Raft on the runtime this is called on: one of its own, so that proxying cannot
    /// starve it.
    ///
    /// # Errors
    /// [`OpenError`]; nothing runs then.
    pub async fn open(
        options: Options,
        cluster: String,
        dialer: Arc<dyn Dialer>,
    ) -> Result<Arc<Self>, OpenError> {
        warn_of_a_short_log(&options);
        let layout = Layout::open(&options.data_dir)?;
        let state = StateDb::open(&layout)?;
        let log = LogStore::open(&layout, state.clone())?;
        let machine = Machine::open(state.clone())?;
        log.must_continue(machine.applied()?)?;
        let progress = machine.progress();
        let network = Network::new(dialer, cluster.clone(), options.node_id);
        let config = Arc::new(config(&options, &cluster).validate()?);
        let raft = Raft::new(options.node_id, config, network.clone(), log, machine)
            .await
            .map_err(|e| OpenError::Start(e.to_string()))?;
        let stopped = watch_over(&raft);
        Ok(Arc::new(RaftStore {
            raft,
            options,
            cluster,
            state,
            progress,
            network,
            proposals: Semaphore::new(options::PROPOSALS_MAX_BYTES >> 10),
            stopped,
            hearing: Hearing::new(),
            confirmation: confirm::Confirmation::default(),
        }))
    }

    /// This node's number.
    pub fn node_id(&self) -> u64 {
        self.options.node_id
    }

    /// The cluster it belongs to.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// What this node knows of Raft now.
    pub fn status(&self) -> RaftStatus {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let role = match metrics.state {
            openraft::ServerState::Leader => "leader",
            openraft::ServerState::Follower => "follower",
            openraft::ServerState::Candidate => "candidate",
            openraft::ServerState::Learner => "learner",
            openraft::ServerState::Shutdown => "stopped",
        };
        let voters = metrics.membership_config.membership().voter_ids().count();
        let acked = metrics
            .last_quorum_acked
            .as_ref()
            .is_some_and(|at| at.elapsed() < options::QUORUM_SILENCE_MAX);
        let leads = metrics.current_leader == Some(self.options.node_id);
        let leader = metrics
            .current_leader
            .filter(|_| leads || self.hearing.within(options::QUORUM_SILENCE_MAX));
        let quorum = if leads {
            voters == 1 || acked
        } else {
            leader.is_some()
        };
        let stopped = self.stopped_because();
        let runs = stopped.is_none();
        RaftStatus {
            quorum: quorum && runs,
            role: if runs { role } else { "stopped" },
            // A node that stopped does not hear of who leads.
            leader: leader.filter(|_| runs),
            term: metrics.current_term,
            last_log_index: metrics.last_log_index.unwrap_or_default(),
            applied_index: *self.progress.index.borrow(),
            stopped,
        }
    }

    /// Why Raft has stopped here, once it has. Reads of the local image go on, nothing else does: only a new start of the node
    /// brings it back.
    pub fn stopped(&self) -> watch::Receiver<Option<String>> {
        self.stopped.clone()
    }

    pub(crate) fn stopped_because(&self) -> Option<String> {
        // The watchman goes with his runtime, and Raft with him.
        let unwatched = || {
            self.stopped
                .has_changed()
                .is_err()
                .then(|| "its runtime has ended".to_owned())
        };
        self.stopped.borrow().clone().or_else(unwatched)
    }

    /// Index of the last applied entry of any kind, and each one after it.
    pub fn applied_index(&self) -> watch::Receiver<u64> {
        self.progress.index.subscribe()
    }

    /// Stops Raft. What is applied stays readable.
    pub async fn stop(&self) {
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(%error, "raft did not stop cleanly");
        }
        if let Err(error) = self.state.sync() {
            tracing::warn!(%error, "the state was not synced at the stop; it will be brought up to date from the log");
        }
    }

    pub(crate) fn raft(&self) -> &Raft {
        &self.raft
    }

    pub(crate) fn state(&self) -> &StateDb {
        &self.state
    }

    /// A message of the leader was accepted.
    pub(crate) fn heard_from_leader(&self) {
        self.hearing.heard();
    }

    /// Where members are, for connections made from now on.
    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    /// A member's peer address, if membership names it.
    pub fn address_of(&self, node_id: u64) -> Option<String> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        metrics
            .membership_config
            .membership()
            .get_node(&node_id)
            .map(|peer| peer.address.clone())
    }
}

fn warn_of_a_short_log(options: &Options) {
    let kept = options.log_keep_entries;
    if kept < options::LOG_KEEP_LOW {
        tracing::warn!(
            raft_log_keep = kept,
            "hardly any log is kept behind a snapshot: a node that was away for a moment is sent the whole state; this is for tests"
        );
    }
}

/// Finds out when Raft ends, and why.
///
/// A core that panicked cannot say so: its last words are still that it runs. What tells is that nobody is left to say more.
fn watch_over(raft: &Raft) -> watch::Receiver<Option<String>> {
    let (stopped, watched) = watch::channel(None);
    // The receivers only: a handle on Raft itself would keep it alive.
    let (mut server, all) = (raft.server_metrics(), raft.metrics());
    tokio::spawn(async move {
        while server.changed().await.is_ok() {}
        let last_words = all.borrow_watched().running_state.clone();
        let asked_to = matches!(last_words, Err(Fatal::Stopped));
        let reason = last_words.err().map(|fatal| fatal.to_string());
        let reason = reason.unwrap_or_else(|| "raft panicked".to_owned());
        if !asked_to {
            tracing::error!(%reason, "raft has stopped on this node");
        }
        stopped.send_replace(Some(reason));
    });
    watched
}

fn config(options: &Options, cluster: &str) -> Config {
    let millis = |d: Duration| d.as_millis() as u64;
    Config {
        cluster_name: cluster.to_owned(),
        heartbeat_interval: millis(options::HEARTBEAT),
        election_timeout_min: millis(options::ELECTION_MIN),
        election_timeout_max: millis(options::ELECTION_MAX),
        install_snapshot_timeout: millis(options::SNAPSHOT_TIMEOUT),
        max_payload_entries: options::APPEND_MAX_ENTRIES,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(options.snapshot_every_entries),
        max_in_snapshot_log_to_keep: options.log_keep_entries,
        // A follower this far behind gets a snapshot rather than entries; never fewer than are kept.
        replication_lag_threshold: options.log_keep_entries.max(1),
        enable_pre_vote: Some(true),
        // One node whose disk was set back (an old image of its machine) is filled up again. Otherwise every leader would stop over it.
        allow_log_reversion: Some(true),
        broadcast_submitted_on_append: Some(true),
        // A leader that comes back is elected anew. Entries go out before they are synced here, so others may have committed what this
        // disk has lost: as leader of the same term it would give the same log ids to other entries.
        enable_leader_restore: Some(false),
        ..Config::default()
    }
}

impl Store for RaftStore {
    fn read_dyn(&self, f: &mut dyn FnMut(&dyn ReadView)) {
        self.state
            .shown()
            .frozen(|image, revision| f(&ImageView::new(image, revision)));
    }

    fn notes(&self) -> Result<Notes, ViewError> {
        self.state.shown().frozen(|image, _| machine::notes(image))
    }

    fn applied(&self) -> watch::Receiver<Revision> {
        self.progress.revision.subscribe()
    }

    fn applied_at(&self, revision: Revision) -> Option<Instant> {
        self.progress.moments.of(revision)
    }

    fn propose(&self, txn: Txn, deadline: Duration) -> BoxFuture<'_, Result<Outcome, ProposeError>> {
        Box::pin(forward::propose(self, txn, deadline))
    }

    fn linearize(&self, deadline: Duration) -> BoxFuture<'_, Result<Revision, ReadError>> {
        Box::pin(forward::linearize(self, deadline))
    }

    fn events(&self, after: Revision, limit: usize) -> Result<EventPage, EventsError> {
        self.state
            .shown()
            .frozen(|image, _| events_of(image, after, limit))
    }

    fn unchanged_since(&self, revision: Revision) -> Result<bool, ViewError> {
        self.state
            .shown()
            .frozen(|image, _| machine::unchanged_since(image, revision))
    }
}
