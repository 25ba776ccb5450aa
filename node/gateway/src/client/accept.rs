//! Taking connections in.
//!
//! The doorman stops waving people in when the house is full; the queue then forms outside, in the kernel. Running out of file
//! descriptors is the same from another side: accepting fails at once, again and again, so after such a failure he waits a moment instead of
//! spinning.

use super::{Client, TlsFacts, connection};
use crate::worker::Worker;
use std::{net::SocketAddr, rc::Rc, sync::Arc, time::Duration};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// How long to wait after accepting failed, and between looks at a full house.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes connections from one listener until the worker drains.
pub(crate) async fn accept_all(worker: Rc<Worker>, listener: TcpListener, tls: Option<TlsAcceptor>) {
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
    tls: Option<TlsAcceptor>,
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
            Some(acceptor) => shake_hands(worker, stream, client, listener, acceptor, number).await,
        }
    });
}

async fn shake_hands(
    worker: Rc<Worker>,
    stream: TcpStream,
    client: SocketAddr,
    listener: SocketAddr,
    acceptor: TlsAcceptor,
    number: u64,
) {
    let time = worker.options.limits.head_timeout;
    match tokio::time::timeout(time, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            let sni = stream.get_ref().1.server_name().map(str::to_owned);
            let client = Client::new(worker, client, listener, Some(TlsFacts { sni }), number);
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

/// TLS for all listeners that want it.
pub(crate) fn acceptor(config: &Arc<rustls::ServerConfig>) -> TlsAcceptor {
    TlsAcceptor::from(Arc::clone(config))
}
