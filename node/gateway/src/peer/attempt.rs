//! Tries: ask a peer, and if that gives nothing, perhaps another one.
//!
//! Whether another try is safe is the whole question. Asking twice is harmless as long as no byte of the request left, or as long
//! as the method may be repeated. A client whose `POST` was perhaps carried out gets the error, not a second order.
//!
//! The catch is the idle connection: the peer may have closed it in the moment it was used. That try tells nothing about the peer, so it is not
//! counted against `retries`.

use super::{
    connect::connect,
    head::{Expected, PeerHead},
    link::Link,
    pool::{Lease, PeerKey},
    send::{self, TryError},
    tries::Tries,
    upload::Upload,
};
use crate::{
    affinity::Traits,
    edited::Edited,
    fields::Fields,
    forward::{Forwarded, RequestHead},
    intake::IntakeError,
    plan::{Plan, compile::Service},
    rescue::Rescue,
    sweep::Slot,
    worker::Worker,
};
use http::{HeaderValue, Method, StatusCode};
use std::{future::poll_fn, net::SocketAddr, rc::Rc, task::Poll, time::Instant};
use troop_plugin_api::Try;

/// What tries are made with.
pub(crate) struct Means<'a> {
    pub worker: &'a Worker,
    pub slot: &'a Rc<Slot>,
}

/// The request, but for what changes with the peer.
pub(crate) struct Outgoing<'a> {
    pub method: &'a Method,
    pub target: &'a str,
    pub headers: Edited<'a>,
    pub fields: &'a Fields<'a>,
    pub forwarded: &'a Forwarded<'a>,
    /// The client's own `Host`, if the peer is to get it.
    pub host: Option<&'a str>,
    pub expected: Expected,
    /// What may decide to which peer it belongs.
    pub traits: Traits<'a>,
}

/// A peer answered.
pub(crate) struct Answered {
    pub head: Box<PeerHead>,
    pub link: Box<Link>,
    pub lease: Lease,
    pub peer: SocketAddr,
    /// When the last try began.
    pub sent_at: Instant,
}

/// What tries left behind, however they ended.
#[derive(Default)]
pub(crate) struct Trail {
    /// When the last peer had been picked.
    pub picked_at: Option<Instant>,
    /// Tries that failed, and the last one.
    pub tries: Vec<Try>,
    /// A cookie by which the client's next requests find the same peer.
    pub cookie: Option<HeaderValue>,
}

impl Trail {
    /// The last try: it got through, with this answer where there are answers.
    pub fn note(&mut self, peer: SocketAddr, status: Option<StatusCode>, at: Instant, worker: &Worker) {
        self.push(peer, status.map(|s| s.as_u16()), None, at, worker);
    }

    /// The last try: nothing came of it.
    pub fn note_failure(&mut self, peer: SocketAddr, error: &TryError, worker: &Worker) {
        // Kong: what nginx makes of it.
        let failed_as = match error {
            TryError::TimedOut => 504,
            _ => 502,
        };
        self.push(peer, None, Some(failed_as), Instant::now(), worker);
    }

    fn push(
        &mut self,
        peer: SocketAddr,
        status: Option<u16>,
        failed_as: Option<u16>,
        ended_at: Instant,
        worker: &Worker,
    ) {
        let picked_at = self.picked_at.unwrap_or(ended_at);
        let took = ended_at.saturating_duration_since(picked_at).as_micros();
        self.tries.push(Try {
            peer,
            status,
            failed_as,
            picked_at_us: worker.unix_us_at(picked_at),
            took_us: u64::try_from(took).unwrap_or(u64::MAX),
        });
    }
}

/// Asks peers of a service until one answers or it is no use.
pub(crate) async fn ask(
    plan: &Plan,
    service: &Service,
    outgoing: &Outgoing<'_>,
    upload: &mut Upload,
    means: &Means<'_>,
    trail: &mut Trail,
) -> Result<Answered, Rescue> {
    let mut tries = Tries::new(plan, service, outgoing, means, trail);
    loop {
        let mut attempt = tries.next().await?;
        let host = tries.host(&attempt);
        match try_peer(&attempt.key, host, service, outgoing, upload, means).await {
            Ok((head, link)) => {
                tries.answered(&attempt, head.status.as_u16());
                let mut lease = Lease::new(Rc::clone(&means.worker.pool), attempt.key, Rc::clone(means.slot));
                lease.occupied = attempt.picked.occupied.take();
                return Ok(Answered {
                    head,
                    link,
                    lease,
                    peer: attempt.picked.address,
                    sent_at: attempt.sent_at,
                });
            }
            Err(failed) => tries.failed(&attempt, &failed, upload.can_repeat())?,
        }
        upload.rewind();
    }
}

/// A try that gave no response.
pub(super) struct Failed {
    pub error: TryError,
    /// Whether a byte of the request left.
    pub sent: bool,
}

impl Failed {
    pub fn rescue(&self) -> Rescue {
        match &self.error {
            TryError::TimedOut => Rescue::PeerTimeout,
            TryError::Client(IntakeError::TooLarge) => Rescue::BodyTooLarge,
            TryError::Client(IntakeError::TooSlow) => Rescue::RequestTimeout,
            TryError::Client(IntakeError::Broken | IntakeError::Trailers(_)) => Rescue::BadRequest,
            _ => Rescue::PeerFailed,
        }
    }
}

/// Asks one peer, on a connection that waited if there is one, else on a new one.
async fn try_peer(
    key: &PeerKey,
    host: &str,
    service: &Service,
    outgoing: &Outgoing<'_>,
    upload: &mut Upload,
    means: &Means<'_>,
) -> Result<(Box<PeerHead>, Box<Link>), Failed> {
    let now = means.slot.now_ms();
    while let Some(mut link) = poll_fn(|cx| Poll::Ready(means.worker.pool.take(key, now, cx))).await {
        match send_on(&mut link, host, service, outgoing, upload, means).await {
            Ok(head) => return Ok((head, link)),
            // It was closed when it was used: as good as not tried.
            Err(failed)
                if was_stale(&failed.error)
                    && may_try_again(&failed, outgoing.method, upload.can_repeat()) =>
            {
                upload.rewind();
            }
            Err(failed) => return Err(failed),
        }
    }
    let connected = Box::pin(connect(key, means.slot, service.timeouts)).await;
    let mut link = connected.map_err(|error| Failed { error, sent: false })?;
    means.worker.page.peer_connects.up();
    let head = send_on(&mut link, host, service, outgoing, upload, means).await?;
    Ok((head, link))
}

async fn send_on(
    link: &mut Link,
    host: &str,
    service: &Service,
    outgoing: &Outgoing<'_>,
    upload: &mut Upload,
    means: &Means<'_>,
) -> Result<Box<PeerHead>, Failed> {
    let head = RequestHead {
        method: outgoing.method.as_str(),
        target: outgoing.target,
        host,
        headers: outgoing.headers,
        fields: outgoing.fields,
        forwarded: outgoing.forwarded,
        length: upload.length(),
        websocket: outgoing.expected.websocket,
    };
    head.write_to(link.begin());
    let sent = send::request(
        link,
        upload,
        outgoing.expected,
        means.slot,
        service.timeouts,
        &means.worker.options.limits,
    )
    .await;
    sent.map_err(|error| Failed {
        error,
        sent: link.touched,
    })
}

/// A connection that had waited and broke without an answer.
fn was_stale(error: &TryError) -> bool {
    matches!(error, TryError::Closed | TryError::Broken(_))
}

/// Kong (nginx): what may not be repeated is not repeated once it was sent. A peer that answered, if only nonsense, has had the request: it is not
/// asked again either.
pub(super) fn may_try_again(failed: &Failed, method: &Method, can_repeat: bool) -> bool {
    let settled = matches!(
        failed.error,
        TryError::Client(_) | TryError::Head(_) | TryError::Interims
    );
    if settled || !can_repeat {
        return false;
    }
    !failed.sent || !matches!(method.as_str(), "POST" | "LOCK" | "PATCH")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::head::HeadError;
    use std::io;

    fn check(method: &str, error: TryError, sent: bool, again: bool) {
        let failed = Failed { error, sent };
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        assert_eq!(
            may_try_again(&failed, &method, true),
            again,
            "{method} {:?} {sent}",
            failed.error
        );
    }

    #[test]
    fn another_try_is_made_only_where_it_is_safe() {
        let refused = || TryError::Connect(io::ErrorKind::ConnectionRefused.into());
        check("GET", refused(), false, true);
        check("POST", refused(), false, true);
        check("GET", TryError::Closed, true, true);
        check("PUT", TryError::TimedOut, true, true);
        for method in ["POST", "PATCH", "LOCK"] {
            check(method, TryError::Closed, true, false);
            check(method, TryError::TimedOut, true, false);
        }
        check("GET", TryError::Client(IntakeError::TooSlow), true, false);
        check("GET", TryError::Interims, true, false);
        check("GET", HeadError::Length.into(), true, false);
    }
}
