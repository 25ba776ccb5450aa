//! A cluster that is restarted node by node while clients keep asking.
//!
//! The clients are what stands in front of a cluster in earnest: a load balancer that keeps connections, and that asks the next node when one
//! cannot be reached or closes a connection without a byte of an answer. What it must never see is an answer that breaks off, or is an error.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use troop_tests::{
    cluster::with_cluster,
    origin::Origin,
    patience::{PATIENCE, eventually},
    wire::{Connection, Request},
};

/// Balancers asking at once.
const BALANCERS: usize = 4;

/// One load balancer's view.
struct Balancer {
    nodes: Vec<SocketAddr>,
    kept: Vec<Option<Connection>>,
    turn: usize,
}

impl Balancer {
    /// Asks node after node. An error that no other node may be asked after is one.
    fn ask(&mut self, request: &Request) -> Result<(), String> {
        for _ in 0..self.nodes.len() * 2 {
            self.turn = (self.turn + 1) % self.nodes.len();
            let Some(mut connection) = self.connection() else {
                continue;
            };
            let before = connection.heads();
            match connection.exchange(request) {
                Ok(answer) if answer.status == 200 => {
                    let ends = answer
                        .header("Connection")
                        .is_some_and(|value| value.eq_ignore_ascii_case("close"));
                    self.kept[self.turn] = (!ends).then_some(connection);
                    return Ok(());
                }
                Ok(answer) => return Err(format!("{} {}", answer.status, answer.text())),
                Err(error) if connection.heads() > before => return Err(error.to_string()),
                Err(_) => {}
            }
        }
        Err("no node answered".to_owned())
    }

    fn connection(&mut self) -> Option<Connection> {
        let kept = self.kept[self.turn].take();
        kept.or_else(|| Connection::open(self.nodes[self.turn]).ok())
    }
}

#[test]
fn restarting_node_by_node_fails_no_request() {
    let origin = Origin::start("origin");
    with_cluster(3, |cluster| {
        cluster.node(1).admin().publish("echo", origin.address(), "/echo");
        let nodes: Vec<SocketAddr> = cluster
            .numbers()
            .iter()
            .map(|n| cluster.node(*n).addresses().proxy)
            .collect();
        cluster.agree();
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let failed = Arc::new(Mutex::new(Vec::new()));
        let balancers: Vec<_> = (0..BALANCERS)
            .map(|turn| {
                let (stop, asked, failed) = (Arc::clone(&stop), Arc::clone(&asked), Arc::clone(&failed));
                let kept = nodes.iter().map(|_| None).collect();
                let mut balancer = Balancer {
                    nodes: nodes.clone(),
                    kept,
                    turn,
                };
                thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let outcome = balancer.ask(&Request::get("/echo"));
                        asked.fetch_add(1, Ordering::Relaxed);
                        if let Err(reason) = outcome {
                            failed.lock().expect("a list").push(reason);
                        }
                        thread::sleep(Duration::from_millis(2));
                    }
                })
            })
            .collect();
        let started = Instant::now();
        for n in cluster.numbers() {
            let before = asked.load(Ordering::Relaxed);
            eventually(PATIENCE, "requests go on", || {
                if asked.load(Ordering::Relaxed) > before + 100 {
                    Ok(())
                } else {
                    Err("not yet")
                }
            });
            assert_eq!(cluster.node_mut(n).stop(), Some(0), "node {n}");
            cluster.node_mut(n).start();
            cluster.node_mut(n).wait_healthy();
        }
        stop.store(true, Ordering::Relaxed);
        for balancer in balancers {
            balancer.join().expect("a balancer ends");
        }
        let failed = failed.lock().expect("a list");
        println!(
            "{} requests in {:?} while three nodes were restarted",
            asked.load(Ordering::Relaxed),
            started.elapsed()
        );
        assert!(failed.is_empty(), "{} failed: {:?}", failed.len(), failed.first());
    });
}
