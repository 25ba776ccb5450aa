//! Letting a newcomer in: the one service that answers without a certificate.
//!
//! The token is spent and the newcomer's row is written in one transaction, so that a token for one node admits one node even when two
//! present it to two members at once. Only then is the certificate signed.

use crate::{
    cluster::Cluster,
    peer::PeerIdentity,
    roster::{self, NodeRow, RosterError},
    token::{JoinToken, Role},
    writer::{WRITE_DEADLINE, now_ms},
};
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};
use troop_proto::peer::{self as wire, admit_server, join_reply};
use troop_txn::{Guard, Op, Outcome, Revision, Store, read};

/// A newcomer's clock may differ by this much: certificates and expiry dates must mean the same everywhere.
pub const CLOCK_SKEW_MAX_MS: u64 = 60_000;
/// Joins under way at once; each costs two log entries and a signature.
const JOINS_MAX: usize = 8;
/// Tries when two newcomers spend the same token at once; each try fails only because another succeeded.
const TRIES_MAX: usize = 16;
/// Longest name of a node: what a table still shows.
const NAME_MAX_BYTES: usize = 253;

/// Answers joins.
pub struct AdmitService {
    cluster: Arc<Cluster>,
    places: Semaphore,
}

impl AdmitService {
    /// Ready to be added to a server.
    pub fn server(cluster: Arc<Cluster>) -> admit_server::AdmitServer<Self> {
        admit_server::AdmitServer::new(AdmitService {
            cluster,
            places: Semaphore::new(JOINS_MAX),
        })
    }
}

#[tonic::async_trait]
impl admit_server::Admit for AdmitService {
    async fn join(&self, request: Request<wire::JoinRequest>) -> Result<Response<wire::JoinReply>, Status> {
        let _place = self
            .places
            .try_acquire()
            .map_err(|_| Status::resource_exhausted("too many nodes join at once"))?;
        let result = match self.cluster.admit(request.into_inner()).await {
            Ok(admission) => join_reply::Result::Admission(admission),
            Err(reason) => join_reply::Result::Refused(reason),
        };
        Ok(Response::new(wire::JoinReply { result: Some(result) }))
    }
}

impl Cluster {
    async fn admit(&self, request: wire::JoinRequest) -> Result<wire::Admission, String> {
        let token = self.check(&request)?;
        self.store
            .linearize(WRITE_DEADLINE)
            .await
            .map_err(|e| e.to_string())?;
        let name = request.name.clone();
        let (node_id, role) = self.spend(&token, name).await?;
        let subject = PeerIdentity {
            cluster_id: self.identity.cluster_id(),
            node_id,
        };
        let authority = read(&*self.store, |view| roster::authority(view)).map_err(|e| e.to_string())?;
        let certificate = authority
            .sign(&request.signing_request, subject, now_ms())
            .map_err(|e| e.to_string())?;
        tracing::info!(
            node_id,
            name = request.name,
            address = request.address,
            "a node was admitted"
        );
        Ok(wire::Admission {
            cluster_id: subject.cluster_id.to_string(),
            node_id,
            certificate: certificate.certificate_pem,
            authority: certificate.ca_pem,
            role: role.to_string(),
            members: self.whom_to_register_with(),
        })
    }

    fn check(&self, request: &wire::JoinRequest) -> Result<JoinToken, String> {
        let token: JoinToken = request
            .token
            .parse()
            .map_err(|e: crate::token::TokenError| e.to_string())?;
        if token.ca() != self.identity.ca_fingerprint() {
            return Err("the join token is for another cluster".into());
        }
        let skew = now_ms().abs_diff(request.clock_ms);
        if skew > CLOCK_SKEW_MAX_MS {
            return Err(format!(
                "the clocks of the two nodes differ by {} s, at most {} s are allowed: set the time (NTP) and try again",
                skew / 1_000,
                CLOCK_SKEW_MAX_MS / 1_000
            ));
        }
        if request.address.is_empty() || request.name.is_empty() || request.name.len() > NAME_MAX_BYTES {
            return Err(format!(
                "a node needs an address and a name of 1 to {NAME_MAX_BYTES} bytes"
            ));
        }
        Ok(token)
    }

    /// Spends one use of the token and gives the newcomer its number.
    async fn spend(&self, token: &JoinToken, name: String) -> Result<(u64, Role), String> {
        for _ in 0..TRIES_MAX {
            let found =
                read(&*self.store, |view| roster::token(view, &token.id())).map_err(|e| e.to_string())?;
            let (row, terms) = found.ok_or_else(|| crate::token::TokenRefusal::WrongSecret.to_string())?;
            let spent = terms
                .redeem(token.secret().expose(), now_ms())
                .map_err(|e| e.to_string())?;
            let node = NodeRow::joined(name.clone(), terms.role(), now_ms());
            let node = node.to_bytes().map_err(|e| e.to_string())?;
            let token_key = roster::token_key(&token.id());
            let guards = vec![Guard::RevisionIs {
                key: token_key.clone(),
                revision: row.modified,
            }];
            let ops = vec![
                Op::Put {
                    key: token_key,
                    value: Bytes::from(spent.to_bytes()),
                },
                Op::Put {
                    key: roster::node_key(&rand::random()),
                    value: node,
                },
            ];
            match self.writer.write(guards, ops).await.map_err(|e| e.to_string())? {
                Outcome::Applied(revision) => {
                    self.has_applied(revision).await?;
                    return Ok((revision.get(), terms.role()));
                }
                Outcome::Refused { .. } => self
                    .store
                    .linearize(WRITE_DEADLINE)
                    .await
                    .map_err(|e| e.to_string())?,
            };
        }
        Err("the token is in use by too many nodes at once: try again".into())
    }

    /// Waits until this node has what it has just written.
    pub(crate) async fn has_applied(&self, revision: Revision) -> Result<(), String> {
        let wait = troop_txn::store::wait_applied(&*self.store, revision);
        match tokio::time::timeout(WRITE_DEADLINE, wait).await {
            Ok(done) => done.map_err(|e| e.to_string()),
            Err(_) => Err(RosterError::NoAuthority.to_string()),
        }
    }

    /// This node first, since the newcomer has just reached it.
    fn whom_to_register_with(&self) -> Vec<wire::Member> {
        let me = wire::Member {
            node_id: self.node_id(),
            address: self.advertise.clone(),
        };
        let others = self
            .store
            .members()
            .into_iter()
            .filter(|member| member.id != me.node_id);
        let others = others.map(|member| wire::Member {
            node_id: member.id,
            address: member.address,
        });
        std::iter::once(me.clone()).chain(others).collect()
    }
}
