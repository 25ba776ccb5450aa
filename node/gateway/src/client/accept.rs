//! Taking connections in.
//!
//! The doorman stops waving people in when the house is full; the queue then forms outside, in the kernel. Running out of file
//! descriptors is the same from another side: accepting fails at once, again and again, so after such a failure he waits a moment instead of
//! spinning.

use super::{Client, connection, tls::Terminator};
use crate::worker::Worker;
use std::{net::SocketAddr, rc::Rc, time::Duration};
use tokio::net::{TcpListener, TcpStream};

/// How long to wait after accepting failed, and between looks at a full house.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes connections from one listener until the worker drains.
pub(crate) async fn accept_all(worker: Rc<Worker>, listener: TcpListener, tls: Option<Terminator>) {
    let Ok(address) = listener.local_addr() else {
        tracing::error!("a listener without an address is not used");
        return;
    };
    let mut failing = false;
    while !worker.is_draining() {
        if worker.is_full() {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = worker.drained_or_told() => return,
        };
        match accepted {
            Ok((stream, client)) => {
                failing = false;
                take_in(&worker, stream, client, address, tls.clone());
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(%address, %error, "connections cannot be accepted");
                }
                failing = true;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn take_in(
    worker: &Rc<Worker>,
    stream: TcpStream,
    client: SocketAddr,
    listener: SocketAddr,
    tls: Option<Terminator>,
) {
    worker.page.accepted.up();
    // Failing to set it costs latency, not correctness.
    let _ = stream.set_nodelay(true);
    let worker = Rc::clone(worker);
    let number = worker.next_connection();
    tokio::task::spawn_local(async move {
        match tls {
            None => {
                let client = Client::new(worker, client, listener, None, number);
                connection::drive(Rc::new(client), stream).await;
            }
            Some(tls) => shake_hands(worker, stream, client, listener, tls, number).await,
        }
    });
}

async fn shake_hands(
    worker: Rc<Worker>,
    stream: TcpStream,
    client: SocketAddr,
    listener: SocketAddr,
    tls: Terminator,
    number: u64,
) {
    let time = worker.options.limits.head_timeout;
    match tokio::time::timeout(time, tls.accept(stream)).await {
        Ok(Ok((stream, facts))) => {
            let client = Client::new(worker, client, listener, Some(facts), number);
            connection::drive(Rc::new(client), stream).await;
        }
        Ok(Err(error)) => {
            worker.page.closed.up();
            tracing::debug!(%client, %error, "a handshake failed");
        }
        Err(_) => {
            worker.page.closed.up();
            tracing::debug!(%client, "a handshake took too long");
        }
    }
}
