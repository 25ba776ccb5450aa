//! Who may speak on the peer port.

use crate::{listen::Connection, peer::PeerIdentity, roster};
use std::sync::Arc;
use tonic::{Extensions, Status};
use troop_raft_store::{Caller, Gate};
use troop_txn::{Store, read};

/// Said to a node that was removed, so that it can tell this from any other refusal.
pub const REMOVED: &str = "this node was removed from the cluster";

/// Admits every node that the cluster's authority certified and nobody removed.
///
/// Not "every node in the list": a member that was away has an old list, and must hear the new leader to get a new one.
pub struct MemberGate {
    store: Arc<dyn Store>,
    me: PeerIdentity,
}

impl MemberGate {
    /// For the peer port of `me`.
    pub fn new(store: Arc<dyn Store>, me: PeerIdentity) -> Self {
        MemberGate { store, me }
    }
}

impl Gate for MemberGate {
    fn caller(&self, connection: &Extensions) -> Result<Caller, Status> {
        let identity = connection
            .get::<Connection>()
            .and_then(|connection| connection.identity);
        let identity =
            identity.ok_or_else(|| Status::unauthenticated("this call needs a node's certificate"))?;
        if identity.cluster_id != self.me.cluster_id {
            return Err(Status::permission_denied(format!(
                "{identity} is not of this cluster"
            )));
        }
        let removed = read(&*self.store, |view| roster::is_removed(view, identity.node_id));
        match removed {
            Ok(false) => Ok(Caller {
                node_id: identity.node_id,
            }),
            Ok(true) => Err(Status::permission_denied(REMOVED)),
            Err(error) => Err(Status::unavailable(error.to_string())),
        }
    }
}
