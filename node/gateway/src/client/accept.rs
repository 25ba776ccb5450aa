//! Taking connections in.
//!
//! The doorman stops waving people in when the house is full; the queue then forms outside, in the kernel. Running out of file
//! descriptors is the same from another side: accepting fails at once, again and again, so after such a failure he waits a moment instead of
//! spinning.

use super::{
    Client,
    abandon::Abandon,
    arrival::{Arrival, arrive},
    connection, streams,
    tls::Terminator,
};
use crate::{stream::session, worker::Worker};
use futures_util::FutureExt;
use std::{net::SocketAddr, rc::Rc, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite};
use troop_runtime::{Line, Listener, is_http_2};
use troop_stdx::{Remote, Whereabouts};

/// How long to wait after accepting failed, and between looks at a full house.
const PAUSE: Duration = Duration::from_millis(50);

/// How the clients of one listener are received.
#[derive(Clone)]
pub(crate) struct Reception {
    pub tls: Option<Terminator>,
    /// Clients may speak HTTP/2; over TLS they say so when hands are shaken.
    pub http2: bool,
    /// A load balancer in front introduces each of them.
    pub proxy_protocol: bool,
    /// Their bytes are passed on as they come.
    pub raw: bool,
}

/// Takes connections from one listener until the worker drains.
pub(crate) async fn accept_all(
    worker: Rc<Worker>,
    listener: Listener,
    place: Whereabouts,
    reception: Reception,
) {
    let address = listener.local();
    let mut failing = false;
    while !worker.is_draining() {
        if worker.is_full() {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = worker.drained_or_told() => break,
        };
        match accepted {
            Ok((stream, client)) => {
                failing = false;
                take_in(&worker, stream, client, address, reception.clone());
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(address = %place, %error, "connections cannot be accepted");
                }
                failing = true;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    // Who stands at the door already is still let in: the kernel would turn them away as if nobody had ever been here.
    while let Some(Ok((stream, client))) = listener.accept().now_or_never() {
        take_in(&worker, stream, client, address, reception.clone());
    }
}

fn take_in(
    worker: &Rc<Worker>,
    stream: Line,
    client: Option<SocketAddr>,
    listener: Option<SocketAddr>,
    reception: Reception,
) {
    let listener = stream.local().map(canonical).or(listener);
    worker.page.accepted.up();
    stream.hurry();
    let worker = Rc::clone(worker);
    let number = worker.next_connection();
    tokio::task::spawn_local(async move {
        let Some(arrival) = arrive(&worker, &stream, client, reception.proxy_protocol).await else {
            worker.page.closed.up();
            return;
        };
        if reception.raw {
            // Apart, so that connections of HTTP do not hold the room for it.
            return Box::pin(session::serve(
                worker,
                stream,
                arrival,
                listener,
                reception.tls,
                number,
            ))
            .await;
        }
        match reception.tls {
            None => {
                let patience = worker.options.limits.first_byte_timeout;
                let http2 = reception.http2 && is_http_2(&stream, patience).await;
                let client = Client::new(worker, arrival, listener, None, number);
                drive(client, stream, http2).await;
            }
            // Apart, so that connections without TLS do not hold the room for it.
            Some(tls) => Box::pin(shake_hands(worker, stream, arrival, listener, tls, number)).await,
        }
    });
}

async fn drive<S>(client: Client, stream: S, http2: bool)
where
    S: AsyncRead + AsyncWrite + Abandon + Unpin + 'static,
{
    if http2 {
        // Apart, so that connections without HTTP/2 do not hold the room for it.
        Box::pin(streams::drive(Rc::new(client), stream)).await;
    } else {
        connection::drive(Rc::new(client), stream).await;
    }
}

/// IPv4 as such, also through a socket that takes both.
fn canonical(address: SocketAddr) -> SocketAddr {
    (address.ip().to_canonical(), address.port()).into()
}

async fn shake_hands(
    worker: Rc<Worker>,
    stream: Line,
    arrival: Arrival,
    listener: Option<SocketAddr>,
    tls: Terminator,
    number: u64,
) {
    let client = Remote::from(arrival.address);
    let time = worker.options.limits.head_timeout;
    match tokio::time::timeout(time, tls.accept(stream)).await {
        Ok(Ok((stream, facts))) => {
            let http2 = facts.http2;
            let client = Client::new(worker, arrival, listener, Some(facts), number);
            drive(client, stream, http2).await;
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
