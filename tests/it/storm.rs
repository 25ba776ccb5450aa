//! Everything at once: nodes die while clients write, and every answer that was given must hold.

use serde_json::json;
use std::{
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};
use troop_tests::{
    admin::Admin,
    cluster::{Cluster, with_cluster},
    load::Load,
    origin::Origin,
    patience::{PATIENCE, eventually},
    wire::Request,
};

const WRITERS: usize = 6;
/// Each node is killed this often.
const ROUNDS: usize = 2;

/// What a client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// 201.
    Made,
    /// 503: the change was not made.
    NotMade,
    /// 504, or no answer at all.
    Unknown,
}

#[test]
fn while_nodes_are_killed_every_answer_to_a_write_holds() {
    with_cluster(3, |cluster| {
        let addresses: Vec<SocketAddr> = (1..=3).map(|n| cluster.node(n).addresses().admin).collect();
        let (over, next) = (AtomicBool::new(false), AtomicUsize::new(0));
        let told = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (admin, over, next, told) = (Admin::at(addresses[writer % 3]), &over, &next, &told);
                scope.spawn(move || {
                    while !over.load(Ordering::Relaxed) {
                        let name = format!("s{}", next.fetch_add(1, Ordering::Relaxed));
                        let answer = create(admin, &name);
                        told.lock().expect("no writer panics").push((name, answer));
                    }
                });
            }
            for round in 0..3 * ROUNDS {
                lose_and_return(cluster, round % 3 + 1, &next);
            }
            over.store(true, Ordering::Relaxed);
        });
        cluster.gather();
        let told = told.into_inner().expect("no writer panics");
        let count = |wanted: Told| told.iter().filter(|(_, told)| *told == wanted).count();
        println!(
            "made {}, not made {}, unknown {}",
            count(Told::Made),
            count(Told::NotMade),
            count(Told::Unknown)
        );
        assert!(
            count(Told::Made) > 100,
            "too few writes came through to mean anything"
        );
        for (name, told) in told {
            let there = cluster.node(1).admin().get(&format!("/services/{name}")).status;
            match told {
                Told::Made => assert_eq!(there, 200, "{name} was acknowledged and is lost"),
                Told::NotMade => assert_eq!(there, 404, "{name} was refused and is there"),
                Told::Unknown => {}
            }
        }
    });
}

fn create(admin: Admin, name: &str) -> Told {
    let request = Request::new("POST", "/services").json(&json!({"name": name, "host": "a.test"}));
    match admin.ask(&request) {
        Ok(answer) => match answer.status {
            201 => Told::Made,
            503 => Told::NotMade,
            504 => Told::Unknown,
            _ => panic!("{name}: {answer:?}"),
        },
        // A dead node tells nothing; without a pause a writer would only make up names.
        Err(_) => {
            thread::sleep(Duration::from_millis(50));
            Told::Unknown
        }
    }
}

/// Kills a node, lets the others work for a while, and brings it back.
fn lose_and_return(cluster: &mut Cluster, n: usize, written: &AtomicUsize) {
    let before = written.load(Ordering::Relaxed);
    cluster.node_mut(n).kill();
    eventually(PATIENCE, "writers go on", || {
        let now = written.load(Ordering::Relaxed);
        if now > before + 60 {
            Ok(())
        } else {
            Err(now - before)
        }
    });
    cluster.node_mut(n).start();
    cluster.node_mut(n).wait_healthy();
}

#[test]
fn changes_of_the_configuration_fail_no_request() {
    let origin = Origin::start("origin");
    with_cluster(3, |cluster| {
        cluster.node(1).admin().publish("echo", origin.address(), "/echo");
        let targets: Vec<SocketAddr> = (1..=3).map(|n| cluster.node(n).addresses().proxy).collect();
        let load = Load::start(&targets, "/echo", Duration::from_millis(5));
        for round in 0..60 {
            let admin = cluster.node(round % 3 + 1).admin();
            let name = format!("s{round}");
            admin.publish(&name, origin.address(), &format!("/echo/{name}"));
            // The route under load itself changes, without ceasing to match.
            let paths = json!({"paths": ["/echo", format!("/other{round}")], "tags": [name]});
            admin.patch("/routes/echo", &paths).expecting(200);
            admin
                .patch("/services/echo", &json!({"retries": round % 5}))
                .expecting(200);
            admin.delete(&format!("/routes/{name}")).expecting(204);
        }
        for (address, tally) in load.finish() {
            assert!(tally.sent > 0 && tally.failed == 0, "{address}: {tally:?}");
        }
    });
}
