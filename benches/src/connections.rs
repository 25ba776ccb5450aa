//! What connections cost that clients keep open and do not use.
//!
//! Browsers and pools hold many more connections than they use. Each has asked once, so that whatever a proxy keeps for a client is there; then
//! they rest, and the node's memory is read beside what it was before.

use crate::{
    ConnectionsArgs,
    figure::Report,
    load::{self, RequestHead},
    machine,
    node::{Node, Setup},
    origin,
};
use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{net::SocketAddr, path::Path, time::Duration};
use tokio::{net::TcpStream, runtime::Builder, time::sleep};

/// Rest before memory is read.
const REST: Duration = Duration::from_secs(5);
/// Descriptors that a node keeps back for itself.
const OTHER_FILES: u64 = 2_000;

/// Measures one node.
///
/// # Errors
/// When it does not start, or takes fewer connections.
pub fn measure(troop: &Path, args: ConnectionsArgs, report: &mut Report) -> Result<()> {
    let count = affordable(args.connections)?;
    let dir = tempfile::tempdir()?;
    let origin = origin::start(machine::cores())?;
    let node = Node::found(&Setup::plain(troop), dir.path())?;
    node.route_to(origin)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        drop(open(node.proxy, 1).await?);
        sleep(REST).await;
        let before = node.program.rss_mib()?;
        let held = open(node.proxy, count).await?;
        sleep(REST).await;
        let after = node.program.rss_mib()?;
        let alive = held.iter().filter(|stream| is_alive(stream)).count();
        ensure!(alive == count, "{alive} connections are left of {count}");
        let each = (after - before) * 1024.0 / count as f64;
        let note = format!("{count} connections: {before:.1} MiB before, {after:.1} after");
        report.count(
            "RSS of an idle connection",
            each,
            "KiB",
            "idle_connection_kib",
            note,
        );
        Ok(())
    })
}

async fn open(proxy: SocketAddr, count: usize) -> Result<Vec<TcpStream>> {
    let request = RequestHead::Lean.request(proxy);
    let mut buffer = Vec::with_capacity(load::ANSWER_MAX_BYTES);
    let mut held = Vec::with_capacity(count);
    for number in 0..count {
        let mut stream = TcpStream::connect(proxy)
            .await
            .with_context(|| format!("connection {number}"))?;
        load::exchange(&mut stream, &request, &mut buffer)
            .await
            .with_context(|| format!("connection {number}"))?;
        held.push(stream);
    }
    Ok(held)
}

/// Nobody has sent anything, nor hung up.
fn is_alive(stream: &TcpStream) -> bool {
    let mut byte = [0];
    stream
        .try_read(&mut byte)
        .is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

/// As many connections as files can be opened for. The node inherits what is allowed here, and keeps one file in two for the other side.
fn affordable(wanted: usize) -> Result<usize> {
    let given = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: given.maximum,
        maximum: given.maximum,
    };
    setrlimit(Resource::Nofile, raised)?;
    let files = given.maximum.unwrap_or(u64::MAX);
    let fitting = usize::try_from(files.saturating_sub(OTHER_FILES) / 2).unwrap_or(usize::MAX);
    Ok(wanted.min(fitting))
}
