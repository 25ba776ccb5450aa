//! A large document made the configuration of three nodes: how long it takes, and what it asks of their memory.
//!
//! The worst document that is promised: consumers with one key each, as many as asked for, on an empty cluster, by the command that
//! people use. Beside the memory of a node at rest stands the most it ever had, which is where a machine that is too small would
//! have ended it.

use crate::{
    DocumentArgs,
    figure::Report,
    node::{Cluster, Node},
};
use anyhow::{Result, ensure};
use serde_json::json;
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    process::Command,
    time::Instant,
};

/// Measures one cluster.
///
/// # Errors
/// When it does not form or refuses the document.
pub fn measure(troop: &Path, args: DocumentArgs, report: &mut Report) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let cluster = Cluster::start(troop, dir.path())?;
    let file = dir.path().join("document.json");
    write(&file, args.consumers)?;
    let leader = cluster.leader()?;
    let follower = &cluster.nodes[(leader + 1) % cluster.nodes.len()];
    let took = apply(troop, &file, follower)?;
    let what = format!(
        "{} consumers with a key each, applied at a follower",
        args.consumers
    );
    report.time(what, took, "s", "", "three nodes, empty before".to_owned());
    let again = apply(troop, &file, follower)?;
    report.time(
        "the same document again",
        again,
        "s",
        "",
        "nothing to change".to_owned(),
    );
    let peaks = cluster.nodes.iter().map(|node| node.program.rss_peak_mib());
    let peaks = peaks.collect::<Result<Vec<_>>>()?;
    let words: Vec<_> = peaks.iter().map(|mib| format!("{mib:.1}")).collect();
    let most = peaks.iter().copied().fold(0.0, f64::max);
    report.count(
        "most RSS of a member meanwhile",
        most,
        "MiB",
        "",
        format!("largest of {}", words.join(", ")),
    );
    Ok(())
}

fn write(path: &Path, consumers: usize) -> Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(b"{\"_format_version\":\"3.0\",\"consumers\":[")?;
    for n in 0..consumers {
        let comma = if n == 0 { "" } else { "," };
        let consumer = json!({
            "username": format!("consumer-{n:07}"), "keyauth_credentials": [{"key": format!("key-of-consumer-{n:07}")}],
        });
        write!(out, "{comma}{consumer}")?;
    }
    out.write_all(b"]}")?;
    Ok(out.flush()?)
}

/// Makes a file the configuration, and gives the seconds that took.
///
/// # Errors
/// When it is refused.
pub fn apply(troop: &Path, file: &Path, node: &Node) -> Result<f64> {
    let started = Instant::now();
    let done = Command::new(troop)
        .args(["config", "apply", "--timeout", "10m", "--admin"])
        .arg(node.admin.to_string())
        .arg(file)
        .output()?;
    let words = String::from_utf8_lossy(&done.stderr).into_owned();
    ensure!(done.status.success(), "the document was not applied: {words}");
    Ok(started.elapsed().as_secs_f64())
}
