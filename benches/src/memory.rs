//! Memory that a node has in RAM: idle and alone, and as a member of a cluster with a configuration.
//!
//! The catch: right after a start or a burst of writes, buffers are on their way out. So it is read after a rest, and the smallest
//! of nothing: one reading, as an operator would take it.

use crate::{
    MemoryArgs,
    figure::Report,
    node::{Cluster, Node, Setup},
};
use anyhow::{Context, Result};
use serde_json::json;
use std::{path::Path, thread, time::Duration};

/// Rest before memory is read.
const REST: Duration = Duration::from_secs(10);
/// Writers that put the configuration in, so that it takes a minute and not ten.
const WRITERS: usize = 16;

/// Measures a node alone, then a cluster.
///
/// # Errors
/// When nodes do not start or refuse the configuration.
pub fn measure(troop: &Path, args: MemoryArgs, report: &mut Report) -> Result<()> {
    let alone = {
        let dir = tempfile::tempdir()?;
        let node = Node::found(&Setup::plain(troop), dir.path())?;
        thread::sleep(REST);
        node.program.rss_mib()?
    };
    report.count(
        "RSS of an idle node",
        alone,
        "MiB",
        "idle_rss_mib",
        "founded, one worker, no configuration",
    );

    let dir = tempfile::tempdir()?;
    let cluster = Cluster::start(troop, dir.path())?;
    thread::sleep(REST);
    let (empty, each) = rss_of(&cluster)?;
    report.count("RSS of a member, no configuration", empty, "MiB", "", each);
    configure(&cluster, args.services)?;
    thread::sleep(REST);
    let (full, each) = rss_of(&cluster)?;
    let what = format!("RSS of a member, {} services with a route each", args.services);
    report.count(what, full, "MiB", "", each);
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
    for number in numbers {
        let service = format!("service-{number}");
        let host = format!("host-{}.example.test", number / 10);
        admin.post(
            "/services",
            &json!({"name": service, "url": format!("http://10.0.0.1:8080/{number}")}),
        )?;
        let route =
            json!({"name": format!("route-{number}"), "hosts": [host], "paths": [format!("/path-{number}")]});
        admin.post(&format!("/services/{service}/routes"), &route)?;
    }
    Ok(())
}
