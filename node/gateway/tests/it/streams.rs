//! Clients that speak HTTP/2.

use crate::{
    house::{House, any_port, options},
    origin::Origin,
    tls::{Shown, dial},
    wire::{AMPLE, until},
};
use bytes::Bytes;
use h2::{
    Reason, RecvStream,
    client::{Builder, SendRequest},
    ext::Protocol,
};
use http::{HeaderMap, Method, Request, Version};
use serde_json::json;
use std::{net::SocketAddr, time::Duration};
use tokio::net::{TcpSocket, TcpStream};
use troop_gateway::{GatewayOptions, Limits, ListenOptions};

/// A client's connection.
pub struct Caller {
    pub send: SendRequest<Bytes>,
    driven: tokio::task::JoinHandle<Result<(), h2::Error>>,
}

/// What was answered.
#[derive(Debug)]
pub struct Heard {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
    pub trailers: Option<HeaderMap>,
}

impl Heard {
    pub fn line(&self, start: &str) -> Option<&str> {
        self.body.lines().find_map(|line| line.strip_prefix(start))
    }
}

impl Caller {
    pub async fn dial(address: SocketAddr) -> Self {
        Caller::with_room(address, 65_535).await
    }

    /// Each of whose streams has room for so many bytes.
    async fn with_room(address: SocketAddr, bytes: u32) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        // Room for several answers at once: one that is not read must not stand in the way of the others.
        let (send, connection) = Builder::new()
            .initial_connection_window_size(8 * 1024 * 1024)
            .initial_window_size(bytes)
            .handshake(stream)
            .await
            .expect("HTTP/2");
        Caller {
            send,
            driven: tokio::spawn(connection),
        }
    }

    pub async fn ask(&self, request: Request<()>, body: &str) -> Result<Heard, h2::Error> {
        self.ask_with(request, body, None).await
    }

    /// With fields behind the body.
    pub async fn ask_with(
        &self,
        request: Request<()>,
        body: &str,
        trailers: Option<HeaderMap>,
    ) -> Result<Heard, h2::Error> {
        let asking = async {
            let mut send = self.send.clone().ready().await?;
            let is_bare = body.is_empty() && trailers.is_none();
            let (answer, mut upload) = send.send_request(request, is_bare)?;
            if !body.is_empty() {
                upload.send_data(Bytes::copy_from_slice(body.as_bytes()), trailers.is_none())?;
            }
            if let Some(trailers) = trailers {
                upload.send_trailers(trailers)?;
            }
            let (parts, mut stream) = answer.await?.into_parts();
            let mut body = Vec::new();
            while let Some(piece) = stream.data().await {
                let piece = piece?;
                body.extend_from_slice(&piece);
                stream.flow_control().release_capacity(piece.len())?;
            }
            Ok(Heard {
                status: parts.status.as_u16(),
                headers: parts.headers,
                body: String::from_utf8_lossy(&body).into_owned(),
                trailers: stream.trailers().await?,
            })
        };
        tokio::time::timeout(AMPLE, asking)
            .await
            .expect("an answer in time")
    }

    async fn get(&self, path: &str) -> Heard {
        self.ask(get(path), "").await.expect("an answer")
    }

    /// Waits until the gateway has ended the connection, with an error or without, as it likes.
    async fn ended(self) {
        drop(self.send);
        let ended = tokio::time::timeout(AMPLE, self.driven).await;
        let _ = ended.expect("an end in time").expect("no panic");
    }
}

fn get(path: &str) -> Request<()> {
    let uri = format!("http://gw.test{path}");
    Request::builder()
        .uri(uri)
        .version(Version::HTTP_2)
        .body(())
        .expect("a request")
}

async fn house(limits: Limits) -> (House, Origin) {
    let listener = ListenOptions {
        http2: true,
        ..ListenOptions::plain(any_port())
    };
    let options = GatewayOptions {
        listeners: vec![listener],
        limits,
        ..options()
    };
    let (house, origin) = (House::build(options, Vec::new()).await, Origin::start("a").await);
    house
        .path_to("/", &origin, json!({"read_timeout": 2000, "retries": 0}))
        .await;
    (house, origin)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_over_http_2_reaches_its_origin_in_http_1_1() {
    let (house, _origin) = house(Limits::default()).await;
    let caller = Caller::dial(house.address()).await;
    let mut request = get("/x?y=1");
    *request.method_mut() = Method::POST;
    for (name, value) in [("cookie", "a=1"), ("cookie", "b=2"), ("x-own", "1")] {
        request
            .headers_mut()
            .append(name, value.parse().expect("a value"));
    }
    let heard = caller.ask(request, "hello").await.expect("an answer");
    assert_eq!(heard.status, 200);
    for (start, rest) in [
        ("method ", "POST"),
        ("target ", "/x?y=1"),
        ("cookie: ", "a=1; b=2"),
        ("x-own: ", "1"),
        ("X-Forwarded-Host: ", "gw.test"),
        ("X-Forwarded-Proto: ", "http"),
        ("Via: ", "2 kong/3.9.1"),
        ("Content-Length: ", "5"),
        ("body ", "hello"),
    ] {
        assert_eq!(heard.line(start), Some(rest), "{}", heard.body);
    }
    assert!(!heard.headers.contains_key("connection"));
    assert_eq!(heard.headers["via"], "1.1 kong/3.9.1");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanges_share_a_connection_and_do_not_wait_for_each_other() {
    let (house, origin) = house(Limits::default()).await;
    let caller = Caller::dial(house.address()).await;
    let slow = caller.get("/hang");
    let quick = async {
        until("the slow one under way", async || origin.hits() == 1).await;
        let (one, other, large) = tokio::join!(caller.get("/one"), caller.get("/two"), caller.get("/big"));
        assert_eq!((one.status, other.status), (200, 200));
        assert_eq!(large.body.len(), 1024 * 1024);
    };
    let (slow, ()) = tokio::join!(slow, quick);
    assert_eq!(slow.status, 504);
    assert_eq!(house.gateway.gauges().counters().connections_accepted, 1);
    assert_eq!(house.gateway.gauges().counters().requests_total, 4);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_head_has_a_length_and_no_body() {
    let (house, _origin) = house(Limits::default()).await;
    let caller = Caller::dial(house.address()).await;
    let mut request = get("/");
    *request.method_mut() = Method::HEAD;
    request
        .headers_mut()
        .insert("host", "other.test".parse().expect("a value"));
    // Two hosts in one request: the gateway's own answer.
    let heard = caller.ask(request, "").await.expect("an answer");
    assert_eq!((heard.status, heard.body.as_str()), (400, ""));
    assert!(heard.headers.contains_key("content-length"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_are_spoken_on_one_listener_as_the_client_likes() {
    let (house, _origin) = house(Limits::default()).await;
    assert_eq!(Caller::dial(house.address()).await.get("/x").await.status, 200);
    assert_eq!(crate::wire::get(house.address(), "/x", "").await.status, 200);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_is_agreed_on_over_tls_where_the_listener_offers_it() {
    for (http2, agreed) in [(true, Some(&b"h2"[..])), (false, None)] {
        let listener = ListenOptions {
            http2,
            ..ListenOptions::tls(any_port())
        };
        let options = GatewayOptions {
            listeners: vec![listener],
            ..options()
        };
        let house = House::build(options, Vec::new()).await;
        let dialled = dial(house.address(), "a.test", Shown::speaking(&["h2", "http/1.1"])).await;
        assert_eq!(dialled.protocol(), agreed.or(Some(b"http/1.1")));
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_lets_streams_finish_and_ends_the_connection() {
    let (house, origin) = house(Limits::default()).await;
    let caller = Caller::dial(house.address()).await;
    let draining = async {
        until("the request under way", async || origin.hits() == 1).await;
        house.gateway.drain();
    };
    let (heard, ()) = tokio::join!(caller.get("/hang"), draining);
    assert_eq!(heard.status, 504);
    caller.ended().await;
    assert_eq!(house.close().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_lies_idle_is_ended() {
    let brief = Limits {
        idle_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let (house, _origin) = house(brief).await;
    let caller = Caller::dial(house.address()).await;
    assert_eq!(caller.get("/x").await.status, 200);
    caller.ended().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_its_requests_back_is_shown_the_door() {
    let few = Limits {
        http2_resets_max: 5,
        ..Limits::default()
    };
    let (house, origin) = house(few).await;
    let caller = Caller::dial(house.address()).await;
    let mut taken_back = 0;
    while let Ok(mut send) = caller.send.clone().ready().await {
        let Ok((answer, mut upload)) = send.send_request(get("/hang"), true) else {
            break;
        };
        let seen = origin.hits();
        // The last ones find a closed connection, and nobody at the origin.
        let reached = async || origin.hits() > seen || caller.driven.is_finished();
        until("the request at the origin", reached).await;
        upload.send_reset(h2::Reason::CANCEL);
        drop(answer);
        taken_back += 1;
        assert!(taken_back < 50, "it goes on for ever");
    }
    assert!(taken_back >= 5, "{taken_back}");
    caller.ended().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_loses_its_stream_and_no_other() {
    let brief = Limits {
        send_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let (house, _origin) = house(brief).await;
    let caller = Caller::dial(house.address()).await;
    let mut send = caller.send.clone().ready().await.expect("room");
    let (answer, _upload) = send.send_request(get("/big"), true).expect("a request");
    let (_, mut stream) = answer.await.expect("an answer").into_parts();
    let broken = async {
        // What comes is never given leave to be followed by more.
        while let Some(piece) = stream.data().await {
            if piece.is_err() {
                return;
            }
        }
        panic!("the whole body came");
    };
    tokio::time::timeout(AMPLE, broken)
        .await
        .expect("a reset in time");
    assert_eq!(caller.get("/x").await.status, 200);
    house.close().await;
}

/// Limits under which only the pace lets a client go.
fn brisk(rate_min_bytes: u64) -> Limits {
    Limits {
        rate_grace: Duration::from_millis(300),
        rate_min_bytes,
        send_timeout: Duration::from_secs(600),
        ..Limits::default()
    }
}

/// The body of an answer.
async fn begun(caller: &Caller, path: &str) -> RecvStream {
    let mut send = caller.send.clone().ready().await.expect("room");
    let (answer, _upload) = send.send_request(get(path), true).expect("a request");
    let answer = tokio::time::timeout(AMPLE, answer).await.expect("a head in time");
    answer.expect("an answer").into_body()
}

/// How a stream ends whose client takes so many bytes now and then.
async fn end(mut stream: RecvStream, bytes: usize) -> h2::Error {
    let ending = async {
        loop {
            match stream.data().await.expect("no end of the body") {
                Ok(_) => _ = stream.flow_control().release_capacity(bytes),
                Err(error) => return error,
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(AMPLE, ending).await.expect("an end in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_hardly_any_room_loses_its_stream_and_no_other() {
    let slow = Limits {
        // Others take something within this, however busy the machine is.
        rate_grace: Duration::from_secs(2),
        ..brisk(100_000)
    };
    let (house, _origin) = house(slow).await;
    let caller = Caller::with_room(house.address(), 1000).await;
    let stream = begun(&caller, "/big").await;
    let others = async {
        loop {
            assert_eq!(caller.get("/x").await.status, 200);
        }
    };
    let error = tokio::select! {
        error = end(stream, 500) => error,
        () = others => unreachable!("they go on for ever"),
    };
    assert_eq!(error.reason(), Some(Reason::CANCEL), "{error}");
    assert_eq!(caller.get("/x").await.status, 200);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_on_whose_connection_nothing_moves_is_told_to_go() {
    let (house, _origin) = house(brisk(1 << 20)).await;
    // What is left of the second answer fits into the codec, which must not forget it there.
    for (path, room) in [("/big", 100), ("/some", 20 << 10)] {
        let caller = Caller::with_room(house.address(), room).await;
        let streams = [begun(&caller, path).await, begun(&caller, path).await];
        for stream in streams {
            let error = end(stream, 0).await;
            assert_eq!(error.reason(), Some(Reason::CANCEL), "{path}: {error}");
        }
        caller.ended().await;
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_its_socket_alone_is_given_up_whatever_room_it_promised() {
    let (house, origin) = house(brisk(4 << 20)).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(2048).expect("a small window");
    let stream = socket.connect(house.address()).await.expect("a connection");
    let mut builder = Builder::new();
    builder
        .initial_window_size(16 << 20)
        .initial_connection_window_size(64 << 20);
    let (send, mut connection) = builder.handshake::<_, Bytes>(stream).await.expect("HTTP/2");
    let mut answers = Vec::new();
    for _ in 0..8 {
        let (answer, _) = send.clone().send_request(get("/big"), true).expect("a request");
        answers.push(answer);
    }
    let asking = until("the requests at the origin", async || origin.hits() == 8);
    tokio::select! {
        () = asking => {}
        ended = &mut connection => panic!("{ended:?}"),
    }
    // From here on nobody reads.
    until("the connection is given up", async || {
        house.gateway.gauges().counters().connections_active == 0
    })
    .await;
    assert!(connection.await.is_err(), "the kernel keeps nothing for it");
    drop((send, answers));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_arrives_whole_however_little_room_there_is() {
    let (house, _origin) = house(Limits::default()).await;
    for room in [70, 4096, 65_535, 1 << 20] {
        let caller = Caller::with_room(house.address(), room).await;
        assert_eq!(caller.get("/some").await.body.len(), 40 << 10, "{room}");
    }
    let caller = Caller::with_room(house.address(), 1 << 20).await;
    assert_eq!(caller.get("/big").await.body.len(), 1 << 20);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large_is_refused() {
    let small = Limits {
        head_max_bytes: 4 * 1024,
        ..Limits::default()
    };
    let (house, origin) = house(small).await;
    let caller = Caller::dial(house.address()).await;
    let mut request = get("/x");
    for number in 0..10 {
        let name = http::HeaderName::try_from(format!("x-{number}")).expect("a name");
        let value = "v".repeat(1_000).parse().expect("a value");
        request.headers_mut().insert(name, value);
    }
    let refused = caller.ask(request, "").await;
    assert!(refused.is_err() || refused.is_ok_and(|heard| heard.status == 431));
    assert_eq!(origin.hits(), 0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_runs_on_a_stream() {
    let (house, _origin) = house(Limits::default()).await;
    let caller = Caller::dial(house.address()).await;
    assert_eq!(caller.get("/x").await.status, 200);
    assert!(caller.send.is_extended_connect_protocol_enabled());
    let mut request = get("/ws");
    *request.method_mut() = Method::CONNECT;
    request
        .extensions_mut()
        .insert(Protocol::from_static("websocket"));
    let mut send = caller.send.clone().ready().await.expect("room");
    let (answer, mut upload) = send.send_request(request, false).expect("a request");
    let answer = tokio::time::timeout(AMPLE, answer)
        .await
        .expect("an answer in time");
    let (parts, mut stream) = answer.expect("an answer").into_parts();
    assert_eq!(parts.status, 200);
    assert!(!parts.headers.contains_key("upgrade"));
    let greeting = tokio::time::timeout(AMPLE, stream.data()).await;
    let greeting = greeting.expect("a greeting in time").expect("a greeting");
    assert_eq!(greeting.expect("bytes"), "hi!");
    for word in ["one", "two"] {
        upload.send_data(word.into(), false).expect("a word is taken");
        let heard = tokio::time::timeout(AMPLE, stream.data())
            .await
            .expect("an echo in time");
        assert_eq!(heard.expect("an echo").expect("bytes"), word);
        assert_eq!(caller.get("/x").await.status, 200);
    }
    upload.send_data(Bytes::new(), true).expect("an end is taken");
    let rest = async {
        let mut rest = Vec::new();
        while let Some(piece) = stream.data().await {
            rest.extend_from_slice(&piece.expect("bytes"));
        }
        rest
    };
    let rest = tokio::time::timeout(AMPLE, rest).await.expect("an end in time");
    assert!(rest.is_empty(), "{rest:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_to_anywhere_is_refused() {
    let (house, origin) = house(Limits::default()).await;
    let caller = Caller::dial(house.address()).await;
    let request = Request::builder().method(Method::CONNECT).uri("gw.test:80");
    let heard = caller.ask(request.body(()).expect("a request"), "").await;
    assert!(heard.is_err() || heard.is_ok_and(|heard| heard.status == 405));
    assert_eq!(origin.hits(), 0);
    house.close().await;
}
