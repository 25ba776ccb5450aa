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
use rustix::process::{Resource, getrlimit, setrlimit};
use std::{net::SocketAddr, path::Path, time::Duration};
use tokio::{net::TcpStream, runtime::Builder, time::sleep};

/// Rest before memory is read.
const REST: Duration = Duration::from_secs(5);
/// Descriptors of the rig beside those of connections.
const OTHER_FILES: u64 = 200;

/// Measures one node.
///
/// # Errors
/// When it does not start, or takes fewer connections.
pub fn measure(troop: &Path, args: ConnectionsArgs, report: &mut Report) -> Result<()> {
    allow_files(args.connections as u64 * 2 + OTHER_FILES)?;
    let dir = tempfile::tempdir()?;
    let origin = origin::start(machine::cores())?;
    let node = Node::found(&Setup::plain(troop), dir.path())?;
    node.route_to(origin)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        drop(open(node.proxy, 1).await?);
        sleep(REST).await;
        let before = node.program.rss_mib()?;
        let held = open(node.proxy, args.connections).await?;
        sleep(REST).await;
        let after = node.program.rss_mib()?;
        let alive = held.iter().filter(|stream| is_alive(stream)).count();
        ensure!(
            alive == args.connections,
            "{alive} connections are left of {}",
            args.connections
        );
        let grown = after - before;
        let note = format!(
            "{before:.1} before, {after:.1} after; {:.1} KiB each",
            grown * 1024.0 / args.connections as f64
        );
        let what = format!("RSS for {} idle connections", args.connections);
        report.count(what, grown, "MiB", "idle_connections_mib", note);
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

/// The node inherits what is allowed here.
fn allow_files(wanted: u64) -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(wanted.min(limit.maximum.unwrap_or(wanted)));
        setrlimit(Resource::Nofile, limit)?;
    }
    Ok(())
}
