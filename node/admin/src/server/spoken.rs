//! What is spoken on a connection: TLS or not, HTTP/1.1 or HTTP/2.
//!
//! The doorman's languages. With TLS, callers say in the handshake which they prefer; without, who speaks HTTP/2 begins with it.
//!
//! The catch of HTTP/2: requests are tasks of their own. They are spawned into a set that belongs to the connection, and end with it.

use crate::options::Options;
use hyper::{rt::Executor, server::conn::http1, server::conn::http2};
use hyper_util::rt::TokioTimer;
use rustls::ServerConfig;
use std::{future::Future, io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use troop_runtime::{Line, TaskSet, is_http_2};

/// What TLS calls the two versions of HTTP.
const HTTP_2: &[u8] = b"h2";
const HTTP_11: &[u8] = b"http/1.1";

/// Requests at once on a connection; more wait. Tools ask one at a time, scripts a handful.
const STREAMS_MAX: u32 = 32;

/// A caller that speaks HTTP/2 and has said nothing for this long is asked whether it is still there, and has as long to say so.
const STILL_THERE: Duration = Duration::from_secs(30);

/// How callers of one listener are received.
#[derive(Clone, Default)]
pub struct Reception {
    tls: Option<TlsAcceptor>,
    http2: bool,
}

/// A connection on which it is known what is spoken.
pub(super) struct Spoken {
    pub stream: Box<dyn Wire>,
    pub http2: bool,
}

/// Bytes both ways.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

impl Reception {
    /// With TLS if there is a configuration for it, and with HTTP/2 if that is wanted.
    pub fn new(tls: Option<&ServerConfig>, http2: bool) -> Self {
        let acceptor = tls.map(|config| {
            let mut config = config.clone();
            let protocols: &[&[u8]] = if http2 { &[HTTP_2, HTTP_11] } else { &[HTTP_11] };
            config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
            TlsAcceptor::from(Arc::new(config))
        });
        Reception { tls: acceptor, http2 }
    }

    /// Shakes hands and learns what is spoken, which may take as long as a request's head.
    pub(super) async fn receive(&self, line: Line, options: &Options) -> io::Result<Spoken> {
        let Some(acceptor) = &self.tls else {
            let http2 = self.http2 && is_http_2(&line, options.head_timeout).await;
            return Ok(Spoken {
                stream: Box::new(line),
                http2,
            });
        };
        let shaken = timeout(options.head_timeout, acceptor.accept(line)).await;
        let stream = shaken.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP_2);
        Ok(Spoken {
            stream: Box::new(stream),
            http2,
        })
    }
}

/// Serves HTTP/1.1 under these limits.
pub(super) fn http_11(options: &Options) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(options.head_timeout)
        .max_headers(options.head_fields_max)
        .max_header_size(options.head_size_max_bytes);
    builder
}

/// Serves HTTP/2 under these limits.
pub(super) fn http_2(options: &Options, streams: &TaskSet) -> http2::Builder<Streams> {
    let mut builder = http2::Builder::new(Streams(streams.clone()));
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(options.head_size_max_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(STILL_THERE)
        .keep_alive_timeout(STILL_THERE);
    builder
}

/// Where the requests of a connection run.
#[derive(Clone)]
pub(super) struct Streams(TaskSet);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        self.0.spawn("stream", stream);
    }
}
