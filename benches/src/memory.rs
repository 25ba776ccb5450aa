//! What a configuration costs: memory in RAM, and whether changing it gets slower.
//!
//! One change must cost what it touches and not what is there already, so the time of a write among thousands of services is
//! set beside that of the same write among none, at the same node in the same run.
//!
//! The catch: right after a start or a burst of writes, buffers are on their way out. So memory is read once after a rest, as an
//! operator would read it.

use crate::{
    MemoryArgs,
    admin::Connection,
    disk,
    figure::Report,
    node::{Cluster, Node, Setup},
    spread::Spread,
};
use anyhow::{Context, Result};
use serde_json::json;
use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Rest before memory is read.
const REST: Duration = Duration::from_secs(10);
/// Writers that put the configuration in, so that it takes a minute and not ten.
const WRITERS: usize = 16;
/// Writes that are timed.
const WRITES_TIMED: usize = 200;
/// Routes that share a host.
const ROUTES_PER_HOST: usize = 10;

/// Measures a node alone, then a cluster.
///
/// # Errors
/// When nodes do not start or refuse the configuration.
pub fn measure(troop: &Path, args: MemoryArgs, report: &mut Report) -> Result<()> {
    idle(troop, report)?;
    let dir = tempfile::tempdir()?;
    let cluster = Cluster::start(troop, dir.path())?;
    thread::sleep(REST);
    let (empty, each) = rss_of(&cluster)?;
    report.count("RSS of a member, no configuration", empty, "MiB", "", each);
    let among_none = write_time(&cluster.nodes[0], dir.path(), "none")?;
    configure(&cluster, args.services)?;
    thread::sleep(REST);
    let (full, each) = rss_of(&cluster)?;
    let what = format!("RSS of a member, {} services with a route each", args.services);
    report.count(what, full, "MiB", "", each);
    let among_many = write_time(&cluster.nodes[0], dir.path(), "many")?;
    let what = format!(
        "a write among {} services over one among none, p50",
        args.services
    );
    let note = format!("{among_many:.1} over {among_none:.1}, each in bare fdatasyncs beside it");
    report.time(what, among_many / among_none, "x", "", note);
    Ok(())
}

/// One node alone. Its CPU time is read along: whoever has nothing to do should do nothing.
fn idle(troop: &Path, report: &mut Report) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let node = Node::found(&Setup::plain(troop), dir.path())?;
    thread::sleep(REST);
    let before = node.program.cpu_time()?;
    thread::sleep(REST);
    let used = node.program.cpu_time()?.saturating_sub(before);
    let note = "founded, one worker, no configuration";
    report.count(
        "RSS of an idle node",
        node.program.rss_mib()?,
        "MiB",
        "idle_rss_mib",
        note,
    );
    let share = 100.0 * used.as_secs_f64() / REST.as_secs_f64();
    report.time("CPU of an idle node", share, "% of a core", "", note);
    Ok(())
}

/// The largest member's, and all of them in words.
fn rss_of(cluster: &Cluster) -> Result<(f64, String)> {
    let each = cluster
        .nodes
        .iter()
        .map(|node| node.program.rss_mib())
        .collect::<Result<Vec<_>>>()?;
    let words: Vec<_> = each.iter().map(|mib| format!("{mib:.1}")).collect();
    Ok((
        each.iter().copied().fold(0.0, f64::max),
        format!("largest of {}", words.join(", ")),
    ))
}

/// The middle time of creating a service with a route, over that of a bare `fdatasync` at the same time: the two states are a minute
/// apart, and the disk's neighbours come and go.
fn write_time(node: &Node, dir: &Path, among: &str) -> Result<f64> {
    let sync = disk::syncs(dir, WRITES_TIMED)?;
    let mut admin = node.admin()?;
    let mut times = Vec::with_capacity(WRITES_TIMED);
    for number in 0..WRITES_TIMED {
        let started = Instant::now();
        create(&mut admin, &format!("among-{among}-{number}"), number)?;
        times.push(started.elapsed());
    }
    Ok(Spread::of_millis(times).median() / sync.median())
}

fn configure(cluster: &Cluster, services: usize) -> Result<()> {
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let node = &cluster.nodes[writer % cluster.nodes.len()];
                scope.spawn(move || configure_share(node, (writer..services).step_by(WRITERS)))
            })
            .collect();
        writers
            .into_iter()
            .try_for_each(|writer| writer.join().map_err(|_| anyhow::anyhow!("a writer panicked"))?)
    })
    .context("writing the configuration")
}

fn configure_share(node: &Node, numbers: impl Iterator<Item = usize>) -> Result<()> {
    let mut admin = node.admin()?;
    numbers
        .into_iter()
        .try_for_each(|number| create(&mut admin, &format!("service-{number}"), number))
}

fn create(admin: &mut Connection, name: &str, number: usize) -> Result<()> {
    let host = format!("host-{}.example.test", number / ROUTES_PER_HOST);
    admin.post(
        "/services",
        &json!({"name": name, "url": format!("http://10.0.0.1:8080/{number}")}),
    )?;
    let route = json!({"name": name, "hosts": [host], "paths": [format!("/{name}")]});
    admin.post(&format!("/services/{name}/routes"), &route)?;
    Ok(())
}
