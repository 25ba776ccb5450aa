//! One probe: a connection, perhaps a handshake, perhaps a question, and what the answer says.
//!
//! The whole of it has one deadline. Only as much of an answer is read as it takes to judge it.

use crate::{
    badge::Badge,
    peer::tls::PeerTls,
    plan::{
        checks::{Active, ProbeTls, Question},
        upstream::Upstream,
    },
};
use bytes::Bytes;
use http::{Request, header};
use http_body::Body;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::ServerName;
use std::{
    io,
    net::IpAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use troop_balancer::{Peer, health::Report};

/// A status line is far shorter; whoever sends more without ending it does not speak HTTP.
const STATUS_LINE_MAX_BYTES: usize = 1024;

/// An answer of the health protocol takes seven bytes.
const GRPC_ANSWER_MAX_BYTES: usize = 1024;

/// What TLS calls HTTP/2.
const HTTP2: &[u8] = b"h2";

/// `SERVING` in the first field of an uncompressed message of two bytes.
const GRPC_SERVING: [u8; 7] = [0, 0, 0, 0, 2, 0x08, 0x01];

/// Why a peer could not be asked.
#[derive(Debug, Error)]
enum Unasked {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Http2(#[from] hyper::Error),
}

/// Either kind of connection.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Asks a peer; none when the answer says neither this nor that.
pub(super) async fn ask(active: &Active, peer: &Peer, upstream: &Upstream, tls: &PeerTls) -> Option<Report> {
    let asked = tokio::time::timeout(active.timeout, put(active, peer, upstream, tls));
    match asked.await {
        Err(_) => Some(Report::Timeout),
        Ok(Err(error)) => {
            tracing::debug!(peer = %peer.address, %error, "a probe did not get through");
            Some(Report::TcpFailure)
        }
        Ok(Ok(report)) => report,
    }
}

async fn put(
    active: &Active,
    peer: &Peer,
    upstream: &Upstream,
    tls: &PeerTls,
) -> Result<Option<Report>, Unasked> {
    let host_header = upstream.host_header.as_deref();
    let tls = (tls, upstream.badge.as_ref());
    let host = host_header.unwrap_or(peer.host_name().unwrap_or(peer.target.host()));
    let stream = TcpStream::connect(peer.address).await?;
    match &active.question {
        Question::Connect => Ok(Some(Report::Success)),
        Question::Http {
            path,
            headers,
            tls: wanted,
        } => {
            let mut stream = secured(stream, wanted.as_ref(), host, tls, None).await?;
            stream.write_all(&question(path, headers, host)).await?;
            let status = read_status(&mut stream).await?;
            Ok(match status {
                Some(status) => active.reading.statuses.read(status),
                // Kong: what is no status speaks against the peer.
                None => Some(Report::HttpFailure),
            })
        }
        Question::Grpc { tls: wanted } => {
            let stream = secured(stream, wanted.as_ref(), host, tls, Some(HTTP2)).await?;
            ask_grpc(stream, host, wanted.is_some()).await.map(Some)
        }
    }
}

/// `protocol` is what is to be spoken inside, for peers that ask.
async fn secured(
    stream: TcpStream,
    wanted: Option<&ProbeTls>,
    host: &str,
    (tls, badge): (&PeerTls, Option<&Arc<Badge>>),
    protocol: Option<&[u8]>,
) -> io::Result<Box<dyn Wire>> {
    let Some(wanted) = wanted else {
        return Ok(Box::new(stream));
    };
    let name = server_name(wanted.sni.as_deref().unwrap_or(host))?;
    let connector = TlsConnector::from(tls.trust(wanted.verify).config(badge, protocol));
    Ok(Box::new(connector.connect(name, stream).await?))
}

/// Of a host as `Host` has it, perhaps with a port.
fn server_name(host: &str) -> io::Result<ServerName<'static>> {
    let name = crate::door::host_name(host).trim_matches(['[', ']']);
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(ServerName::IpAddress(address.into()));
    }
    ServerName::try_from(name.to_owned())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "not a server name"))
}

/// Kong: in HTTP/1.0, so that the peer closes the connection by itself.
fn question(path: &str, headers: &[(String, String)], host: &str) -> Vec<u8> {
    let mut text = format!("GET {path} HTTP/1.0\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    let says_host = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
    if !says_host {
        text.push_str(&format!("Host: {host}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// The status; none when the first line is no status line.
async fn read_status(stream: &mut Box<dyn Wire>) -> io::Result<Option<u16>> {
    let mut line = Vec::new();
    while !line.contains(&b'\n') && line.len() < STATUS_LINE_MAX_BYTES {
        if stream.read_buf(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(status_of(&line))
}

fn status_of(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.")?.get(1..)?.strip_prefix(b" ")?;
    let digits = rest.get(..3)?;
    let ends = rest.get(3).is_none_or(|byte| !byte.is_ascii_digit());
    std::str::from_utf8(digits).ok().filter(|_| ends)?.parse().ok()
}

/// By the health protocol: whatever is not `SERVING` speaks against the peer.
async fn ask_grpc(stream: Box<dyn Wire>, host: &str, tls: bool) -> Result<Report, Unasked> {
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    let scheme = if tls { "https" } else { "http" };
    let request = Request::post(format!("{scheme}://{host}/grpc.health.v1.Health/Check"))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .body(WholeService(Some(Bytes::from_static(&[0; 5]))))
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let mut connection = pin!(connection);
    let asked = async {
        let answer = sender.send_request(request).await?;
        let is_grpc = answer.status() == http::StatusCode::OK;
        let message = read_message(answer.into_body()).await?;
        Ok::<_, hyper::Error>(is_grpc && message == GRPC_SERVING)
    };
    // The connection does its work while it is waited for.
    let serving = tokio::select! {
        serving = asked => serving?,
        ended = &mut connection => {
            ended?;
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    };
    Ok(if serving {
        Report::Success
    } else {
        Report::HttpFailure
    })
}

async fn read_message(body: hyper::body::Incoming) -> Result<Vec<u8>, hyper::Error> {
    let mut body = pin!(body);
    let mut message = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        if let Ok(data) = frame?.into_data() {
            message.extend_from_slice(&data);
        }
        if message.len() > GRPC_ANSWER_MAX_BYTES {
            break;
        }
    }
    Ok(message)
}

/// The question for the peer as a whole: an empty message.
struct WholeService(Option<Bytes>);

impl Body for WholeService {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(http_body::Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_status_line_has_a_status() {
        for (line, status) in [
            (&b"HTTP/1.1 200 OK\r\n"[..], Some(200)),
            (b"HTTP/1.0 503\r\n", Some(503)),
            (b"HTTP/1.1 2000 OK\r\n", None),
            (b"HTTP/2 200\r\n", None),
            (b"SSH-2.0-x\r\n", None),
            (b"HTTP/1.1 20", None),
        ] {
            assert_eq!(status_of(line), status, "{line:?}");
        }
    }

    #[test]
    fn a_probe_says_its_host_once() {
        let headers = [("X-A".to_owned(), "1".to_owned())];
        assert_eq!(
            question("/h", &headers, "a.test"),
            b"GET /h HTTP/1.0\r\nX-A: 1\r\nHost: a.test\r\n\r\n"
        );
        let headers = [("host".to_owned(), "b.test".to_owned())];
        assert_eq!(
            question("/", &headers, "a.test"),
            b"GET / HTTP/1.0\r\nhost: b.test\r\n\r\n"
        );
    }

    #[test]
    fn a_server_is_called_by_name_without_port_or_by_address() {
        for (host, name) in [
            ("a.test:443", "a.test"),
            ("10.0.0.1", "10.0.0.1"),
            ("[::1]:443", "::1"),
        ] {
            let found = server_name(host).expect("a name");
            assert_eq!(found.to_str(), name);
        }
        assert!(server_name("not a name").is_err());
    }
}
