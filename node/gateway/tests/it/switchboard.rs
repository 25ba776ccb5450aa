//! Connections and datagrams that are passed on as they come.

use crate::{
    house::{House, any_port, options},
    proxying::trusting,
    wire::{AMPLE, Wire, until},
};
use serde_json::{Value, json};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
};
use troop_expression::Flavor;
use troop_gateway::{AccessLog, GatewayOptions, ListenOptions, RealIp, RealIpSource};
use troop_plugin_api::{
    Failure, Handler, Misconfigured, Phases, Plugin, Reply, Session, SessionRecord, Setup, Verdict,
};
use troop_schema::{Field, PluginSchema, typedef};
use uuid::Uuid;

/// A gateway with one listener for streams, one for streams with TLS, and one for datagrams.
async fn board(plugins: Vec<Arc<dyn Plugin>>) -> House {
    board_of(Flavor::default(), plugins).await
}

async fn board_of(router_flavor: Flavor, plugins: Vec<Arc<dyn Plugin>>) -> House {
    let raw = |tls: bool| ListenOptions {
        raw: true,
        tls,
        ..ListenOptions::plain(any_port())
    };
    let options = GatewayOptions {
        listeners: vec![raw(false), raw(true)],
        datagrams: vec![any_port()],
        router_flavor,
        ..options()
    };
    House::build(options, plugins).await
}

/// The lines of a log, once there are so many.
async fn lines(path: &std::path::Path, count: usize) -> Vec<String> {
    let read = || std::fs::read_to_string(path).unwrap_or_default();
    until("there are lines", async || read().lines().count() >= count).await;
    read().lines().map(str::to_owned).collect()
}

/// A peer that answers whatever it gets with its name in front.
async fn parrot(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut heard = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut heard).await {
                    let said = [name.as_bytes(), b":", &heard[..count]].concat();
                    stream.write_all(&said).await.ok()?;
                }
                Some(())
            });
        }
    });
    address
}

/// The same for datagrams.
async fn postcard_parrot(name: &'static str) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut heard = [0; 4096];
        while let Ok((count, from)) = socket.recv_from(&mut heard).await {
            let said = [name.as_bytes(), b":", &heard[..count]].concat();
            let _ = socket.send_to(&said, from).await;
        }
    });
    address
}

async fn service(house: &House, protocol: &str, peer: SocketAddr, more: Value) -> Uuid {
    let mut body =
        json!({"protocol": protocol, "host": peer.ip().to_string(), "port": peer.port(), "retries": 0});
    let more = more.as_object().cloned().expect("an object");
    body.as_object_mut().expect("an object").extend(more);
    house.insert("services", body).await
}

async fn route(house: &House, protocols: &[&str], service: Uuid, asks: Value) -> Uuid {
    let mut body = json!({"protocols": protocols, "service": {"id": service}});
    let asks = asks.as_object().cloned().expect("an object");
    body.as_object_mut().expect("an object").extend(asks);
    house.insert("routes", body).await
}

/// What comes back for these words; nothing when the gateway hangs up.
async fn said(address: SocketAddr, words: &[u8]) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(words).await.ok()?;
    let mut heard = [0; 4096];
    let count = tokio::time::timeout(AMPLE, stream.read(&mut heard))
        .await
        .expect("in time")
        .ok()?;
    (count > 0).then(|| String::from_utf8_lossy(&heard[..count]).into_owned())
}

/// What a client of TLS says first.
fn hello(name: &'static str) -> Vec<u8> {
    let mut connection =
        rustls::ClientConnection::new(client_tls(), name.try_into().expect("a name")).expect("a client");
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).expect("bytes");
    bytes
}

fn client_tls() -> Arc<rustls::ClientConfig> {
    Arc::new(trusting())
}

/// What is told of a session when it is over: status, bytes from and to the client.
type Told = Arc<Mutex<Vec<(u16, u64, u64)>>>;

/// A plugin that lets one address not in, and hears of all others.
struct Bouncer(Told);

struct Bounce {
    address: IpAddr,
    told: Told,
}

impl Plugin for Bouncer {
    fn name(&self) -> &'static str {
        "bouncer"
    }

    fn priority(&self) -> i32 {
        1
    }

    fn schema(&self) -> PluginSchema {
        PluginSchema::new("bouncer", vec![("address", Field::string())]).protocols(typedef::PROTOCOLS)
    }

    fn configure(&self, setup: &Setup<'_>) -> Result<Arc<dyn Handler>, Misconfigured> {
        let address = setup.config.get("address").and_then(Value::as_str);
        Ok(Arc::new(Bounce {
            address: address.expect("an address").parse().expect("an address"),
            told: Arc::clone(&self.0),
        }))
    }
}

impl Handler for Bounce {
    fn phases(&self) -> Phases {
        Phases::PREREAD | Phases::SESSION_LOG
    }

    fn preread(&self, session: &Session<'_>) -> Result<Verdict, Failure> {
        if session.client.address.ip() == Some(self.address) {
            return Ok(Reply::error(403, "not you").into());
        }
        Ok(Verdict::Continue)
    }

    fn session_log(&self, record: &SessionRecord<'_>) {
        let told = (record.status, record.received_bytes, record.sent_bytes);
        self.told.lock().expect("a list").push(told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_goes_where_its_addresses_say() {
    let house = board(Vec::new()).await;
    let (near, far) = (parrot("near").await, parrot("far").await);
    assert_eq!(said(house.address(), b"x").await, None, "no route");
    let near = service(&house, "tcp", near, json!({})).await;
    let far = service(&house, "tcp", far, json!({})).await;
    let port = house.address().port();
    route(&house, &["tcp"], near, json!({"destinations": [{"port": port}]})).await;
    assert_eq!(said(house.address(), b"x").await.as_deref(), Some("near:x"));
    let exact = json!({"sources": [{"ip": "127.0.0.1"}], "destinations": [{"port": port}]});
    let exact = route(&house, &["tcp"], far, exact).await;
    assert_eq!(said(house.address(), b"x").await.as_deref(), Some("far:x"));
    house.update("services", far, json!({"enabled": false})).await;
    assert_eq!(said(house.address(), b"x").await.as_deref(), Some("near:x"));
    house.update("services", far, json!({"enabled": true})).await;
    assert_eq!(said(house.address(), b"x").await.as_deref(), Some("far:x"));
    house.delete("routes", exact).await;
    assert_eq!(said(house.address(), b"x").await.as_deref(), Some("near:x"));
    assert_eq!(house.close().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_that_closes_closes_the_others_and_what_is_quiet_ends() {
    let house = board(Vec::new()).await;
    let peer = parrot("p").await;
    let service = service(&house, "tcp", peer, json!({"read_timeout": 300})).await;
    route(
        &house,
        &["tcp"],
        service,
        json!({"destinations": [{"port": house.address().port()}]}),
    )
    .await;
    let mut closing = TcpStream::connect(house.address()).await.expect("a connection");
    closing.write_all(b"bye").await.expect("it is taken");
    closing.shutdown().await.expect("closed");
    let mut heard = String::new();
    let read = tokio::time::timeout(AMPLE, closing.read_to_string(&mut heard)).await;
    read.expect("in time").expect("an end in order");
    assert_eq!(heard, "p:bye");
    let mut quiet = Wire::dial(house.address()).await;
    assert!(quiet.is_ended().await);
    assert_eq!(house.close().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_peer_is_tried_where_one_cannot_be_reached() {
    let house = board(Vec::new()).await;
    let peer = parrot("there").await;
    let upstream = house.insert("upstreams", json!({"name": "u"})).await;
    for target in [peer.to_string(), "127.0.0.1:1".to_owned()] {
        house
            .insert("targets", json!({"upstream": {"id": upstream}, "target": target}))
            .await;
    }
    let service = json!({"protocol": "tcp", "host": "u", "port": 9, "retries": 1});
    let service = house.insert("services", service).await;
    route(
        &house,
        &["tcp"],
        service,
        json!({"destinations": [{"port": house.address().port()}]}),
    )
    .await;
    for _ in 0..4 {
        assert_eq!(said(house.address(), b"x").await.as_deref(), Some("there:x"));
    }
    assert!(house.gateway.gauges().counters().retries_total >= 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_passed_on_by_the_name_in_it_and_stays_closed() {
    let house = board(Vec::new()).await;
    let (a, b, plain) = (parrot("a").await, parrot("b").await, parrot("plain").await);
    for (peer, names) in [(a, json!(["a.test"])), (b, json!(["*.b.test"]))] {
        let service = service(&house, "tcp", peer, json!({})).await;
        route(&house, &["tls_passthrough"], service, json!({"snis": names})).await;
    }
    let plain = service(&house, "tcp", plain, json!({})).await;
    route(
        &house,
        &["tcp"],
        plain,
        json!({"destinations": [{"port": house.address().port()}]}),
    )
    .await;
    for (name, start) in [
        ("a.test", "a:\u{16}"),
        ("x.b.test", "b:\u{16}"),
        ("c.test", "plain:\u{16}"),
    ] {
        let heard = said(house.address(), &hello(name)).await.unwrap_or_default();
        assert!(heard.starts_with(start), "{name}: {heard:?}");
    }
    // In two pieces, too.
    let whole = hello("a.test");
    let mut slow = TcpStream::connect(house.address()).await.expect("a connection");
    slow.write_all(&whole[..9]).await.expect("it is taken");
    tokio::time::sleep(Duration::from_millis(30)).await;
    slow.write_all(&whole[9..]).await.expect("it is taken");
    let mut heard = [0; 2];
    tokio::time::timeout(AMPLE, slow.read_exact(&mut heard))
        .await
        .expect("in time")
        .expect("words");
    assert_eq!(&heard, b"a:");
    drop(slow);
    assert_eq!(
        said(house.address(), b"no tls").await.as_deref(),
        Some("plain:no tls")
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_ends_here_for_routes_that_say_so() {
    let house = board(Vec::new()).await;
    let peer = parrot("inside").await;
    let service = service(&house, "tcp", peer, json!({})).await;
    route(&house, &["tls"], service, json!({"snis": ["a.test"]})).await;
    let address = house.gateway.addresses()[1].address.ip().expect("no unix socket");
    let stream = TcpStream::connect(address).await.expect("a connection");
    let connector = tokio_rustls::TlsConnector::from(client_tls());
    let name = "a.test".try_into().expect("a name");
    let mut stream = connector.connect(name, stream).await.expect("a handshake");
    stream.write_all(b"x").await.expect("it is taken");
    let mut heard = [0; 8];
    tokio::time::timeout(AMPLE, stream.read_exact(&mut heard))
        .await
        .expect("in time")
        .expect("words");
    assert_eq!(&heard, b"inside:x");
    drop(stream);
    assert_eq!(said(address, &hello("other.test")).await, None, "no route");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expressions_route_connections_names_and_datagrams() {
    let house = board_of(Flavor::Expressions, Vec::new()).await;
    let datagrams = house.gateway.datagram_addresses()[0];
    for (name, protocol, sentence, priority) in [
        ("any", "tcp", "net.src.ip in 127.0.0.0/8", 0),
        (
            "port",
            "tcp",
            r#"net.dst.port == PORT && net.protocol == "tcp""#,
            1,
        ),
        ("far", "tcp", "net.src.ip in 10.0.0.0/8", 2),
        (
            "name",
            "tls_passthrough",
            r#"net.dst.port == PORT && tls.sni =^ ".test""#,
            3,
        ),
    ] {
        let sentence = sentence.replace("PORT", &house.address().port().to_string());
        let service = service(&house, "tcp", parrot(name).await, json!({})).await;
        route(
            &house,
            &[protocol],
            service,
            json!({"expression": sentence, "priority": priority}),
        )
        .await;
    }
    let cards = service(&house, "udp", postcard_parrot("cards").await, json!({})).await;
    let sentence = format!("net.dst.port == {}", datagrams.port());
    route(&house, &["udp"], cards, json!({"expression": sentence})).await;

    assert_eq!(said(house.address(), b"x").await.as_deref(), Some("port:x"));
    for (name, start) in [("a.test", "name:\u{16}"), ("a.org", "port:\u{16}")] {
        let heard = said(house.address(), &hello(name)).await.unwrap_or_default();
        assert!(heard.starts_with(start), "{name}: {heard:?}");
    }
    let client = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    client.connect(datagrams).await.expect("an address");
    client.send(b"x").await.expect("sent");
    let mut heard = [0; 64];
    let count = tokio::time::timeout(AMPLE, client.recv(&mut heard)).await;
    assert_eq!(&heard[..count.expect("in time").expect("an answer")], b"cards:x");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_of_a_client_are_a_session_of_their_own() {
    let house = board(Vec::new()).await;
    let peer = postcard_parrot("udp").await;
    let service = service(&house, "udp", peer, json!({"read_timeout": 400})).await;
    let address = house.gateway.datagram_addresses()[0];
    route(
        &house,
        &["udp"],
        service,
        json!({"destinations": [{"port": address.port()}]}),
    )
    .await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let client = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        client.connect(address).await.expect("an address");
        clients.push(client);
    }
    for round in 0..3 {
        for (at, client) in clients.iter().enumerate() {
            let words = format!("{at}-{round}");
            client.send(words.as_bytes()).await.expect("sent");
            let mut heard = [0; 64];
            let count = tokio::time::timeout(AMPLE, client.recv(&mut heard)).await;
            let count = count.expect("in time").expect("an answer");
            assert_eq!(&heard[..count], format!("udp:{words}").as_bytes());
        }
    }
    let counters = || house.gateway.gauges().counters();
    assert_eq!(counters().connections_accepted, 3);
    until("quiet sessions end", async || counters().connections_active == 0).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_gets_a_line_also_one_that_nobody_expected() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("streams.log");
    let options = GatewayOptions {
        listeners: vec![ListenOptions {
            raw: true,
            ..ListenOptions::plain(any_port())
        }],
        datagrams: vec![any_port()],
        session_log: AccessLog::File(path.clone()),
        session_log_format: "$protocol $status $bytes_sent $bytes_received $server_port $upstream_addr"
            .parse()
            .expect("a format"),
        ..options()
    };
    let house = House::build(options, Vec::new()).await;
    let (tcp, udp) = (house.address().port(), house.gateway.datagram_addresses()[0]);
    assert_eq!(said(house.address(), b"x").await, None);
    assert_eq!(lines(&path, 1).await, [format!("TCP 500 0 0 {tcp} -")]);
    let (peer, cards) = (parrot("p").await, postcard_parrot("u").await);
    let (away, asks) = (
        "127.0.0.1:1".parse().expect("an address"),
        |port: u16| json!({"destinations": [{"port": port}]}),
    );
    let unreached = service(&house, "tcp", away, json!({})).await;
    let gone = route(&house, &["tcp"], unreached, asks(tcp)).await;
    assert_eq!(said(house.address(), b"x").await, None);
    assert_eq!(lines(&path, 2).await[1], format!("TCP 502 0 0 {tcp} {away}"));
    house.delete("routes", gone).await;
    let reached = service(&house, "tcp", peer, json!({})).await;
    route(&house, &["tcp"], reached, asks(tcp)).await;
    assert_eq!(said(house.address(), b"hello").await.as_deref(), Some("p:hello"));
    assert_eq!(lines(&path, 3).await[2], format!("TCP 200 7 5 {tcp} {peer}"));
    let post = service(&house, "udp", cards, json!({"read_timeout": 200})).await;
    route(&house, &["udp"], post, asks(udp.port())).await;
    let client = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    client.send_to(b"card", udp).await.expect("sent");
    assert_eq!(
        lines(&path, 4).await[3],
        format!("UDP 200 6 4 {} {cards}", udp.port())
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_looks_at_who_calls_and_an_introduction_counts() {
    let options = GatewayOptions {
        listeners: vec![ListenOptions {
            raw: true,
            proxy_protocol: true,
            ..ListenOptions::plain(any_port())
        }],
        trusted_ips: vec!["127.0.0.0/8".parse().expect("a range")],
        real_ip: RealIp {
            source: RealIpSource::ProxyProtocol,
            recursive: false,
        },
        ..options()
    };
    let told = Told::default();
    let house = House::build(options, vec![Arc::new(Bouncer(Arc::clone(&told)))]).await;
    let peer = parrot("p").await;
    let service = service(&house, "tcp", peer, json!({})).await;
    let port = house.address().port();
    let route = route(
        &house,
        &["tcp"],
        service,
        json!({"destinations": [{"port": port}]}),
    )
    .await;
    let bounce = json!({"name": "bouncer", "route": {"id": route}, "protocols": ["tcp"], "config": {"address": "9.9.9.9"}});
    house.insert("plugins", bounce).await;
    let call = async |from: &str| {
        let words = format!("PROXY TCP4 {from} 10.0.0.1 5000 80\r\nx");
        said(house.address(), words.as_bytes()).await
    };
    assert_eq!(call("9.9.9.9").await, None);
    assert_eq!(call("9.9.9.8").await.as_deref(), Some("p:x"));
    until("both are told of", async || {
        told.lock().expect("a list").len() == 2
    })
    .await;
    assert_eq!(*told.lock().expect("a list"), [(403, 0, 0), (200, 1, 3)]);
    house.close().await;
}
