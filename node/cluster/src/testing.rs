//! Clusters and nodes for the tests of this crate.

use crate::{
    authority::{Authority, NodeKey},
    identity::NodeIdentity,
    peer::PeerIdentity,
};
use std::time::SystemTime;
use uuid::Uuid;

/// The real time: the TLS library compares certificates with it.
pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// The authority of a cluster with this id, different at each call.
pub(crate) fn cluster(id: u128) -> Authority {
    Authority::create(Uuid::from_u128(id), now_ms()).unwrap()
}

/// A node of that cluster.
pub(crate) fn node_of(authority: &Authority, node_id: u64) -> NodeIdentity {
    node_made_at(authority, node_id, now_ms())
}

/// A node whose certificate was made at another time.
pub(crate) fn node_made_at(authority: &Authority, node_id: u64, now_ms: u64) -> NodeIdentity {
    let key = NodeKey::generate().unwrap();
    let subject = PeerIdentity {
        cluster_id: authority.cluster_id(),
        node_id,
    };
    let signed = authority.sign(&key.csr_der().unwrap(), subject, now_ms).unwrap();
    NodeIdentity::new(format!("node-{node_id}"), signed, key).unwrap()
}
