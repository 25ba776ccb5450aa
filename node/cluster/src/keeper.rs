//! What somebody must keep an eye on: the leader promotes learners that caught up, completes removals and trims the
//! history; a node that hears from nobody finds out whether it was removed.

use crate::{cluster::Cluster, roster, token::Role};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::Instant;
use troop_txn::{Op, Store, machine::COMPACT_MAX_EVENTS, read};

/// Looks at least this often, and at most this much later than Raft's picture changed.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// A learner has caught up when it is at most this many entries behind: less than one append message.
const CAUGHT_UP_ENTRIES: u64 = 250;
/// And stays so this long: long enough to tell a node that keeps up from one that just passed by.
const CAUGHT_UP_FOR: Duration = Duration::from_millis(300);
/// More voters only make writes slower; further nodes stay learners.
pub const VOTERS_MAX: usize = 7;
/// Events kept in the history: at ten changes a second almost three hours to catch up in.
pub const EVENTS_KEPT: u64 = 100_000;
/// After this long without a leader a node asks the others whether it still belongs.
const LONELY_AFTER: Duration = Duration::from_secs(3);

struct Keeper {
    cluster: Arc<Cluster>,
    caught_up_since: HashMap<u64, Instant>,
    lonely_since: Option<Instant>,
}

/// Keeps an eye on things until Raft stops.
pub async fn keep(cluster: Arc<Cluster>) {
    let mut keeper = Keeper {
        cluster,
        caught_up_since: HashMap::new(),
        lonely_since: None,
    };
    loop {
        tokio::time::sleep(LOOK_INTERVAL).await;
        let status = keeper.cluster.store.status();
        if status.stopped.is_some() || *keeper.cluster.removed.borrow() {
            return;
        }
        match status.leader {
            Some(leader) if leader == keeper.cluster.node_id() => keeper.lead(status.last_log_index).await,
            Some(_) => keeper.lonely_since = None,
            None => keeper.find_out_whether_we_belong().await,
        }
    }
}

impl Keeper {
    async fn lead(&mut self, last_log_index: u64) {
        self.lonely_since = None;
        self.complete_removals().await;
        self.promote(last_log_index).await;
        self.trim_history().await;
    }

    async fn promote(&mut self, last_log_index: u64) {
        let members = self.cluster.store.members();
        let voters = members.iter().filter(|member| member.voter).count();
        let admitted = read(&*self.cluster.store, |view| roster::nodes(view)).unwrap_or_default();
        let shall_vote = |id| {
            admitted
                .iter()
                .any(|node| node.id == id && node.row.role == Role::Voter)
        };
        let now = Instant::now();
        self.caught_up_since
            .retain(|id, _| members.iter().any(|member| member.id == *id && !member.voter));
        for learner in members
            .iter()
            .filter(|member| !member.voter && shall_vote(member.id))
        {
            let behind = learner
                .matched
                .map(|matched| last_log_index.saturating_sub(matched));
            if behind.is_none_or(|entries| entries > CAUGHT_UP_ENTRIES) {
                self.caught_up_since.remove(&learner.id);
                continue;
            }
            let since = *self.caught_up_since.entry(learner.id).or_insert(now);
            if now.duration_since(since) < CAUGHT_UP_FOR || voters >= VOTERS_MAX {
                continue;
            }
            match self.cluster.store.promote(learner.id).await {
                Ok(()) => tracing::info!(node_id = learner.id, "a learner caught up and votes from now on"),
                Err(error) => tracing::debug!(node_id = learner.id, %error, "a promotion is tried again"),
            }
            // One membership change at a time; the next look takes the next.
            return;
        }
    }

    /// A leader may have ended between the tombstone and the membership change.
    async fn complete_removals(&self) {
        let removed = read(&*self.cluster.store, |view| roster::removed(view)).unwrap_or_default();
        let members = self.cluster.store.members();
        for member in members.iter().filter(|member| removed.contains(&member.id)) {
            if let Err(error) = self.cluster.expel(member.id).await {
                tracing::debug!(node_id = member.id, %error, "a removal is completed later");
            }
        }
    }

    async fn trim_history(&self) {
        let Ok(notes) = self.cluster.store.notes() else {
            return;
        };
        if notes.events_kept <= EVENTS_KEPT + COMPACT_MAX_EVENTS as u64 {
            return;
        }
        let compact = vec![Op::CompactEvents {
            below: notes.revision,
        }];
        if let Err(error) = self.cluster.writer.write(Vec::new(), compact).await {
            tracing::debug!(%error, "the history is trimmed later");
        }
    }

    async fn find_out_whether_we_belong(&mut self) {
        let since = *self.lonely_since.get_or_insert_with(Instant::now);
        if since.elapsed() < LONELY_AFTER {
            return;
        }
        self.lonely_since = Some(Instant::now());
        for member in self.cluster.store.members() {
            if let Err(status) = self.cluster.report_of(&member).await {
                self.cluster.note_refusal(&status);
            }
        }
    }
}
