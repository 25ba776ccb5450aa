//! Removing what has expired: the leader's broom.
//!
//! Records with an end, boxes of change sets that nobody came back for, and answers that were kept for a retry.
//!
//! Whoever reads a record hides it once it is over; this makes it go, with a delete event like any other. Only the leader
//! sweeps, so that the nodes do not get in each other's way, and a sweep that comes to nothing comes again.

use std::{sync::Arc, time::Duration};
use troop_admin::stale_rows;
use troop_catalog::{Catalog, Planned, Problem};
use troop_cluster::{cluster::Cluster, writer};
use troop_raft_store::RaftStore;
use troop_schema::Record;
use troop_txn::{Op, ReadView, RequestId, Store, read, stage};

/// A record may stay this long after its end; it is hidden meanwhile.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// Rows of one kind removed by one entry.
const ROWS_AT_ONCE: usize = 512;

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
        let swept = read(&*store, |view| litter(&catalog, view, now_ms));
        let plan = match swept {
            Ok(Some(plan)) => plan,
            Ok(None) => continue,
            Err(error) => {
                tracing::warn!(%error, "looking for what has expired failed");
                continue;
            }
        };
        let txn = plan.into_txn(RequestId { client, sequence }, now_ms, "expiry");
        if let Err(error) = store.propose(txn, writer::WRITE_DEADLINE).await {
            tracing::debug!(%error, "expired records are removed later");
        }
    }
}

/// What is to go now, some hundred rows at a time.
fn litter(catalog: &Catalog, view: &dyn ReadView, now_ms: u64) -> Result<Option<Planned>, Problem> {
    let expired = catalog.delete_expired(view, now_ms)?;
    let begun_before = now_ms.saturating_sub(stage::STAGE_AGE_MAX_MS);
    let mut rows = stage::stale(view, begun_before, ROWS_AT_ONCE)?;
    rows.extend(stale_rows(view, now_ms, ROWS_AT_ONCE)?);
    if rows.is_empty() {
        return Ok(expired);
    }
    let mut plan = expired.unwrap_or_else(|| Planned::of_record(Record::new()));
    plan.ops.extend(rows.into_iter().map(|key| Op::Delete { key }));
    Ok(Some(plan))
}
