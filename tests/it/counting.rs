//! Rate limits that several nodes hold together.

use serde_json::json;
use std::{
    net::SocketAddr,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};
use troop_tests::{
    cluster::{Cluster, with_cluster},
    node::Node,
    origin::Origin,
    patience::{PATIENCE, eventually},
    wire::{self, Request},
};

/// The documented time from counting until the others know: two rounds of a tenth of a second. This is ten times that, for machines on
/// which tests run side by side.
const KNOWN_AFTER: Duration = Duration::from_secs(2);
/// How far apart one client's requests are.
const PACE: Duration = Duration::from_millis(20);
const LIMIT: usize = 300;

/// Nobody sees the end of a year, save on New Year's Eve.
fn limit(node: &Node, path: &str, config: serde_json::Value) {
    let mut plugin = json!({"name": "rate-limiting", "config": {"year": LIMIT, "limit_by": "service", "policy": "cluster"}});
    let fields = plugin["config"].as_object_mut().expect("an object");
    fields.extend(config.as_object().cloned().unwrap_or_default());
    let made = node
        .admin()
        .post(&format!("/services/{path}/plugins?wait=all"), &plugin);
    made.expecting(201);
}

fn limited(cluster: &Cluster, origin: &Origin, config: serde_json::Value) {
    cluster.node(1).admin().publish("p", origin.address(), "/p");
    limit(cluster.node(1), "p", config);
}

/// Asks at a pace until refused ten times in a row; when each admitted request was sent.
fn ask_until_full(proxy: SocketAddr, start: &Barrier) -> Vec<Instant> {
    let mut admitted = Vec::new();
    let mut refused = 0;
    start.wait();
    let mut due = Instant::now();
    while refused < 10 {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        due += PACE;
        let sent = Instant::now();
        match wire::ask(proxy, &Request::get("/p")).expect("an answer").status {
            200 => {
                admitted.push(sent);
                refused = 0;
            }
            429 => refused += 1,
            other => panic!("status {other}"),
        }
    }
    admitted
}

/// Most that were admitted within so long, wherever it begins.
fn most_within(admitted: &[Instant], span: Duration) -> usize {
    let within = |from: &Instant| {
        admitted
            .iter()
            .filter(|at| *at >= from && **at - *from <= span)
            .count()
    };
    admitted.iter().map(within).max().unwrap_or_default()
}

#[test]
fn three_nodes_admit_the_limit_and_no_more_than_what_the_others_admit_before_they_are_heard() {
    let origin = Origin::start("origin");
    with_cluster(3, |cluster| {
        limited(cluster, &origin, json!({}));
        let proxies: Vec<_> = cluster
            .numbers()
            .iter()
            .map(|n| cluster.node(*n).addresses().proxy)
            .collect();
        let start = Barrier::new(proxies.len());
        let admitted: Vec<Vec<Instant>> = thread::scope(|scope| {
            let asking: Vec<_> = proxies
                .iter()
                .map(|proxy| scope.spawn(|| ask_until_full(*proxy, &start)))
                .collect();
            asking
                .into_iter()
                .map(|asking| asking.join().expect("a client"))
                .collect()
        });
        let total: usize = admitted.iter().map(Vec::len).sum();
        let mut late: Vec<usize> = admitted.iter().map(|at| most_within(at, KNOWN_AFTER)).collect();
        late.sort_unstable();
        // Whoever admitted the last one knew its own counts: the others count.
        let bound = LIMIT + late.iter().skip(1).sum::<usize>();
        eprintln!("{total} admitted of {LIMIT}, and may {bound}");
        assert!(
            total >= LIMIT && total <= bound,
            "{total} admitted, and may {bound}"
        );
        assert!(bound < 3 * LIMIT, "the bound says nothing: {bound}");
        // Each saw what the others counted, or it would have admitted them all itself.
        assert!(admitted.iter().all(|at| at.len() < LIMIT), "{total}");
    });
}

#[test]
fn a_node_cut_off_holds_to_its_own_counts_or_refuses_without_fault_tolerance() {
    let origin = Origin::start("origin");
    with_cluster(3, |cluster| {
        limited(cluster, &origin, json!({}));
        let admin = cluster.node(1).admin();
        admin.publish("strict", origin.address(), "/strict");
        limit(cluster.node(1), "strict", json!({"fault_tolerant": false}));
        let status = |cluster: &Cluster, path: &str| cluster.node(1).fetch(path).status;
        assert_eq!(status(cluster, "/strict"), 200);
        cluster.node_mut(2).kill();
        cluster.node_mut(3).kill();
        let settles_at = |cluster: &Cluster, path: &str, wanted: u16| {
            eventually(PATIENCE, &format!("{path} gives {wanted}"), || {
                let found = status(cluster, path);
                if found == wanted {
                    Ok(())
                } else {
                    Err(found.to_string())
                }
            });
        };
        settles_at(cluster, "/strict", 500);
        let admitted = (0..LIMIT + 20).filter(|_| status(cluster, "/p") == 200).count();
        assert_eq!(admitted, LIMIT);
        cluster.gather();
        settles_at(cluster, "/strict", 200);
        // Those who come back are told.
        eventually(
            PATIENCE,
            "node 2 knows that the limit is reached",
            || match cluster.node(2).fetch("/p").status {
                429 => Ok(()),
                other => Err(other.to_string()),
            },
        );
    });
}
