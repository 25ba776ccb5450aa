//! One connection, from the first byte to the last of either side.
//!
//! Either side may be quiet for as long as the service's read timeout; whoever closes its half closes the other's.

use super::{
    call::{Call, Fate, HungUp, Passed, Routed, Transport},
    hello,
};
use crate::{
    client::{arrival::Arrival, tls::Terminator, tunnel},
    peer::{
        connect::connect,
        pick::{Picked, tls_key},
        pool::PeerKey,
        send::TryError,
        stream::PeerStream,
    },
    plan::compile::Service,
    real_ip::RealIpSource,
    sweep::{Slot, Stage},
    worker::Worker,
};
use http::HeaderMap;
use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::pin,
    rc::Rc,
    time::Instant,
};
use tokio::io::{AsyncRead, AsyncWrite};
use troop_router::Carriers;
use troop_runtime::Line;
use troop_stdx::Remote;

/// Serves one connection. `tls` is what a listener for TLS ends it with.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    stream: Line,
    arrival: Arrival,
    listener: Option<SocketAddr>,
    tls: Option<Terminator>,
    number: u64,
) {
    let slot = worker.sweep.enter();
    slot.wait_on(Stage::Exchange);
    let own = (Rc::clone(&worker), Rc::clone(&slot));
    awake(
        &slot,
        put_through(own.0, own.1, stream, arrival, listener, tls, number),
    )
    .await;
    worker.page.closed.up();
}

/// Lets a future be woken when its slot is overdue.
pub(super) async fn awake<T>(slot: &Slot, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|cx| {
        slot.remember(cx);
        work.as_mut().poll(cx)
    })
    .await
}

async fn put_through(
    worker: Rc<Worker>,
    slot: Rc<Slot>,
    stream: Line,
    arrival: Arrival,
    listener: Option<SocketAddr>,
    tls: Option<Terminator>,
    number: u64,
) {
    let mut call = Call {
        client: client_of(&worker, &arrival),
        source: arrival.address,
        destination: stream.local().or(listener),
        transport: Transport::Tcp,
        heard: hello::Heard::default(),
        number,
        started: Instant::now(),
        worker,
        slot,
    };
    let plan = call.worker.plan();
    let mut carriers = Carriers {
        tcp: tls.is_none(),
        tls: tls.is_some(),
        tls_passthrough: true,
        udp: false,
    };
    if plan.streams.router.wants_to_hear(&call.caller(carriers)) {
        call.heard = hello::listen(&stream, call.worker.options.limits.head_timeout).await;
        carriers.tls_passthrough = call.heard.tls;
    } else {
        carriers.tls_passthrough = false;
    }
    let mut fate = Fate::default();
    let routed = call.route(&plan, carriers);
    let outcome = match &routed {
        Ok(routed) => match call.admit(routed) {
            Ok(service) => talk(&call, &plan, routed, &service, stream, tls, &mut fate).await,
            Err(reason) => Err(reason),
        },
        Err(_) => Err(HungUp::NoRoute),
    };
    call.ended(routed.as_ref().ok(), &fate, outcome.as_ref().err());
}

/// The connection's address, or whom that introduced if it is trusted.
fn client_of(worker: &Worker, arrival: &Arrival) -> Remote {
    let own = Remote::from(arrival.address);
    let options = &worker.options;
    let told = if options.real_ip.source == RealIpSource::ProxyProtocol && options.trusts(own) {
        options
            .real_ip
            .told(&HeaderMap::new(), arrival.told, &options.trusted_ips)
    } else {
        None
    };
    told.map_or(own, Remote::Ip)
}

/// Connects both sides and passes what they say.
async fn talk(
    call: &Call,
    plan: &crate::plan::Plan,
    routed: &Routed,
    service: &Service,
    stream: Line,
    tls: Option<Terminator>,
    fate: &mut Fate,
) -> Result<(), HungUp> {
    let reach = async |picked: &Picked<'_>| -> Result<PeerStream, TryError> {
        let key = PeerKey {
            address: picked.address,
            tls: tls_key(service, &picked.host, picked.badge.as_ref()),
        };
        let link = connect(&key, &call.slot, service.timeouts).await?;
        Ok(link.into_tunnel().0)
    };
    let (peer, _occupied) = call.connect(plan, service, &mut fate.trail, reach).await?;
    call.worker.page.peer_connects.up();
    fate.reached = Some(Instant::now());
    let quiet = service.timeouts.read;
    let terminator = tls.filter(|_| routed.carriers.tls);
    fate.passed = match terminator {
        None => pass(&call.slot, stream, peer, quiet).await,
        Some(terminator) => match shake_hands(call, terminator, stream).await {
            Ok(stream) => pass(&call.slot, stream, peer, quiet).await,
            Err(error) => {
                tracing::debug!(client = %call.client, %error, "a handshake failed");
                Passed::default()
            }
        },
    };
    Ok(())
}

async fn shake_hands(
    call: &Call,
    terminator: Terminator,
    stream: Line,
) -> io::Result<impl AsyncRead + AsyncWrite + Unpin + use<>> {
    let time = call.worker.options.limits.head_timeout;
    let shaken = tokio::time::timeout(time, terminator.accept(stream)).await;
    let (stream, _) = shaken.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    Ok(stream)
}

async fn pass<S: AsyncRead + AsyncWrite + Unpin>(
    slot: &Slot,
    client: S,
    peer: PeerStream,
    quiet: std::time::Duration,
) -> Passed {
    let (received, sent) = tunnel::pass(slot, client, peer, quiet, async |_, _| Ok(())).await;
    Passed { received, sent }
}
