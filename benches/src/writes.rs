//! Writes of a three-node cluster: how long one takes, and how soon it is obeyed everywhere.
//!
//! The measure beside it is the disk (`disk.rs`), in the same directory and the same run.

use crate::{
    WritesArgs,
    admin::Connection,
    disk,
    figure::Report,
    machine,
    node::{Cluster, Node},
    origin,
    spread::Spread,
};
use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use std::{
    net::SocketAddr,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// A route that has no effect by then never will.
const EFFECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Writes before the first is timed.
const WARM_WRITES: usize = 20;

/// Measures one cluster.
///
/// # Errors
/// When it does not form or refuses a write.
pub fn measure(troop: &Path, args: WritesArgs, report: &mut Report) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let origin = origin::start(machine::cores())?;
    let cluster = Cluster::start(troop, dir.path())?;
    let leader = cluster.leader()?;
    let follower = (leader + 1) % cluster.nodes.len();

    let sync = disk::syncs(dir.path(), args.samples)?;
    sequential(&cluster.nodes[leader], "leader", args, &sync, report)?;
    sequential(&cluster.nodes[follower], "follower", args, &sync, report)?;
    effects(&cluster, follower, origin, args, report)?;
    concurrent(&cluster, args, report)
}

fn sequential(node: &Node, role: &str, args: WritesArgs, sync: &Spread, report: &mut Report) -> Result<()> {
    let mut admin = node.admin()?;
    for number in 0..WARM_WRITES {
        admin.post(
            "/services",
            &json!({"name": format!("warm-{role}-{number}"), "host": "localhost"}),
        )?;
    }
    let mut times = Vec::with_capacity(args.samples);
    for number in 0..args.samples {
        let service = json!({"name": format!("{role}-{number}"), "host": "localhost"});
        let started = Instant::now();
        admin.post("/services", &service)?;
        times.push(started.elapsed());
    }
    let times = Spread::of_millis(times);
    let note = format!(
        "p99 {:.2} ms; {:.1} times a bare fdatasync ({:.2} ms)",
        times.at(0.99),
        times.median() / sync.median(),
        sync.median()
    );
    report.time(
        format!("write at the {role}, p50"),
        times.median(),
        "ms",
        "write_p50_ms",
        note,
    );
    Ok(())
}

/// From the answer to a write until each node's proxy obeys it. The node that answered must obey it at once.
fn effects(
    cluster: &Cluster,
    writer: usize,
    origin: SocketAddr,
    args: WritesArgs,
    report: &mut Report,
) -> Result<()> {
    let mut admin = cluster.nodes[writer].admin()?;
    admin.post(
        "/services",
        &json!({"name": "effect", "url": format!("http://{origin}")}),
    )?;
    let proxies = cluster.nodes.iter().map(|node| Connection::open(node.proxy));
    let mut proxies = proxies.collect::<Result<Vec<_>>>()?;
    let mut everywhere = Vec::with_capacity(args.samples);
    let mut late_here = 0;
    for number in 0..args.samples {
        let path = format!("/effect-{number}");
        admin.post("/services/effect/routes", &json!({"paths": [path]}))?;
        let seen = all_obey(&mut proxies, &path)?;
        late_here += usize::from(seen[writer].asked > 1);
        everywhere.push(seen.iter().map(|seen| seen.after).max().unwrap_or_default());
    }
    ensure!(
        late_here == 0,
        "{late_here} of {} writes were not yet obeyed by the node that answered them",
        args.samples
    );
    let times = Spread::of_millis(everywhere);
    let note = format!(
        "p50 {:.2} ms; routes written at a follower, every proxy asked without pause",
        times.median()
    );
    report.time(
        "write answered to obeyed by every node, p99",
        times.at(0.99),
        "ms",
        "effect_p99_ms",
        note,
    );
    Ok(())
}

/// When a proxy obeyed.
struct Seen {
    after: Duration,
    asked: usize,
}

fn all_obey(proxies: &mut [Connection], path: &str) -> Result<Vec<Seen>> {
    let answered = Instant::now();
    thread::scope(|scope| {
        let askers: Vec<_> = proxies
            .iter_mut()
            .map(|proxy| scope.spawn(move || obeys(proxy, path, answered)))
            .collect();
        let seen = askers
            .into_iter()
            .map(|asker| asker.join().map_err(|_| anyhow::anyhow!("an asker panicked"))?);
        seen.collect()
    })
}

fn obeys(proxy: &mut Connection, path: &str, answered: Instant) -> Result<Seen> {
    for asked in 1.. {
        let answer = proxy.exchange("GET", path, None)?;
        let after = answered.elapsed();
        match answer.status {
            200 => return Ok(Seen { after, asked }),
            404 => ensure!(after < EFFECT_TIMEOUT, "{path} has no effect after {after:?}"),
            other => bail!("{path} answers {other}"),
        }
    }
    bail!("{path} was asked for ever")
}

fn concurrent(cluster: &Cluster, args: WritesArgs, report: &mut Report) -> Result<()> {
    let started = Instant::now();
    let times: Result<Vec<Vec<Duration>>> = thread::scope(|scope| {
        let writers: Vec<_> = (0..args.writers)
            .map(|writer| {
                let node = &cluster.nodes[writer % cluster.nodes.len()];
                scope.spawn(move || write_many(node, writer, args.writes_each))
            })
            .collect();
        writers
            .into_iter()
            .map(|writer| writer.join().map_err(|_| anyhow::anyhow!("a writer panicked"))?)
            .collect()
    });
    let elapsed = started.elapsed();
    let times = Spread::of_millis(times.context("writing at once")?.into_iter().flatten());
    let rate = times.count() as f64 / elapsed.as_secs_f64();
    let note = format!(
        "p50 {:.2} ms, p99 {:.2} ms, over all three nodes",
        times.median(),
        times.at(0.99)
    );
    report.time(
        format!("{} writers at once", args.writers),
        rate,
        "writes/s",
        "",
        note,
    );
    Ok(())
}

fn write_many(node: &Node, writer: usize, count: usize) -> Result<Vec<Duration>> {
    let mut admin = node.admin()?;
    let mut times = Vec::with_capacity(count);
    for number in 0..count {
        let service = json!({"name": format!("at-once-{writer}-{number}"), "host": "localhost"});
        let started = Instant::now();
        admin.post("/services", &service)?;
        times.push(started.elapsed());
    }
    Ok(times)
}
