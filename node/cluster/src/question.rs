//! Questions to what runs beside the cluster: what does *your* balancer think of this upstream?
//!
//! The post room of a company with several houses. It carries a sealed question to the other houses and brings back the sealed answers; what
//! they are about is between the departments. A department says once that it takes questions ([`Cluster::answers_by`]).
//!
//! The catch: a house may be silent, or of an older edition that does not know the subject. Then its answer is missing, and whoever asked
//! says so; nobody waits longer than for any other report.

use crate::{
    cluster::{Cluster, within},
    members::REPORT_TIMEOUT,
};
use bytes::Bytes;
use futures_util::future::join_all;
use tonic::Status;
use troop_proto::peer as wire;
use troop_raft_store::MemberInfo;

/// Answers questions of other nodes.
pub trait Answerer: Send + Sync + 'static {
    /// The answer; none when the subject is unknown here.
    fn answer(&self, subject: &str, question: &[u8]) -> Option<Vec<u8>>;
}

/// One node's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Who.
    pub node: u64,
    /// What it said; none when it did not answer or does not know the subject.
    pub answer: Option<Bytes>,
}

impl Cluster {
    /// Asks every member, this node included, and waits until all have answered or had their time.
    pub async fn ask_all(&self, subject: &str, question: &[u8]) -> Vec<Answered> {
        let ask = |member: MemberInfo| async move {
            let answer = self.ask_one(&member, subject, question).await;
            Answered {
                node: member.id,
                answer: answer.ok(),
            }
        };
        join_all(self.store.members().into_iter().map(ask)).await
    }

    /// Asks one other member; none when it does not answer or does not know the subject.
    pub async fn ask(&self, node: u64, subject: &str, question: Vec<u8>) -> Option<Bytes> {
        let address = self.store.address_of(node)?;
        let request = wire::AskRequest {
            subject: subject.to_owned(),
            question: question.into(),
        };
        let mut client = self.client(node, &address);
        let reply = within(REPORT_TIMEOUT, client.ask(request)).await;
        reply.ok().map(|reply| reply.answer)
    }

    /// Every other member.
    pub fn others(&self) -> Vec<u64> {
        let ids = self.store.members().into_iter().map(|member| member.id);
        ids.filter(|id| *id != self.node_id()).collect()
    }

    async fn ask_one(&self, member: &MemberInfo, subject: &str, question: &[u8]) -> Result<Bytes, Status> {
        if member.id == self.node_id() {
            return self.answer(subject, question);
        }
        let request = wire::AskRequest {
            subject: subject.to_owned(),
            question: Bytes::copy_from_slice(question),
        };
        let mut client = self.client(member.id, &member.address);
        Ok(within(REPORT_TIMEOUT, client.ask(request)).await?.answer)
    }

    /// This node's own answer.
    pub(crate) fn answer(&self, subject: &str, question: &[u8]) -> Result<Bytes, Status> {
        let answerer = self.answerer();
        let answer = answerer.and_then(|answerer| answerer.answer(subject, question));
        answer
            .map(Bytes::from)
            .ok_or_else(|| Status::not_found(format!("nobody here answers questions about {subject}")))
    }
}
