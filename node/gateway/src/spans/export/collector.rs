//! A connection to a collector, and bundles over it.
//!
//! Two ways to say the same: a `POST` of HTTP/1.1 whose status is the answer, or a call of gRPC, whose message has five bytes in front and whose
//! answer stands behind, in the trailers. Either may run inside TLS. Unlike the collectors of log plugins, where Kong looks at no certificate, a collector of
//! spans has to prove itself: nothing here has ever been otherwise.

use super::endpoint::{Endpoint, Speech};
use crate::peer::trust::{Authorities, Proof, Trust};
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use std::{sync::Arc, time::Duration};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// How long a collector may take for a bundle, connecting included.
const POST_TIMEOUT: Duration = Duration::from_secs(5);
/// Answers are read up to here, so that the connection can be used again.
const ANSWER_MAX_BYTES: usize = 64 * 1024;
/// Chains of certificates may be as long as their roots allow.
const ANY_DEPTH: usize = usize::MAX;

const GRPC_STATUS: &str = "grpc-status";

/// A collector cannot be trusted as asked.
#[derive(Debug, Error)]
pub enum DestinationError {
    /// Nothing is sealed, so nobody has to vouch.
    #[error("the collector is reached without TLS: authorities are for https and grpcs")]
    NotSealed,
    /// The authorities are no certificates in PEM.
    #[error("there is no certificate in PEM in it")]
    NoCertificate,
    /// Cryptography failed.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// Where spans go, and whose word counts for it.
#[derive(Clone)]
pub struct Destination {
    endpoint: Endpoint,
    tls: Option<TlsConnector>,
}

impl Destination {
    /// A collector that is vouched for by these authorities, in PEM, or else by those the machine trusts.
    ///
    /// # Errors
    /// [`DestinationError`] when there is nothing to vouch for, or nobody who could.
    pub fn new(endpoint: Endpoint, authorities: Option<&[u8]>) -> Result<Self, DestinationError> {
        if !endpoint.is_sealed() {
            return match authorities {
                Some(_) => Err(DestinationError::NotSealed),
                None => Ok(Destination { endpoint, tls: None }),
            };
        }
        let authorities = match authorities {
            None => Authorities::System,
            Some(pem) => Authorities::Own(certificates(pem)?),
        };
        let proof = Proof::Chain {
            authorities,
            depth: ANY_DEPTH,
        };
        let trust = Trust::new(proof, None, None, &Arc::new(aws_lc_rs::default_provider()))?;
        let inside: &[u8] = match endpoint.speech {
            Speech::Http => b"http/1.1",
            Speech::Grpc => b"h2",
        };
        Ok(Destination {
            tls: Some(TlsConnector::from(trust.config(None, Some(inside)))),
            endpoint,
        })
    }

    async fn connect(&self) -> Result<Line, String> {
        let Endpoint { host, port, .. } = &self.endpoint;
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(said)?;
        stream.set_nodelay(true).map_err(said)?;
        let Some(tls) = &self.tls else {
            return self.introduce(stream).await;
        };
        let name = ServerName::try_from(host.clone()).map_err(said)?;
        let stream = tls.connect(name, stream).await.map_err(said)?;
        self.introduce(stream).await
    }

    async fn introduce<S>(&self, stream: S) -> Result<Line, String>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let stream = TokioIo::new(stream);
        // Connections end with their senders.
        match self.endpoint.speech {
            Speech::Http => {
                let (sender, connection) = http1::handshake(stream).await.map_err(said)?;
                tokio::spawn(connection);
                Ok(Line::Http(sender))
            }
            Speech::Grpc => {
                let made = http2::handshake(TokioExecutor::new(), stream).await;
                let (sender, connection) = made.map_err(said)?;
                tokio::spawn(connection);
                Ok(Line::Grpc(sender))
            }
        }
    }

    fn request(&self, bundle: Bytes) -> Result<Request<Full<Bytes>>, String> {
        let Endpoint {
            authority, target, ..
        } = &self.endpoint;
        let request = Request::builder().method(Method::POST);
        let request = match self.endpoint.speech {
            Speech::Http => request
                .uri(target)
                .header(header::HOST, authority)
                .header(header::CONTENT_TYPE, "application/x-protobuf")
                .body(Full::new(bundle)),
            Speech::Grpc => {
                let scheme = if self.endpoint.tls { "https" } else { "http" };
                request
                    .uri(format!("{scheme}://{authority}{target}"))
                    .header(header::CONTENT_TYPE, "application/grpc")
                    .header(header::TE, "trailers")
                    .body(Full::new(as_message(&bundle)))
            }
        };
        request.map_err(said)
    }

    /// Whether the collector took it.
    fn judge(
        &self,
        status: StatusCode,
        head: &HeaderMap,
        trailers: Option<&HeaderMap>,
    ) -> Result<(), String> {
        if !status.is_success() {
            return Err(format!("it answered {status}"));
        }
        if self.endpoint.speech == Speech::Http {
            return Ok(());
        }
        // An answer without a message has its status in the head.
        let outcome = trailers
            .and_then(|trailers| trailers.get(GRPC_STATUS))
            .or_else(|| head.get(GRPC_STATUS));
        match outcome.map(HeaderValue::as_bytes) {
            Some(b"0") => Ok(()),
            Some(other) => Err(format!(
                "the call ended with status {}",
                String::from_utf8_lossy(other)
            )),
            None => Err("the call ended without a status".to_owned()),
        }
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, DestinationError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    read.ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or(DestinationError::NoCertificate)
}

/// A message of gRPC: not compressed, and how long it is.
fn as_message(bundle: &Bytes) -> Bytes {
    let mut message = BytesMut::with_capacity(bundle.len() + 5);
    message.put_u8(0);
    // A bundle is some hundred kilobytes.
    message.put_u32(u32::try_from(bundle.len()).unwrap_or(u32::MAX));
    message.extend_from_slice(bundle);
    message.freeze()
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// An open connection.
enum Line {
    Http(http1::SendRequest<Full<Bytes>>),
    Grpc(http2::SendRequest<Full<Bytes>>),
}

impl Line {
    fn is_closed(&self) -> bool {
        match self {
            Line::Http(sender) => sender.is_closed(),
            Line::Grpc(sender) => sender.is_closed(),
        }
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match self {
            Line::Http(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Line::Grpc(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }
}

/// A collector, with the connection to it that is kept.
pub(super) struct Collector {
    destination: Destination,
    open: Option<Line>,
}

impl Collector {
    pub fn new(destination: Destination) -> Self {
        Collector {
            destination,
            open: None,
        }
    }

    /// Posts a bundle; says why it was not taken.
    pub async fn post(&mut self, bundle: Bytes) -> Result<(), String> {
        let posted = timeout(POST_TIMEOUT, self.post_patiently(bundle)).await;
        posted.unwrap_or_else(|_| Err("it did not answer in time".to_owned()))
    }

    async fn post_patiently(&mut self, bundle: Bytes) -> Result<(), String> {
        let mut line = match self.open.take().filter(|line| !line.is_closed()) {
            Some(line) => line,
            None => self.destination.connect().await?,
        };
        let request = self.destination.request(bundle)?;
        let (head, body) = line.send(request).await.map_err(said)?.into_parts();
        let rest = Limited::new(body, ANSWER_MAX_BYTES).collect().await;
        let trailers = rest.as_ref().ok().and_then(|rest| rest.trailers());
        let judged = self.destination.judge(head.status, &head.headers, trailers);
        if rest.is_ok() {
            self.open = Some(line);
        }
        judged
    }
}

#[cfg(test)]
mod tests;
