//! What came of asking peers: a head, and what the bodies of request and response flow through.

use crate::{
    intake::Intake,
    peer::{
        attempt::{Means, Outgoing, Trail},
        call,
        head::PeerHead,
        inflow::Inflow,
        link::Link,
        outflow::Stock,
        pool::Lease,
        send::Timeouts,
        upload::Upload,
    },
    plan::{Plan, compile::Service},
    rescue::Rescue,
};
use std::{net::SocketAddr, rc::Rc, time::Instant};

/// A peer's answer, its body still to come.
pub(crate) struct Proxied {
    pub head: Box<PeerHead>,
    pub peer: SocketAddr,
    /// When the last try began.
    pub sent_at: Instant,
    pub flow: Flow,
    pub timeouts: Timeouts,
}

/// What the bodies of request and response flow through.
pub(crate) enum Flow {
    /// HTTP/1.1
    Link {
        link: Box<Link>,
        lease: Lease,
        upload: Upload,
    },
    /// HTTP/2
    Call(Box<Inflow>),
}

/// Tries over HTTP/2, where bodies flow while the head is waited for; and how much of the request's body came.
pub(crate) async fn call_peer(
    plan: &Plan,
    service: &Service,
    outgoing: &Outgoing<'_>,
    intake: Intake,
    means: &Means<'_>,
    trail: &mut Trail,
) -> (Result<Proxied, Rescue>, u64) {
    let stock = Stock::new(intake, Rc::clone(means.slot), service.timeouts.read);
    let called = call::call(plan, service, outgoing, &stock, means, trail).await;
    let proxied = called.map(|called| Proxied {
        head: called.head,
        peer: called.peer,
        sent_at: called.sent_at,
        flow: Flow::Call(Box::new(called.inflow)),
        timeouts: service.timeouts,
    });
    (proxied, stock.received())
}
