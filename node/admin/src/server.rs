//! From a listening socket to a [`Service`]: connections, deadlines, limits, and closing time.
//!
//! A door with a doorman: lets in up to a number of people and tells the rest why not, gives each a while to
//! say what they want and a while to hand over their parcels, and at closing time lets those inside finish.
//! What is wanted and answered is not his business.
//!
//! What is spoken at the door, TLS and HTTP/2 included, is told in `server/spoken.rs`.
//!
//! The catch: a stream of events never finishes by itself. So closing time is told to the service too, which
//! ends its streams.

mod spoken;

use crate::{
    answer::{self, Answer},
    options::Options,
    problem::Failure,
};
use bytes::Bytes;
use futures_util::{FutureExt as _, future::BoxFuture};
use http::{HeaderValue, Request, StatusCode, Version, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
pub use spoken::Reception;
use spoken::{http_2, http_11};
use std::{convert::Infallible, io, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};
use tokio::{
    sync::Semaphore,
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};
use troop_runtime::{Line, Listener, Shutdown, TaskSet};
use troop_stdx::Remote;

/// What is behind a door.
pub trait Service: Send + Sync + 'static {
    /// Answers a request whose body is complete. Its extensions hold the client's [`Remote`].
    fn answer(&self, request: Request<Bytes>) -> BoxFuture<'_, Answer>;

    /// Answers a request that did not get that far.
    fn refuse(&self, failure: Failure) -> Answer;

    /// Limits and times.
    fn options(&self) -> &Options;

    /// Ends what would not end by itself.
    fn close(&self);
}

/// Answers on `listener` until `shutdown` drains, then finishes what is open, at the latest when it stops.
pub async fn serve(service: Arc<dyn Service>, listener: Listener, reception: Reception, shutdown: Shutdown) {
    let slots = Arc::new(Semaphore::new(service.options().connections_max));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.draining() => break,
            Some(ended) = connections.join_next() => note_end(ended),
            accepted = listener.accept() => match accepted {
                Ok((line, caller)) => match Arc::clone(&slots).try_acquire_owned() {
                    Ok(slot) => {
                        let connection = connection(
                            Arc::clone(&service),
                            line,
                            caller.into(),
                            reception.clone(),
                            shutdown.clone(),
                        );
                        connections.spawn(async move {
                            connection.await;
                            drop(slot);
                        });
                    }
                    Err(_) => turn_away(&line, caller.into(), service.options().connections_max),
                },
                Err(error) => pause_after(&error).await,
            },
        }
    }
    drop(listener);
    service.close();
    let all_ended = async {
        while let Some(ended) = connections.join_next().await {
            note_end(ended)
        }
    };
    let in_time = tokio::select! {
        () = all_ended => true,
        () = shutdown.stopping() => false,
    };
    if !in_time {
        connections.shutdown().await;
    }
}

fn note_end(ended: Result<(), JoinError>) {
    if let Err(error) = ended.as_ref()
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task panicked");
    }
}

/// Accepting fails when descriptors run out; trying again at once would only heat the room.
async fn pause_after(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection");
    sleep(Duration::from_millis(50)).await;
}

/// A full house says so. Best effort: the socket's buffer is empty, so the line fits or the client is gone.
fn turn_away(line: &Line, remote: Remote, max: usize) {
    tracing::warn!(client = %remote, max, "a connection is turned away");
    let body = format!("{{\"message\":\"{max} connections are open, which is the limit\"}}");
    let text = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json; charset=utf-8\r\n\
         Retry-After: 1\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    if let Err(error) = line.try_write(text.as_bytes()) {
        tracing::debug!(client = %remote, %error, "the reason did not reach the client");
    }
}

async fn connection(
    service: Arc<dyn Service>,
    line: Line,
    remote: Remote,
    reception: Reception,
    shutdown: Shutdown,
) {
    line.hurry();
    let received = tokio::select! {
        received = reception.receive(line, service.options()) => received,
        // Nothing was asked yet.
        () = shutdown.draining() => return,
    };
    let spoken = match received {
        Ok(spoken) => spoken,
        Err(error) => {
            tracing::debug!(client = %remote, %error, "a handshake failed");
            return;
        }
    };
    let stream = TokioIo::new(spoken.stream);
    let options = service.options().clone();
    let respond = service_fn(move |request| respond(Arc::clone(&service), request, remote));
    let ended = if spoken.http2 {
        let streams = TaskSet::new();
        let mut connection = pin!(http_2(&options, &streams).serve_connection(stream, respond));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = shutdown.draining() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        streams.finish(Duration::ZERO).await;
        ended
    } else {
        let mut connection = pin!(http_11(&options).serve_connection(stream, respond));
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = shutdown.draining() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(client = %remote, %error, "an Admin connection ended early");
    }
}

async fn respond(
    service: Arc<dyn Service>,
    request: Request<Incoming>,
    remote: Remote,
) -> Result<Answer, Infallible> {
    let (mut head, body) = request.into_parts();
    head.extensions.insert(remote);
    let can_close = head.version != Version::HTTP_2;
    let answer = match whole(body, service.options()).await {
        Ok(bytes) => {
            let work = AssertUnwindSafe(service.answer(Request::from_parts(head, bytes))).catch_unwind();
            work.await.unwrap_or_else(|_| after_panic())
        }
        Err(failure) => {
            let mut answer = service.refuse(failure);
            // What is left of the body is not read, so nothing can follow it; on a stream nothing would.
            if can_close {
                let close = HeaderValue::from_static("close");
                answer.headers_mut().insert(header::CONNECTION, close);
            }
            answer
        }
    };
    Ok(answer)
}

/// Kong: the sentence of a 500. The panic itself was printed by the panic hook.
fn after_panic() -> Answer {
    tracing::error!("an Admin handler panicked");
    answer::message(StatusCode::INTERNAL_SERVER_ERROR, "An unexpected error occurred")
}

/// The body, if it is small enough and comes in time.
async fn whole(body: Incoming, options: &Options) -> Result<Bytes, Failure> {
    let limit = match options.body_size_max_bytes {
        // Kong: zero switches the check off.
        0 => usize::MAX,
        limit => usize::try_from(limit).unwrap_or(usize::MAX),
    };
    let announced = hyper::body::Body::size_hint(&body).lower();
    if announced > limit as u64 {
        return Err(Failure::BodyTooLarge);
    }
    match timeout(options.body_timeout, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Failure::BodyTooLarge),
        Ok(Err(_)) => Err(Failure::bad("the request body is incomplete")),
        Err(_) => Err(Failure::BodyTimeout),
    }
}
