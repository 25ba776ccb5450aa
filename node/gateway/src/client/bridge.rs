//! A WebSocket on a stream of HTTP/2 (RFC 8441), led on to a peer that knows only the upgrade of HTTP/1.1.
//!
//! The client says `CONNECT` and names the protocol; the peer is asked with `GET` and the fields of an upgrade. Route, plugins and peer see an
//! ordinary WebSocket. When the peer agrees, the client is told 200, and the bytes of its stream and of the peer's connection are
//! passed like those of any tunnel.
//!
//! The catch: the peer proves with a digest of a key that it understood, and the client has sent none. A key is made up here; nobody
//! checks the digest but us, and what we would learn from it the status says already.

use super::{Client, streams::Hold, tunnel};
use crate::to_client::ToClient;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::{body::Incoming, ext::Protocol, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use std::rc::Rc;

/// Sixteen bytes in base64, as the peer expects of a key. The same for all: what it defends against, caches that take a WebSocket for a
/// page, are not on our way to a peer.
const KEY: HeaderValue = HeaderValue::from_static("dHJvb3AgYnJpZGdlIDAwMQ==");

/// What becomes of the stream when the peer agrees.
pub(super) struct Bridge(OnUpgrade);

/// Turns a client's wish for a WebSocket into one that peers know; none if it has no such wish.
pub(super) fn translate(request: &mut Request<Incoming>) -> Option<Bridge> {
    let protocol = request.extensions().get::<Protocol>()?;
    if request.method() != Method::CONNECT || protocol.as_str() != "websocket" {
        return None;
    }
    let upgrade = hyper::upgrade::on(&mut *request);
    // Not to be taken for what it was by whoever comes next.
    request.extensions_mut().remove::<Protocol>();
    *request.method_mut() = Method::GET;
    let headers = request.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_KEY, KEY);
    Some(Bridge(upgrade))
}

impl Bridge {
    /// Passes bytes, if the peer agreed. `hold` keeps the connection busy for as long.
    pub fn open(self, answer: &Response<ToClient>, stream: Rc<Client>, hold: Hold) {
        let tunnel = stream.tunnel.take();
        let Some(tunnel) = tunnel.filter(|_| answer.status() == StatusCode::OK) else {
            return;
        };
        tokio::task::spawn_local(async move {
            if let Ok(upgraded) = self.0.await {
                tunnel::run(&stream, TokioIo::new(upgraded), Bytes::new(), tunnel).await;
            }
            drop(hold);
        });
    }
}
