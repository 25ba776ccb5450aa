//! A load that keeps its pace, and how long each request waited.
//!
//! A clock that strikes whether or not the last visitor has left. Requests are due at fixed times, and a request's time counts from when it was
//! due, so that one slow answer also counts against those that queue behind it.

use crate::{
    load::{self, RequestHead},
    machine,
};
use anyhow::{Context, Result};
use std::{net::SocketAddr, thread, time::Duration};
use tokio::{
    net::TcpStream,
    runtime::Builder,
    task::LocalSet,
    time::{Instant, sleep_until, timeout},
};

/// Nothing that a proxy answers takes longer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How much, for how long.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Connections that take turns.
    pub connections: u32,
    /// Requests per second over all of them.
    pub per_second: u32,
    /// How long.
    pub length: Duration,
}

/// Runs it on a thread of its own, off the proxies' core, and gives the time of every request.
///
/// # Errors
/// When any answer is not a 200 of the origin.
pub fn keep(address: SocketAddr, pace: Pace) -> Result<Vec<Duration>> {
    let cores = machine::cores();
    let load = thread::spawn(move || {
        machine::leave_proxy_core(cores)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, all(address, pace))
    });
    load.join()
        .map_err(|_| anyhow::anyhow!("the load's thread panicked"))?
}

async fn all(address: SocketAddr, pace: Pace) -> Result<Vec<Duration>> {
    let beat = Duration::from_secs(1) / pace.per_second;
    let start = Instant::now() + beat * pace.connections;
    let clients: Vec<_> = (0..pace.connections)
        .map(|turn| {
            let due = start + beat * turn;
            tokio::task::spawn_local(client(address, due, beat * pace.connections, start + pace.length))
        })
        .collect();
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.await??);
    }
    Ok(times)
}

async fn client(
    address: SocketAddr,
    mut due: Instant,
    beat: Duration,
    end: Instant,
) -> Result<Vec<Duration>> {
    let request = RequestHead::Lean.request(address);
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(load::ANSWER_MAX_BYTES);
    let mut times = Vec::new();
    while due < end {
        sleep_until(due).await;
        timeout(ANSWER_TIMEOUT, load::exchange(&mut stream, &request, &mut buffer)).await??;
        times.push(due.elapsed());
        due += beat;
    }
    Ok(times)
}
