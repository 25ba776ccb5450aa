//! Removing what has expired: the leader's broom.
//!
//! Whoever reads a record hides it once it is over; this makes it go, with a delete event like any other. Only the leader
//! sweeps, so that the nodes do not get in each other's way, and a sweep that comes to nothing comes again.

use std::{sync::Arc, time::Duration};
use troop_catalog::Catalog;
use troop_cluster::{cluster::Cluster, writer};
use troop_raft_store::RaftStore;
use troop_txn::{RequestId, Store, read};

/// A record may stay this long after its end; it is hidden meanwhile.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Sweeps until Raft stops.
pub async fn sweep(cluster: Arc<Cluster>, store: Arc<RaftStore>, catalog: Arc<Catalog>) {
    let client: u128 = uuid::Uuid::new_v4().as_u128();
    for sequence in 0.. {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        let raft = cluster.raft_status();
        if raft.stopped.is_some() {
            return;
        }
        if raft.leader != Some(cluster.node_id()) || !raft.quorum {
            continue;
        }
        let now_ms = writer::now_ms();
        let plan = match read(&*store, |view| catalog.delete_expired(view, now_ms)) {
            Ok(Some(plan)) => plan,
            Ok(None) => continue,
            Err(error) => {
                tracing::warn!(%error, "looking for expired records failed");
                continue;
            }
        };
        let txn = plan.into_txn(RequestId { client, sequence }, now_ms, "expiry");
        if let Err(error) = store.propose(txn, writer::WRITE_DEADLINE).await {
            tracing::debug!(%error, "expired records are removed later");
        }
    }
}
