//! Programs that people already use: decK, aio-kong and schemathesis against a follower of a real cluster, grpcio
//! through the proxy, sslyze against its TLS.
//!
//! Recorded conversations show that we say what Kong says. These show that it is enough: each tool is the real one,
//! installed from where its users get it, and talks to the node that has to ask another one before it may answer.
//!
//! The tools are not Rust and a machine may lack them, so these tests are ignored unless asked for. `./ci test` installs
//! what is missing and asks for them, or says that they were not run.

mod aio_kong;
mod deck;
mod grpc;
mod schemathesis;
mod tls_scan;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use troop_tests::{
    cluster::{Cluster, with_cluster},
    program::{Finished, finish_within},
};

/// Longest run of a tool: on a busy machine each of a thousand requests waits its turn.
const TOOL_TIMEOUT: Duration = Duration::from_secs(300);

/// Plays with the URL of a follower's Admin API.
#[track_caller]
fn at_a_follower(play: impl FnOnce(&Cluster, &str)) {
    with_cluster(3, |cluster| {
        let leader = cluster.leader();
        let follower = cluster.others(leader)[0];
        let url = format!("http://{}", cluster.node(follower).admin().address());
        play(cluster, &url);
    });
}

/// A file below `tests/clients`.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

/// Runs a tool to its end.
#[track_caller]
fn run(command: Command) -> Finished {
    finish_within(command, TOOL_TIMEOUT)
}

/// The interpreter that has the Python clients.
///
/// # Panics
/// When it is not there: who asks for these tests wants them run.
fn python() -> Command {
    let home = env::var_os("HOME").unwrap_or_default();
    let usual = || Path::new(&home).join(".cache/troop/clients/bin/python");
    let path = env::var_os("TROOP_CLIENTS_PYTHON").map_or_else(usual, PathBuf::from);
    assert!(
        path.exists(),
        "there is no {}; ./ci test makes it",
        path.display()
    );
    Command::new(path)
}
