//! Carrying counts of rate limits from this node to the others.
//!
//! A round of the postman every tenth of a second, once somebody counts. Each node has an errand of its own, so that one that does not answer
//! keeps no other waiting; while an errand is under way the next one to the same node waits.

use crate::answers::{COUNTS, now_s};
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::{sync::Arc, time::Instant};
use tokio::time::MissedTickBehavior;
use troop_cluster::cluster::Cluster;
use troop_plugins::{Courier, Tally};
use troop_runtime::Shutdown;

/// Carries until the node stops.
pub async fn carry(cluster: Arc<Cluster>, tally: Arc<Tally>, shutdown: Shutdown) {
    tokio::select! {
        () = shutdown.stopping() => {}
        () = go_round(cluster, tally) => {}
    }
}

async fn go_round(cluster: Arc<Cluster>, tally: Arc<Tally>) {
    tally.needed().await;
    let mut courier = Courier::new(tally);
    let mut round = tokio::time::interval(courier.interval());
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut errands = FuturesUnordered::new();
    loop {
        tokio::select! {
            _ = round.tick() => {
                let others = cluster.others();
                courier.round(&others, Instant::now());
                for node in others {
                    if let Some(sheet) = courier.sheet_for(node, now_s(), Instant::now()) {
                        let cluster = Arc::clone(&cluster);
                        errands.push(async move { (node, cluster.ask(node, COUNTS, sheet).await) });
                    }
                }
            }
            Some((node, answer)) = errands.next() => match answer {
                Some(answer) => courier.delivered(node, &answer, Instant::now()),
                None => courier.lost(node),
            },
        }
    }
}
