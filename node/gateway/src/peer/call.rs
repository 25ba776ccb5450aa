//! Calls: requests to peers that speak HTTP/2, which is to say gRPC.
//!
//! The same tries as for HTTP/1.1 (`attempt.rs`), with another vehicle. A call is a `POST`, so once its head has left, only a peer that says it did
//! not look at it is followed by another.
//!
//! Kong: the deadline of a call is a matter between client and origin. It is passed on, and a client that gives up resets its
//! stream, which resets ours.

use super::{
    attempt::{Failed, Means, Outgoing, Trail},
    connect::connect_stream,
    download::Pauses,
    head::{Framing, PeerHead},
    inflow::Inflow,
    outflow::{Outflow, Stock},
    pool::PeerKey,
    send::TryError,
    tries::Tries,
    trunk::Ride,
};
use crate::{
    forward::{BodyLength, RequestHead},
    plan::{Plan, compile::Service},
    rescue::Rescue,
    sweep::Stage,
};
use http::{Request, Response};
use hyper::{body::Incoming, client::conn::TrySendError};
use std::{
    error::Error as _,
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::pin,
    rc::Rc,
    task::Poll,
    time::Instant,
};
use troop_plugin_api::Scheme;

/// What TLS calls HTTP/2.
const HTTP_2: &[u8] = b"h2";

/// A peer answered.
pub(crate) struct Called {
    pub head: Box<PeerHead>,
    pub inflow: Inflow,
    pub peer: SocketAddr,
    /// When the last try began.
    pub sent_at: Instant,
}

/// Calls peers of a service until one answers or it is no use.
pub(crate) async fn call(
    plan: &Plan,
    service: &Service,
    outgoing: &Outgoing<'_>,
    stock: &Rc<Stock>,
    means: &Means<'_>,
    trail: &mut Trail,
) -> Result<Called, Rescue> {
    let mut tries = Tries::new(plan, service, outgoing, means, trail);
    loop {
        let mut attempt = tries.next().await?;
        let host = tries.host(&attempt);
        match call_peer(&attempt.key, host, service, outgoing, stock, means).await {
            Ok((response, ride)) => {
                tries.answered(&attempt, response.status().as_u16());
                let pauses = Pauses {
                    read: service.timeouts.read,
                    send: means.worker.options.limits.send_timeout,
                };
                let (head, body) = split(response);
                let occupied = attempt.picked.occupied.take();
                return Ok(Called {
                    head,
                    inflow: Inflow::new(body, ride, occupied, pauses, Rc::clone(means.slot)),
                    peer: attempt.picked.address,
                    sent_at: attempt.sent_at,
                });
            }
            Err(failed) => tries.failed(&attempt, &failed, stock.can_repeat())?,
        }
    }
}

fn split(response: Response<Incoming>) -> (Box<PeerHead>, Incoming) {
    let (parts, body) = response.into_parts();
    let head = PeerHead {
        status: parts.status,
        reason: None,
        headers: parts.headers,
        // How it is delimited is the frames' affair.
        framing: Framing::Empty,
        reusable: true,
    };
    (Box::new(head), body)
}

/// Calls one peer, on a line that is there if one has room, else on a new one.
async fn call_peer(
    key: &PeerKey,
    host: &str,
    service: &Service,
    outgoing: &Outgoing<'_>,
    stock: &Rc<Stock>,
    means: &Means<'_>,
) -> Result<(Response<Incoming>, Ride), Failed> {
    let trunks = &means.worker.trunks;
    while let Some(ride) = trunks.take(key, means.slot.now_ms()) {
        match call_on(&ride, host, service, outgoing, stock, means).await {
            Ok(response) => return Ok((response, ride)),
            // The line was closed before anything of the call left: as good as not tried.
            Err(failed) if !failed.sent && matches!(failed.error, TryError::Broken(_)) => ride.derail(),
            Err(failed) => {
                // A peer that is gone without a word takes everybody who comes after along.
                if matches!(failed.error, TryError::TimedOut) {
                    ride.derail();
                }
                return Err(failed);
            }
        }
    }
    let unsent = |error| Failed { error, sent: false };
    let protocol = Some(HTTP_2);
    let connecting = connect_stream(key, protocol, means.slot, service.timeouts);
    let stream = connecting.await.map_err(unsent)?;
    means.worker.page.peer_connects.up();
    let ride = trunks.lay(key, stream, means.slot.now_ms()).await;
    let ride = ride.map_err(|error| unsent(TryError::Broken(io::Error::other(error))))?;
    match call_on(&ride, host, service, outgoing, stock, means).await {
        Ok(response) => Ok((response, ride)),
        Err(failed) => {
            ride.derail();
            Err(failed)
        }
    }
}

async fn call_on(
    ride: &Ride,
    host: &str,
    service: &Service,
    outgoing: &Outgoing<'_>,
    stock: &Rc<Stock>,
    means: &Means<'_>,
) -> Result<Response<Incoming>, Failed> {
    let request = request(host, service, outgoing, stock.pour()).map_err(|error| Failed {
        error: TryError::Broken(io::Error::new(io::ErrorKind::InvalidInput, error)),
        // Another peer would not make it a better one.
        sent: true,
    })?;
    let slot = means.slot;
    slot.wait(Stage::Exchange, service.timeouts.read);
    let mut sender = ride.sender();
    let mut answer = pin!(sender.try_send_request(request));
    let answered = poll_fn(|cx| match answer.as_mut().poll(cx) {
        Poll::Ready(answered) => Poll::Ready(answered.map_err(|error| failed(error, stock))),
        Poll::Pending if slot.is_overdue() => Poll::Ready(Err(Failed {
            error: TryError::TimedOut,
            sent: true,
        })),
        Poll::Pending => Poll::Pending,
    });
    answered.await
}

fn failed(mut error: TrySendError<Request<Outflow>>, stock: &Stock) -> Failed {
    let unsent = error.take_message().is_some();
    let error = error.into_error();
    let sent = !unsent && !was_refused(&error);
    let error = match stock.fault() {
        Some(fault) => TryError::Client(fault),
        None => TryError::Broken(io::Error::other(error)),
    };
    Failed { error, sent }
}

/// RFC 9113 §8.7: the peer says that it did not look at the request.
fn was_refused(error: &hyper::Error) -> bool {
    let reset = error
        .source()
        .and_then(|source| source.downcast_ref::<h2::Error>());
    reset.and_then(h2::Error::reason) == Some(h2::Reason::REFUSED_STREAM)
}

fn request(
    host: &str,
    service: &Service,
    outgoing: &Outgoing<'_>,
    body: Outflow,
) -> Result<Request<Outflow>, http::Error> {
    let scheme = match service.scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    let head = RequestHead {
        method: outgoing.method.as_str(),
        target: outgoing.target,
        host,
        headers: outgoing.headers,
        fields: outgoing.fields,
        forwarded: outgoing.forwarded,
        length: BodyLength::None,
        websocket: false,
    };
    let mut request = Request::builder()
        .method(outgoing.method)
        .uri(format!("{scheme}://{host}{}", outgoing.target))
        .body(body)?;
    *request.headers_mut() = head.to_map();
    Ok(request)
}
