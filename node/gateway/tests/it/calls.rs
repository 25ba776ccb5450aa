//! gRPC through the gateway, with peers that keep to HTTP/2 and peers that make use of its ways to say no.

use crate::{
    house::{House, any_port, options},
    streams::{Caller, Heard},
    wire::{AMPLE, until},
};
use bytes::Bytes;
use h2::{Reason, RecvStream, server::SendResponse};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use serde_json::json;
use std::{
    future::poll_fn,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};
use tokio::net::{TcpListener, TcpStream};
use troop_gateway::{ErrorPages, GatewayOptions, ListenOptions};

/// How a peer takes calls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It sends back what it gets, and says in the trailers how it went and what stood behind the call.
    Echo,
    /// It looks at none.
    Refuses,
    /// It takes one per connection and says that it is going.
    OneEach,
    /// It says nothing.
    Silent,
}

/// A peer that speaks HTTP/2.
#[derive(Clone)]
pub struct Peer {
    pub address: SocketAddr,
    calls: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    given_up: Arc<AtomicUsize>,
}

impl Peer {
    pub async fn start(mood: Mood) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let peer = Peer {
            address: listener.local_addr().expect("an address"),
            calls: Arc::default(),
            connections: Arc::default(),
            given_up: Arc::default(),
        };
        let own = peer.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                own.connections.fetch_add(1, SeqCst);
                tokio::spawn(own.clone().carry(stream, mood));
            }
        });
        peer
    }

    async fn carry(self, stream: TcpStream, mood: Mood) {
        let Ok(mut connection) = h2::server::handshake(stream).await else {
            return;
        };
        while let Some(Ok((request, respond))) = connection.accept().await {
            self.calls.fetch_add(1, SeqCst);
            if mood == Mood::OneEach {
                connection.graceful_shutdown();
            }
            tokio::spawn(self.clone().take(request, respond, mood));
        }
    }

    async fn take(
        self,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
        mood: Mood,
    ) -> Result<(), h2::Error> {
        match mood {
            Mood::Refuses => respond.send_reset(Reason::REFUSED_STREAM),
            Mood::Echo | Mood::OneEach => echo(request, respond).await?,
            Mood::Silent => {
                poll_fn(|cx| respond.poll_reset(cx)).await?;
                self.given_up.fetch_add(1, SeqCst);
            }
        }
        Ok(())
    }
}

async fn echo(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
    let (parts, mut body) = request.into_parts();
    let mut head = Response::new(());
    head.headers_mut()
        .insert("content-type", HeaderValue::from_static("application/grpc"));
    for name in ["te", "via", "x-forwarded-for", "grpc-timeout"] {
        if let Some(value) = parts.headers.get(name) {
            let seen = http::HeaderName::try_from(format!("seen-{name}")).expect("a name");
            head.headers_mut().insert(seen, value.clone());
        }
    }
    let target = HeaderValue::try_from(parts.uri.to_string()).expect("a value");
    head.headers_mut().insert("seen-target", target);
    let mut send = respond.send_response(head, false)?;
    while let Some(piece) = body.data().await {
        let piece = piece?;
        body.flow_control().release_capacity(piece.len())?;
        send.send_data(piece, false)?;
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    for (name, value) in body.trailers().await?.iter().flatten() {
        let seen = http::HeaderName::try_from(format!("seen-{name}")).expect("a name");
        trailers.append(seen, value.clone());
    }
    send.send_trailers(trailers)
}

pub async fn house() -> House {
    house_with(ErrorPages::default()).await
}

async fn house_with(error_pages: ErrorPages) -> House {
    let listener = ListenOptions {
        http2: true,
        ..ListenOptions::plain(any_port())
    };
    let options = GatewayOptions {
        listeners: vec![listener],
        error_pages,
        ..options()
    };
    House::build(options, Vec::new()).await
}

/// A route for calls to these peers.
async fn route(house: &House, peers: &[&Peer], read_timeout: u64) {
    let upstream = house.insert("upstreams", json!({"name": "u"})).await;
    for peer in peers {
        let target = json!({"upstream": {"id": upstream}, "target": peer.address.to_string()});
        house.insert("targets", target).await;
    }
    let service = json!({"host": "u", "protocol": "grpc", "port": 80, "read_timeout": read_timeout});
    let service = house.insert("services", service).await;
    let grpc = json!({"protocols": ["grpc"], "strip_path": false});
    house.route("/a.A", Some(service), grpc).await;
}

fn request(path: &str) -> Request<()> {
    Request::builder()
        .method(Method::POST)
        .uri(format!("http://gw.test{path}"))
        .header("content-type", "application/grpc+proto")
        .header("te", "trailers")
        .header("grpc-timeout", "5S")
        .body(())
        .expect("a request")
}

async fn call(house: &House) -> Heard {
    let caller = Caller::dial(house.address()).await;
    caller.ask(request("/a.A/Do"), "hello").await.expect("an answer")
}

pub fn field<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_reaches_its_peer_and_its_outcome_the_caller() {
    let (house, peer) = (house().await, Peer::start(Mood::Echo).await);
    route(&house, &[&peer], 60_000).await;
    let heard = call(&house).await;
    assert_eq!((heard.status, heard.body.as_str()), (200, "hello"));
    let trailers = heard.trailers.expect("trailers");
    assert_eq!(field(&trailers, "grpc-status"), Some("0"));
    let target = format!("http://{}/a.A/Do", peer.address);
    for (name, value) in [
        ("seen-target", target.as_str()),
        ("seen-te", "trailers"),
        ("seen-via", "2 kong/3.9.1"),
        ("seen-x-forwarded-for", "127.0.0.1"),
        ("seen-grpc-timeout", "5S"),
        ("via", "2 kong/3.9.1"),
    ] {
        assert_eq!(field(&heard.headers, name), Some(value), "{name}");
    }
    call(&house).await;
    assert_eq!(peer.connections.load(SeqCst), 1, "calls share a connection");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_looks_at_nothing_is_followed_by_another() {
    let house = house().await;
    let (refuses, echoes) = (Peer::start(Mood::Refuses).await, Peer::start(Mood::Echo).await);
    route(&house, &[&refuses, &echoes], 60_000).await;
    for _ in 0..4 {
        assert_eq!(call(&house).await.body, "hello");
    }
    assert!(refuses.calls.load(SeqCst) > 0);
    assert_eq!(echoes.calls.load(SeqCst), 4);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_peer_is_going_is_replaced() {
    let (house, peer) = (house().await, Peer::start(Mood::OneEach).await);
    route(&house, &[&peer], 60_000).await;
    for _ in 0..5 {
        assert_eq!(call(&house).await.body, "hello");
    }
    assert_eq!(peer.calls.load(SeqCst), 5);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_says_nothing_ends_the_call_at_the_services_timeout() {
    let (house, peer) = (house().await, Peer::start(Mood::Silent).await);
    route(&house, &[&peer], 300).await;
    let heard = call(&house).await;
    assert_eq!(field(&heard.headers, "grpc-status"), Some("4"));
    let message = field(&heard.headers, "grpc-message");
    assert_eq!(message, Some("The upstream server is timing out"));
    until("the call given up", async || peer.given_up.load(SeqCst) == 1).await;
    assert_eq!(peer.calls.load(SeqCst), 1, "a call is not made twice");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_gives_up_ends_the_call_at_the_peer() {
    let (house, peer) = (house().await, Peer::start(Mood::Silent).await);
    route(&house, &[&peer], 60_000).await;
    let caller = Caller::dial(house.address()).await;
    let mut send = caller.send.clone().ready().await.expect("room");
    let (answer, mut upload) = send.send_request(request("/a.A/Do"), false).expect("a call");
    until("the call at the peer", async || peer.calls.load(SeqCst) == 1).await;
    upload.send_reset(Reason::CANCEL);
    drop(answer);
    until("the call given up", async || peer.given_up.load(SeqCst) == 1).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_go_back_and_forth_before_either_side_has_finished() {
    let (house, peer) = (house().await, Peer::start(Mood::Echo).await);
    route(&house, &[&peer], 60_000).await;
    let caller = Caller::dial(house.address()).await;
    let mut send = caller.send.clone().ready().await.expect("room");
    let (answer, mut upload) = send.send_request(request("/a.A/Do"), false).expect("a call");
    let answer = tokio::time::timeout(AMPLE, answer).await.expect("a head in time");
    let mut stream = answer.expect("a head").into_body();
    for word in ["one", "two", "three"] {
        upload.send_data(word.into(), false).expect("a word is taken");
        let heard = tokio::time::timeout(AMPLE, stream.data()).await;
        let heard = heard.expect("an echo in time").expect("an echo");
        assert_eq!(heard.expect("bytes"), word);
    }
    upload.send_data(Bytes::new(), true).expect("an end is taken");
    assert!(stream.data().await.is_none());
    let trailers = stream.trailers().await.expect("an end").expect("trailers");
    assert_eq!(field(&trailers, "grpc-status"), Some("0"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_own_answers_are_outcomes_whatever_its_error_pages_look_like() {
    let pages = ErrorPages {
        json: "a page for people".parse().expect("a form"),
        ..ErrorPages::default()
    };
    let house = house_with(pages).await;
    for (path, protocols, outcome, message) in [
        ("/b.B", "grpcs", "1", "gRPC request matched gRPCs route"),
        ("/c.C", "grpc", "14", "no Service found with those values"),
    ] {
        let route = json!({"protocols": [protocols], "strip_path": false});
        house.route(path, None, route).await;
        let caller = Caller::dial(house.address()).await;
        let heard = caller.ask(request(&format!("{path}/Do")), "").await;
        let heard = heard.expect("an answer");
        assert_eq!(field(&heard.headers, "grpc-status"), Some(outcome), "{path}");
        assert_eq!(field(&heard.headers, "grpc-message"), Some(message), "{path}");
        assert_eq!(field(&heard.headers, "content-type"), Some("application/grpc"));
        assert!(heard.body.is_empty());
    }
    house.close().await;
}
