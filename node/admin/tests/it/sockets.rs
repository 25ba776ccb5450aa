//! The server over real sockets: limits, deadlines, streams and closing time.

use crate::desk::Desk;
use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use troop_admin::{Options, Reception, Service, StatusApi, StatusParts, serve};
use troop_runtime::Shutdown;
use troop_txn::{MemoryStore, Store};

/// Longer than any test may take.
const AMPLE: Duration = Duration::from_secs(30);

/// A served API.
struct House {
    address: SocketAddr,
    shutdown: Shutdown,
    serving: JoinHandle<()>,
}

impl House {
    async fn of(service: Arc<dyn Service>) -> House {
        House::receiving(service, Reception::default()).await
    }

    async fn receiving(service: Arc<dyn Service>, reception: Reception) -> House {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::new();
        let serving = tokio::spawn(serve(service, listener.into(), reception, shutdown.clone()));
        House {
            address,
            shutdown,
            serving,
        }
    }

    async fn admin(options: Options) -> (House, Desk) {
        let desk = Desk::with(Arc::new(MemoryStore::new()), options);
        (House::of(desk.admin.clone()).await, desk)
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and reads until the other side closes.
    async fn say(&self, text: &str) -> String {
        let mut socket = self.connect().await;
        socket.write_all(text.as_bytes()).await.unwrap();
        rest(&mut socket).await
    }
}

async fn rest(socket: &mut TcpStream) -> String {
    let mut out = Vec::new();
    timeout(AMPLE, socket.read_to_end(&mut out))
        .await
        .unwrap()
        .unwrap();
    String::from_utf8(out).unwrap()
}

/// Reads until `mark` was seen.
async fn until(socket: &mut TcpStream, mark: &str) -> String {
    let mut out = String::new();
    let mut buffer = [0; 4096];
    while !out.contains(mark) {
        let read = timeout(AMPLE, socket.read(&mut buffer)).await.unwrap().unwrap();
        assert!(read > 0, "closed before {mark:?}: {out}");
        out.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    out
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn a_request_is_answered_with_kongs_headers() {
    let (house, _desk) = House::admin(Options::default()).await;
    let text = house.say(&get("/services")).await.to_lowercase();
    assert!(text.starts_with("http/1.1 200 ok\r\n"), "{text}");
    for header in [
        "server: kong/3.9.1",
        "x-kong-admin-latency: ",
        "date: ",
        "content-length: 23",
    ] {
        assert!(text.contains(header), "{header} in {text}");
    }
    assert!(text.ends_with(r#"{"data":[],"next":null}"#), "{text}");
    let head = house.say(&get("/services").replace("GET", "HEAD")).await;
    assert!(
        head.contains("content-length: 23") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_announced_or_not() {
    let options = Options {
        body_size_max_bytes: 10,
        ..Options::default()
    };
    let (house, _desk) = House::admin(options).await;
    let head = "POST /services HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    for rest in [
        "Content-Length: 11\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n",
    ] {
        let text = house.say(&format!("{head}{rest}")).await;
        assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
        assert!(text.contains("<h1>413 Request Entity Too Large</h1>"), "{text}");
    }
}

#[tokio::test]
async fn slow_heads_slow_bodies_and_idle_connections_are_not_waited_for() {
    let short = Duration::from_millis(50);
    let options = Options {
        head_timeout: short,
        body_timeout: short,
        ..Options::default()
    };
    let (house, _desk) = House::admin(options).await;
    let body = house
        .say("POST /services HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{")
        .await;
    assert!(body.starts_with("HTTP/1.1 408 "), "{body}");
    let head = house.say("GET /services HTTP/1.1\r\nHos").await;
    assert!(!head.contains(" 200 "), "{head}");
    let idle = house.say("GET /services HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(idle.ends_with("\"next\":null}"), "{idle}");
}

#[tokio::test]
async fn one_connection_too_many_is_told_why() {
    let options = Options {
        connections_max: 1,
        ..Options::default()
    };
    let (house, _desk) = House::admin(options).await;
    let mut first = house.connect().await;
    first
        .write_all(b"GET /services HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    until(&mut first, "\"next\":null}").await;
    let turned_away = rest(&mut house.connect().await).await;
    assert!(turned_away.starts_with("HTTP/1.1 503 "), "{turned_away}");
    assert!(
        turned_away.ends_with(r#"{"message":"1 connections are open, which is the limit"}"#),
        "{turned_away}"
    );
}

#[tokio::test]
async fn events_arrive_as_they_happen_and_end_at_closing_time() {
    let (house, desk) = House::admin(Options::default()).await;
    let mut socket = house.connect().await;
    socket
        .write_all(b"GET /events?since=0 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    until(&mut socket, "content-type: text/event-stream").await;
    for (name, id) in [("a", "id: 1\n"), ("b", "id: 2\n")] {
        desk.post("/services", json!({"name": name, "host": "h"})).await;
        let text = until(&mut socket, "}\n\n").await;
        assert!(
            text.contains(id) && text.contains(&format!("\"name\":\"{name}\"")),
            "{text}"
        );
    }
    house.shutdown.drain("test");
    assert!(rest(&mut socket).await.ends_with("0\r\n\r\n"));
    timeout(AMPLE, house.serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_idle_event_stream_says_that_it_lives() {
    let options = Options {
        event_heartbeat: Duration::from_millis(10),
        event_streams_max: 1,
        ..Options::default()
    };
    let (house, _desk) = House::admin(options).await;
    let mut socket = house.connect().await;
    socket
        .write_all(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    until(&mut socket, ": alive\n\n").await;
    let second = house.say(&get("/events")).await;
    assert!(
        second.starts_with("HTTP/1.1 503 ") && second.contains("1 event streams are open"),
        "{second}"
    );
}

#[tokio::test]
async fn stopping_ends_connections_that_do_not_end() {
    let (house, _desk) = House::admin(Options::default()).await;
    let mut socket = house.connect().await;
    socket
        .write_all(b"POST /services HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")
        .await
        .unwrap();
    // Another request's answer shows that the server has been at work since.
    house.say(&get("/services")).await;
    house.shutdown.stop("test");
    timeout(AMPLE, house.serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_status_listener_tells_readiness_and_metrics() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let node = crate::lone::Lone::new(Arc::clone(&store), Vec::new());
    let options = Options::default();
    let parts = StatusParts {
        store,
        serving: node.clone(),
        cluster: node.clone(),
        facts: node,
        options,
    };
    let house = House::of(StatusApi::new(parts)).await;
    for (path, part) in [
        ("/status/ready", r#"{"message":"ready"}"#),
        ("/status", r#""database":{"reachable":true}"#),
        ("/metrics", "troop_applied_revision 0\n"),
        ("/services", " 404 "),
    ] {
        let text = house.say(&get(path)).await;
        assert!(text.contains(part), "{path}: {text}");
    }
    for (status, code) in [("asleep", 400), ("draining", 204)] {
        let post = "POST /status/ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n";
        let body = json!({ "status": status }).to_string();
        let text = house
            .say(&format!("{post}Content-Length: {}\r\n\r\n{body}", body.len()))
            .await;
        assert!(text.starts_with(&format!("HTTP/1.1 {code} ")), "{text}");
    }
    let text = house.say(&get("/status/ready")).await;
    assert!(
        text.starts_with("HTTP/1.1 503 ") && text.ends_with(r#"{"message":"draining"}"#),
        "{text}"
    );
}

/// With prior knowledge, in two requests at once, and told to leave when the node does.
#[tokio::test]
async fn http_2_is_spoken_with_whoever_begins_with_it() {
    let desk = Desk::with(Arc::new(MemoryStore::new()), Options::default());
    let house = House::receiving(desk.admin.clone(), Reception::new(None, true)).await;
    let stream = TokioIo::new(house.connect().await);
    let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let ask = |path: &str| {
        let mut sender = sender.clone();
        let request = Request::get(format!("http://a{path}")).body(Empty::<Bytes>::new());
        async move { sender.send_request(request.unwrap()).await.unwrap() }
    };
    let (services, nothing) = tokio::join!(ask("/services"), ask("/nothing"));
    assert_eq!(
        (services.status().as_u16(), nothing.status().as_u16()),
        (200, 404)
    );
    assert!(services.headers().contains_key("x-kong-admin-latency"));
    // HTTP/1.1 is spoken there as before.
    assert!(house.say(&get("/services")).await.starts_with("HTTP/1.1 200"));
    drop(sender);
    house.shutdown.drain("test");
    timeout(AMPLE, connection).await.unwrap().unwrap().unwrap();
    timeout(AMPLE, house.serving).await.unwrap().unwrap();
}
