//! Many writers at once.

use serde_json::json;
use std::{
    net::SocketAddr,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};
use troop_tests::{
    admin::Admin,
    cluster::{Cluster, with_cluster},
    patience::{PATIENCE, try_within},
    wire::Request,
};

/// Each name is wanted by two writers at different nodes.
const NAMES: usize = 500;
/// A writer only waits for the network.
const STACK_BYTES: usize = 256 << 10;

#[test]
fn of_a_thousand_concurrent_writers_each_unique_name_has_exactly_one_winner() {
    with_cluster(3, |cluster| {
        let addresses: Vec<SocketAddr> = (1..=3).map(|n| cluster.node(n).addresses().admin).collect();
        let barrier = Barrier::new(2 * NAMES);
        let started = Instant::now();
        let statuses: Vec<(usize, u16)> = thread::scope(|scope| {
            let writers: Vec<_> = (0..2 * NAMES)
                .map(|writer| {
                    let admin = Admin::at(addresses[(writer / NAMES + writer) % 3]);
                    let barrier = &barrier;
                    let write = move || {
                        barrier.wait();
                        (writer % NAMES, create(admin, writer % NAMES))
                    };
                    let thread = thread::Builder::new().stack_size(STACK_BYTES);
                    thread.spawn_scoped(scope, write).expect("a thread")
                })
                .collect();
            writers
                .into_iter()
                .map(|writer| writer.join().expect("a writer ends"))
                .collect()
        });
        println!("{} writers took {:?}", 2 * NAMES, started.elapsed());
        for name in 0..NAMES {
            let mut seen: Vec<u16> = statuses
                .iter()
                .filter(|(n, _)| *n == name)
                .map(|(_, status)| *status)
                .collect();
            seen.sort_unstable();
            assert_eq!(seen, [201, 409], "name-{name}");
        }
        assert_eq!(count(cluster, 3), NAMES);
    });
}

/// A refusal that says that nothing was changed (503) may be repeated; anything else is the outcome.
fn create(admin: Admin, name: usize) -> u16 {
    let request =
        Request::new("POST", "/services").json(&json!({"name": format!("name-{name}"), "host": "a.test"}));
    let outcome = try_within(PATIENCE, || match admin.ask(&request) {
        Ok(answer) if answer.status == 503 => Err(answer.status),
        Ok(answer) => Ok(answer.status),
        Err(error) => panic!("name-{name}: {error}"),
    });
    outcome.unwrap_or_else(|status| status)
}

/// Services at a node, page by page.
fn count(cluster: &Cluster, n: usize) -> usize {
    let admin = cluster.node(n).admin();
    let (mut total, mut next) = (0, "/services?size=100".to_owned());
    loop {
        let page = admin.get(&next).expecting(200).json();
        total += page["data"].as_array().map_or(0, Vec::len);
        match page["next"].as_str() {
            Some(path) => next = path.to_owned(),
            None => return total,
        }
    }
}

#[test]
fn concurrent_changes_of_one_record_all_come_through_one_after_the_other() {
    const WRITERS: usize = 8;
    with_cluster(3, |cluster| {
        let service = json!({"name": "shared", "host": "a.test", "tags": []});
        cluster
            .node(1)
            .admin()
            .post("/services?wait=all", &service)
            .expecting(201);
        let cluster = &*cluster;
        let rounds: Vec<usize> = thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| scope.spawn(move || add_tag(cluster, writer)))
                .collect();
            writers
                .into_iter()
                .map(|writer| writer.join().expect("a writer ends"))
                .collect()
        });
        println!("tries by writer: {rounds:?}");
        let now = cluster
            .node(2)
            .admin()
            .get("/services/shared")
            .expecting(200)
            .json();
        assert_eq!(now["tags"].as_array().map(Vec::len), Some(WRITERS), "{now}");
    });
}

/// Read, add, write if nobody was faster: compare-and-swap. How many tries it took.
fn add_tag(cluster: &Cluster, writer: usize) -> usize {
    let admin = cluster.node(writer % 3 + 1).admin();
    let mut tries = 0;
    let done = try_within(PATIENCE + Duration::from_secs(30), || {
        tries += 1;
        let read = admin
            .get("/services/shared?consistency=linearizable")
            .expecting(200);
        let mut tags = read.json()["tags"].as_array().cloned().unwrap_or_default();
        tags.push(json!(format!("w{writer}")));
        let write = Request::new("PATCH", "/services/shared").header("If-Match", read.must("ETag"));
        match admin.send(&write.json(&json!({"tags": tags}))).status {
            200 => Ok(()),
            status => Err(status),
        }
    });
    assert_eq!(done, Ok(()), "writer {writer}");
    tries
}
