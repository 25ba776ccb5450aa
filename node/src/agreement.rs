//! Whether all nodes read routes alike.
//!
//! An orchestra in which everybody brought his own sheet of music: as long as all play from the same edition nobody notices. So each node tells which
//! flavour of routes it was set to when another asks, and says so in its log when it hears of one that differs.
//!
//! The catch: to change the flavour of a cluster, its nodes are restarted one after the other, and meanwhile they do differ. So nobody is kept
//! out for it; it is said, and said again when it is over.

use std::{collections::BTreeMap, sync::Arc, time::Duration};
use troop_cluster::cluster::Cluster;
use troop_expression::Flavor;
use troop_runtime::Shutdown;

/// Which flavour of routes this node was set to.
pub const FLAVOR: &str = "router_flavor";

/// A mistake in settings stays until somebody mends it, so half a minute more or less does not count.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);

/// What nodes say, by their numbers. Those that are silent, or of a version that does not know the question, are not there.
pub async fn flavors(cluster: &Cluster) -> BTreeMap<u64, String> {
    let answers = cluster.ask_all(FLAVOR, b"").await.into_iter();
    let said = answers.filter_map(|one| Some((one.node, String::from_utf8(one.answer?.to_vec()).ok()?)));
    said.collect()
}

/// Looks until the node stops.
pub async fn watch(cluster: Arc<Cluster>, own: Flavor, shutdown: Shutdown) {
    tokio::select! {
        () = shutdown.stopping() => {}
        () = look(&cluster, own) => {}
    }
}

async fn look(cluster: &Cluster, own: Flavor) {
    let mut known = BTreeMap::new();
    loop {
        let differ = differing(own, flavors(cluster).await);
        if differ != known {
            report(own, &differ);
            known = differ;
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

fn differing(own: Flavor, mut said: BTreeMap<u64, String>) -> BTreeMap<u64, String> {
    said.retain(|_, flavor| flavor != own.as_str());
    said
}

fn report(own: Flavor, differ: &BTreeMap<u64, String>) {
    let own = own.as_str();
    if differ.is_empty() {
        tracing::info!(router_flavor = own, "the nodes agree on router_flavor");
    } else {
        tracing::warn!(
            router_flavor = own,
            others = ?differ,
            "nodes differ in router_flavor: they route requests differently and refuse each other's routes; set it alike on all of them"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_differ_who_say_something_else() {
        let said = |rows: &[(u64, &str)]| -> BTreeMap<u64, String> {
            rows.iter()
                .map(|(node, flavor)| (*node, (*flavor).to_owned()))
                .collect()
        };
        let own = Flavor::Expressions;
        assert_eq!(differing(own, said(&[(1, "expressions")])), said(&[]));
        assert_eq!(
            differing(own, said(&[(1, "expressions"), (2, "traditional"), (5, "new")])),
            said(&[(2, "traditional"), (5, "new")])
        );
    }
}
