//! Peers that are asked on purpose.

use crate::{
    balancing::{dead, seen, tally},
    house::{House, any_port},
    origin::Origin,
    wire::until,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::SeqCst},
    },
    task::{Context, Poll},
};
use troop_gateway::{GatewayOptions, ListenOptions};

/// Probes ten times a second; one answer decides.
fn active(more: Value) -> Value {
    let mut active = json!({
        "healthy": {"interval": 0.1, "successes": 1},
        "unhealthy": {"interval": 0.1, "http_failures": 1, "tcp_failures": 1, "timeouts": 1},
    });
    let members = more.as_object().cloned().expect("an object");
    active.as_object_mut().expect("an object").extend(members);
    json!({"healthchecks": {"active": active}})
}

async fn until_up(house: &House, upstream: uuid::Uuid, port: u16, expected: bool) {
    let what = if expected { "the peer up" } else { "the peer down" };
    until(what, async || house.up(upstream)[&port] == expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_answers_badly_leaves_and_comes_back() {
    let (house, a, b) = (
        House::plain().await,
        Origin::start("a").await,
        Origin::start("b").await,
    );
    let targets = [a.address.to_string(), b.address.to_string()];
    let upstream = house
        .upstream(&targets, active(json!({"http_path": "/hc"})))
        .await;
    b.mood(500);
    until_up(&house, upstream, b.address.port(), false).await;
    assert_eq!(tally(&house, "/x", 10).await, seen(&[("a", 10)]));
    b.mood(0);
    until_up(&house, upstream, b.address.port(), true).await;
    assert_eq!(tally(&house, "/x", 10).await, seen(&[("a", 5), ("b", 5)]));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_path_is_asked_for_at_once_and_the_old_one_no_more() {
    let (house, a) = (House::plain().await, Origin::start("a").await);
    let targets = [a.address.to_string()];
    let upstream = house
        .upstream(&targets, active(json!({"http_path": "/status/503"})))
        .await;
    until_up(&house, upstream, a.address.port(), false).await;
    assert_eq!(tally(&house, "/x", 1).await, seen(&[("503", 1)]));
    house
        .update("upstreams", upstream, active(json!({"http_path": "/status/200"})))
        .await;
    until_up(&house, upstream, a.address.port(), true).await;
    assert_eq!(tally(&house, "/x", 1).await, seen(&[("a", 1)]));
    house.delete("upstreams", upstream).await;
    let hits = a.hits();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(a.hits() <= hits + 1, "a deleted upstream is probed no more");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_peer_is_found_out_before_a_client_meets_it() {
    let (house, a) = (House::plain().await, Origin::start("a").await);
    let dead = dead().await;
    let port = dead.parse::<SocketAddr>().expect("an address").port();
    let targets = [a.address.to_string(), dead];
    let upstream = house.upstream(&targets, active(json!({"type": "tcp"}))).await;
    until_up(&house, upstream, port, false).await;
    assert!(house.up(upstream)[&a.address.port()]);
    assert_eq!(tally(&house, "/x", 10).await, seen(&[("a", 10)]));
    assert_eq!(house.gateway.gauges().counters().retries_total, 0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_answer_in_time_is_put_out() {
    let (house, a) = (House::plain().await, Origin::start("a").await);
    let targets = [a.address.to_string()];
    let upstream = house
        .upstream(&targets, active(json!({"http_path": "/hang", "timeout": 0.2})))
        .await;
    until_up(&house, upstream, a.address.port(), false).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_with_tls_minds_the_certificate_only_if_told_to() {
    let (house, a) = (House::plain().await, Origin::start("a").await);
    let tls = GatewayOptions {
        listeners: vec![ListenOptions::tls(any_port())],
        ..GatewayOptions::default()
    };
    // A gateway whose certificate nobody signed is the peer.
    let peer = House::build(tls, Vec::new()).await;
    peer.path_to("/", &a, json!({})).await;
    let asking = |verify: bool| {
        active(json!({"type": "https", "https_sni": "a.test", "https_verify_certificate": verify}))
    };
    let targets = [peer.address().to_string()];
    let upstream = house.upstream(&targets, asking(true)).await;
    until_up(&house, upstream, peer.address().port(), false).await;
    house.update("upstreams", upstream, asking(false)).await;
    until_up(&house, upstream, peer.address().port(), true).await;
    house.close().await;
    peer.close().await;
}

/// A gRPC server whose health is what `status` says: 1 is serving.
async fn grpc(status: Arc<AtomicU8>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let status = Arc::clone(&status);
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                assert_eq!(request.uri().path(), "/grpc.health.v1.Health/Check");
                let frames = Frames(Some(status.load(SeqCst)), false);
                let answer = Response::builder().header("content-type", "application/grpc");
                std::future::ready(Ok::<_, Infallible>(answer.body(frames).expect("an answer")))
            });
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

/// A message of two bytes, then trailers.
struct Frames(Option<u8>, bool);

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(status) = self.0.take() {
            let message = Bytes::copy_from_slice(&[0, 0, 0, 0, 2, 0x08, status]);
            return Poll::Ready(Some(Ok(Frame::data(message))));
        }
        if std::mem::replace(&mut self.1, true) {
            return Poll::Ready(None);
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grpc_peer_is_asked_by_the_health_protocol() {
    let house = House::plain().await;
    let status = Arc::new(AtomicU8::new(2));
    let address = grpc(Arc::clone(&status)).await;
    let upstream = house
        .upstream(&[address.to_string()], active(json!({"type": "grpc"})))
        .await;
    until_up(&house, upstream, address.port(), false).await;
    status.store(1, SeqCst);
    until_up(&house, upstream, address.port(), true).await;
    house.close().await;
}
