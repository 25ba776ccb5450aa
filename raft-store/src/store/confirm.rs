//! Does the cluster still follow this leader? Asked before every linearizable read.
//!
//! A speaker who dozed off on the podium must look up before he answers: perhaps another speaks by now. So he asks the room, *after* the
//! question came, and counts hands.
//!
//! The catch: openraft 0.10.0-alpha.37 asks the room too, but takes an answer to an earlier question for an answer to this one (it
//! attributes acknowledgements by log id, and a request without entries has that of the one before it). A leader that was paused for
//! some seconds then answered reads from its old state. Hence a round of our own: each voter is asked which vote it holds. If a majority
//! still holds ours at a time after the read came, nobody else was elected before it came.
//!
//! Reads that wait together share a round, as long as it began after they came.

use super::RaftStore;
use crate::{
    network::{Lane, convert},
    types::alias::Vote,
};
use futures_util::{StreamExt, stream::FuturesUnordered};
use openraft::async_runtime::WatchReceiver;
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::sync::Mutex;
use troop_proto::peer as wire;

/// Longest a voter may take to answer: below an election, after which the question is moot.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(350);

/// Rounds of asking, shared by the reads of one node.
#[derive(Default)]
pub(crate) struct Confirmation {
    /// Rounds begun.
    begun: AtomicU64,
    /// Number of the last round that found a majority. Held while one is under way.
    confirmed: Mutex<u64>,
}

impl RaftStore {
    /// Waits until a majority is known to follow this leader at a time after this call.
    ///
    /// # Errors
    /// Why that is not so.
    pub(crate) async fn confirm_leadership(&self) -> Result<(), String> {
        let came = self.confirmation.begun.load(Ordering::SeqCst);
        let mut confirmed = self.confirmation.confirmed.lock().await;
        if *confirmed > came {
            return Ok(());
        }
        let round = self.confirmation.begun.fetch_add(1, Ordering::SeqCst) + 1;
        self.ask_the_voters().await?;
        *confirmed = round;
        Ok(())
    }

    async fn ask_the_voters(&self) -> Result<(), String> {
        let mine = self.vote_now().await?;
        if !mine.is_committed() || mine.leader_id().node_id != self.node_id() {
            return Err("this node does not lead".into());
        }
        // One look at a time: a second one while the first is held waits for ever as soon as somebody wants to write in between.
        let members = self.members();
        let configs = {
            let metrics = self.raft().metrics();
            let metrics = metrics.borrow_watched();
            metrics.membership_config.membership().get_joint_config().clone()
        };
        let others = members
            .into_iter()
            .filter(|member| member.voter && member.id != self.node_id());
        let mut answers: FuturesUnordered<_> = others
            .map(|member| async move { (member.id, self.vote_of(member.id, &member.address).await) })
            .collect();
        let mut with_me = BTreeSet::from([self.node_id()]);
        while !is_majority_of_each(&configs, &with_me) {
            match answers.next().await {
                Some((id, Ok(vote))) if vote == mine => drop(with_me.insert(id)),
                Some(_) => {}
                None => return Err("no majority of the voters follows this node".into()),
            }
        }
        Ok(())
    }

    async fn vote_of(&self, id: u64, address: &str) -> Result<Vote, tonic::Status> {
        let mut client = self.network().client(id, address, Lane::Control);
        let asking = client.current_vote(wire::Empty {});
        let reply = tokio::time::timeout(ANSWER_TIMEOUT, asking).await;
        let reply = reply.map_err(|_| tonic::Status::deadline_exceeded("no answer"))??;
        convert::vote_in(Some(reply.into_inner()))
    }

    /// The vote this node holds, as Raft's core has it at this moment, not as its metrics last said.
    pub(crate) async fn vote_now(&self) -> Result<Vote, String> {
        let asked = self.raft().with_raft_state(|state| *state.vote_ref()).await;
        asked.map_err(|e| e.to_string())
    }
}

/// During a change of members a majority of the old voters and one of the new ones is needed.
fn is_majority_of_each(configs: &[BTreeSet<u64>], with_me: &BTreeSet<u64>) -> bool {
    configs
        .iter()
        .all(|voters| voters.intersection(with_me).count() > voters.len() / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(configs: &[&[u64]], with_me: &[u64], enough: bool) {
        let configs: Vec<BTreeSet<u64>> = configs
            .iter()
            .map(|voters| voters.iter().copied().collect())
            .collect();
        let with_me = with_me.iter().copied().collect();
        assert_eq!(
            is_majority_of_each(&configs, &with_me),
            enough,
            "{configs:?} {with_me:?}"
        );
    }

    #[test]
    fn a_majority_of_every_config_is_needed() {
        check(&[&[1]], &[1], true);
        check(&[&[1, 2]], &[1], false);
        check(&[&[1, 2, 3]], &[1, 3], true);
        check(&[&[1, 2, 3], &[3, 4, 5]], &[1, 2, 3], false);
        check(&[&[1, 2, 3], &[3, 4, 5]], &[1, 3, 4], true);
        check(&[&[2, 3, 4]], &[1, 2], false);
    }
}
