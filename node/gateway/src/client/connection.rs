//! One client connection from its first to its last byte.
//!
//! The codec runs the exchanges; this file runs the codec: wakes it up when a deadline is over, tells it to stop when the node
//! drains, and deals with what is left when it ends, which is a closed socket, a refusal to send, or a tunnel.

use super::{Client, abandon::Abandon, tunnel, wire::Wire};
use crate::{
    rescue::{Letter, Rescue, Taste},
    runloop,
    sweep::Stage,
};
use bytes::Bytes;
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    future::{Future, poll_fn},
    io,
    pin::Pin,
    rc::Rc,
    task::Poll,
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How long a client may take to accept a refusal.
const PARTING_TIMEOUT: Duration = Duration::from_secs(2);

/// How much of what a refused client still sends is read.
const LINGER_MAX_BYTES: usize = 64 * 1024;

/// How the codec ended.
enum Ended {
    /// In order.
    Done,
    /// With an error.
    Failed(hyper::Error),
    /// It was waiting for the client for too long.
    Overdue(Stage),
    /// The client took nothing of its answer for too long.
    Stalled,
}

/// Serves a connection.
pub(crate) async fn drive<S>(client: Rc<Client>, stream: S)
where
    S: AsyncRead + AsyncWrite + Abandon + Unpin + 'static,
{
    let wire = Wire::new(stream, Rc::clone(&client));
    let serving = Rc::clone(&client);
    let service = service_fn(move |request: Request<Incoming>| runloop::serve(Rc::clone(&serving), request));
    let mut codec = builder(&client).serve_connection(TokioIo::new(wire), service);
    let mut told = false;
    let ended = poll_fn(|cx| {
        client.slot.remember(cx);
        if client.worker.is_draining() && !told {
            told = true;
            client.leaves_soon();
            Pin::new(&mut codec).graceful_shutdown();
        }
        match Pin::new(&mut codec).poll(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Ended::Done),
            Poll::Ready(Err(error)) => Poll::Ready(Ended::Failed(error)),
            Poll::Pending => overdue(&client),
        }
    })
    .await;
    let parts = codec.into_parts();
    let (stream, refused) = parts.io.into_inner().into_stream();
    // Apart: a connection at rest should not hold the room for its end.
    Box::pin(part(&client, ended, refused, stream, parts.read_buf)).await;
}

fn builder(client: &Client) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .half_close(false)
        // Our sweep watches deadlines, and responses bring the origin's date or ours.
        .header_read_timeout(None)
        .auto_date_header(false)
        .max_header_size(client.worker.options.limits.head_max_bytes)
        // One copy into one buffer is cheaper than a vector of small writes.
        .writev(false);
    builder
}

/// Only waits for the client end here; while an exchange waits, it looks at the slip itself. But a client that takes nothing stops the
/// codec, and with it the exchange: that is seen here in any case.
fn overdue(client: &Client) -> Poll<Ended> {
    if client.slot.is_stalled() {
        return Poll::Ready(Ended::Stalled);
    }
    match client.slot.stage() {
        Stage::Exchange => Poll::Pending,
        _ if !client.slot.is_overdue() => Poll::Pending,
        stage => Poll::Ready(Ended::Overdue(stage)),
    }
}

async fn part<S: AsyncRead + AsyncWrite + Abandon + Unpin>(
    client: &Client,
    ended: Ended,
    refused: bool,
    mut stream: S,
    early: Bytes,
) {
    let tunnel = client.tunnel.take();
    let letter = match (ended, tunnel) {
        (Ended::Done, Some(tunnel)) => return tunnel::run(client, stream, early, tunnel).await,
        (Ended::Stalled, _) => return stream.abandon(),
        (Ended::Done, None) | (Ended::Overdue(Stage::Idle | Stage::Answer | Stage::Exchange), _) => None,
        (Ended::Overdue(Stage::Head), _) => Some(Rescue::RequestTimeout),
        (Ended::Failed(error), _) => {
            tracing::debug!(client = %client.address_text, %error, "a connection failed");
            refused.then(|| refusal(&error))
        }
    };
    let farewell = async {
        if let Some(rescue) = letter {
            stream.write_all(&written(client, &rescue)).await?;
        }
        stream.shutdown().await?;
        if refused || client.unread.get() {
            linger(&mut stream).await?;
        }
        Ok::<_, io::Error>(())
    };
    // Whether the client still listens is its own affair.
    let _ = tokio::time::timeout(PARTING_TIMEOUT, farewell).await;
}

/// Reads on for a while and throws away. Closing with unread bytes would make the kernel reset the connection, and a reset takes
/// back what was sent: the client would never see why it was refused.
async fn linger<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<()> {
    let mut bin = vec![0; 8 * 1024];
    let mut left = LINGER_MAX_BYTES;
    while left > 0 {
        match stream.read(&mut bin).await? {
            0 => return Ok(()),
            count => left = left.saturating_sub(count),
        }
    }
    Ok(())
}

/// What a head that cannot be parsed is called.
fn refusal(error: &hyper::Error) -> Rescue {
    let text = error.to_string();
    if error.is_parse_too_large() {
        if text.contains("URI") {
            Rescue::TargetTooLong
        } else {
            Rescue::HeadTooLarge
        }
    } else if text.contains("version") {
        Rescue::UnknownVersion
    } else {
        Rescue::BadRequest
    }
}

/// A letter with its head, for when there is no codec to write it.
fn written(client: &Client, rescue: &Rescue) -> Vec<u8> {
    let worker = &client.worker;
    let id = worker.ids.next();
    let Letter {
        status,
        headers,
        body,
    } = rescue.letter(Taste::default(), &worker.options.error_pages, id.as_str());
    let reason = status.canonical_reason().unwrap_or_default();
    let mut out = format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).into_bytes();
    let mut line = |name: &str, value: &[u8]| {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    };
    line("Date", worker.date().as_bytes());
    for (name, value) in &headers {
        line(name.as_str(), value.as_bytes());
    }
    line("Content-Length", body.len().to_string().as_bytes());
    line("Connection", b"close");
    if worker.options.headers.server {
        line("Server", worker.options.token.as_bytes());
    }
    if worker.options.headers.request_id {
        line("X-Kong-Request-Id", id.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&body);
    out
}
