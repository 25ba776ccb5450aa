//! A request's way to a peer and back.

use crate::{
    house::{House, any_port, options},
    origin::Origin,
    wire::{Wire, ask, get},
};
use serde_json::json;
use std::sync::Arc;
use tokio::{io::AsyncReadExt, net::TcpStream};
use troop_gateway::{AccessLog, GatewayOptions, ListenOptions};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_its_origin_and_the_answer_its_client() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    house.path_to("/foo", &origin, json!({})).await;
    let answer = get(
        house.address(),
        "/foo/bar?x=1",
        "Accept: */*\r\nX-Multi: 1\r\nX-Multi: 2\r\n",
    )
    .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.echoed("target ").as_deref(), Some("/bar?x=1"));
    assert_eq!(answer.echoed("Host: "), Some(origin.address.to_string()));
    for line in [
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Host: gw.test",
        "X-Forwarded-Path: /foo/bar",
        "X-Forwarded-Prefix: /foo",
        "X-Real-IP: 127.0.0.1",
        "Via: 1.1 kong/3.9.1",
        "Connection: keep-alive",
        "x-multi: 1\nx-multi: 2",
    ] {
        assert!(
            answer.text().contains(&format!("\n{line}\n")),
            "{line} in {}",
            answer.text()
        );
    }
    let mut names: Vec<&str> = answer.headers.iter().map(|(n, _)| n.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "connection",
        "content-length",
        "server",
        "via",
        "x-kong-proxy-latency",
        "x-kong-request-id",
        "x-kong-upstream-latency",
    ];
    assert_eq!(names, expected);
    assert_eq!(answer.header("via"), Some("1.1 kong/3.9.1"));
    assert_eq!(
        answer.echoed("X-Kong-Request-Id: ").as_deref(),
        answer.header("x-kong-request-id")
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_kept_on_both_sides() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    house.path_to("/", &origin, json!({})).await;
    let mut wire = Wire::dial(house.address()).await;
    for _ in 0..20 {
        wire.send(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(wire.answer().await.status, 200);
    }
    assert_eq!((origin.hits(), origin.connections()), (20, 1));
    assert_eq!(house.gateway.gauges().counters().connections_accepted, 1);
    assert_eq!(house.gateway.gauges().counters().requests_total, 20);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_in_order() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    house.path_to("/", &origin, json!({})).await;
    let mut wire = Wire::dial(house.address()).await;
    let requests: String = (0..10)
        .map(|n| format!("GET /{n}x HTTP/1.1\r\nHost: a\r\n\r\n"))
        .collect();
    wire.send(requests.as_bytes()).await;
    for n in 0..10 {
        assert_eq!(wire.answer().await.echoed("target "), Some(format!("/{n}x")));
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_origins_own_fields_come_through_and_its_connections_do_not() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    house.path_to("/", &origin, json!({})).await;
    let answer = get(house.address(), "/hop", "").await;
    assert_eq!(
        (answer.header("x-keep"), answer.header("x-drop")),
        (Some("2"), None)
    );
    assert_eq!(answer.header("server"), Some("theirs"));
    assert_eq!(answer.header("via"), Some("1.0 fred, 1.1 kong/3.9.1"));
    for status in [201, 204, 304, 404, 500, 503] {
        assert_eq!(
            get(house.address(), &format!("/status/{status}"), "")
                .await
                .status,
            status
        );
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_request_gets_a_length_and_no_body() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    house.path_to("/ok", &origin, json!({})).await;
    let mut wire = Wire::dial(house.address()).await;
    wire.send(b"HEAD /none HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let head = wire.head_answer().await;
    assert_eq!(head.status, 404);
    assert!(head.header("content-length").is_some());
    assert_eq!(wire.answer().await.status, 404);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_is_served_and_closed() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    house.path_to("/y", &origin, json!({})).await;
    let mut wire = Wire::dial(house.address()).await;
    wire.send(b"GET /y HTTP/1.0\r\n\r\n").await;
    let answer = wire.answer().await;
    assert_eq!(
        (answer.status, answer.echoed("target ").as_deref()),
        (200, Some("/"))
    );
    assert!(wire.is_ended().await);
    let mut wire = Wire::dial(house.address()).await;
    for _ in 0..2 {
        wire.send(b"GET /y HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
            .await;
        assert_eq!(wire.answer().await.status, 200);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_configured_about_host_and_path_is_done() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    let service = house.service(&origin, json!({"path": "/base"})).await;
    house.route("/strip", Some(service), json!({})).await;
    house
        .route(
            "/keep",
            Some(service),
            json!({"strip_path": false, "preserve_host": true}),
        )
        .await;
    let stripped = get(house.address(), "/strip/x?", "").await;
    assert_eq!(stripped.echoed("target ").as_deref(), Some("/base/x?"));
    let kept = get(house.address(), "/keep/x", "").await;
    assert_eq!(kept.echoed("target ").as_deref(), Some("/base/keep/x"));
    assert_eq!(kept.echoed("Host: ").as_deref(), Some("gw.test"));
    assert_eq!(kept.echoed("X-Forwarded-Prefix: "), None);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_served_when_the_revision_says_so() {
    let (house, a, b) = (
        House::plain().await,
        Origin::start("a").await,
        Origin::start("b").await,
    );
    let service = house.service(&a, json!({})).await;
    let route = house.route("/x", Some(service), json!({})).await;
    let mut wire = Wire::dial(house.address()).await;
    for round in 0..10 {
        let (origin, name) = if round % 2 == 0 { (&b, "b") } else { (&a, "a") };
        house
            .update("services", service, json!({"port": origin.address.port()}))
            .await;
        wire.send(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(
            wire.answer().await.echoed("origin ").as_deref(),
            Some(name),
            "round {round}"
        );
    }
    house.update("services", service, json!({"enabled": false})).await;
    assert_eq!(get(house.address(), "/x", "").await.status, 404);
    house.update("services", service, json!({"enabled": true})).await;
    assert_eq!(get(house.address(), "/x", "").await.status, 200);
    house.delete("routes", route).await;
    assert_eq!(get(house.address(), "/x", "").await.status, 404);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_requests_to_a_route_for_tls_are_told_or_sent_there() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    let service = house.service(&origin, json!({})).await;
    house
        .route("/told", Some(service), json!({"protocols": ["https"]}))
        .await;
    let sent = json!({"protocols": ["https"], "https_redirect_status_code": 302});
    house.route("/sent", Some(service), sent).await;
    let told = get(house.address(), "/told", "").await;
    assert_eq!(
        (told.status, told.header("upgrade")),
        (426, Some("TLS/1.2, HTTP/1.1"))
    );
    let sent = ask(
        house.address(),
        "GET /sent/y?z=1 HTTP/1.1\r\nHost: A.test:8000\r\n\r\n",
    )
    .await;
    assert_eq!(
        (sent.status, sent.header("location")),
        (302, Some("https://a.test/sent/y?z=1"))
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_with_the_default_certificate() {
    let tls = GatewayOptions {
        listeners: vec![ListenOptions::tls(any_port())],
        ..options()
    };
    let (house, origin) = (House::build(tls, Vec::new()).await, Origin::start("a").await);
    let service = house.service(&origin, json!({})).await;
    house
        .route("/x", Some(service), json!({"protocols": ["https"]}))
        .await;
    let stream = TcpStream::connect(house.address()).await.expect("a connection");
    let name = rustls_pki_types::ServerName::try_from("gw.test").expect("a name");
    let connector = tokio_rustls::TlsConnector::from(Arc::new(trusting()));
    let stream = connector.connect(name, stream).await.expect("a handshake");
    let mut wire = Wire {
        stream,
        early: Vec::new(),
    };
    wire.send(b"GET /x HTTP/1.1\r\nHost: gw.test\r\n\r\n").await;
    let answer = wire.answer().await;
    assert_eq!(
        (answer.status, answer.echoed("X-Forwarded-Proto: ").as_deref()),
        (200, Some("https"))
    );
    house.close().await;
}

pub fn trusting() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth()
}

#[derive(Debug)]
struct Anybody(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &rustls_pki_types::CertificateDer<'_>,
        _: &[rustls_pki_types::CertificateDer<'_>],
        _: &rustls_pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls_pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls_pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls_pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_passes_bytes_both_ways() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    house.path_to("/", &origin, json!({})).await;
    let mut wire = Wire::dial(house.address()).await;
    let request = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly";
    wire.send(request.as_bytes()).await;
    let answer = wire.answer().await;
    assert_eq!(
        (answer.status, answer.header("upgrade")),
        (101, Some("websocket"))
    );
    let mut seen = std::mem::take(&mut wire.early);
    wire.send(b" and late").await;
    while seen.len() < b"hi!early and late".len() {
        let mut piece = [0; 64];
        let count = wire.stream.read(&mut piece).await.expect("bytes");
        assert!(count > 0, "the tunnel ended early");
        seen.extend_from_slice(&piece[..count]);
    }
    assert_eq!(seen, b"hi!early and late");
    drop(wire);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_written_per_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    let logging = GatewayOptions {
        access_log: AccessLog::File(path.clone()),
        ..options()
    };
    let (house, origin) = (House::build(logging, Vec::new()).await, Origin::start("a").await);
    house.path_to("/x", &origin, json!({})).await;
    get(house.address(), "/x/y?q", "User-Agent: me\r\n").await;
    get(house.address(), "/none", "").await;
    house.close().await;
    let log = std::fs::read_to_string(&path).expect("a log");
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(
        lines[0].contains("\"GET /x/y?q HTTP/1.1\" 200") && lines[0].contains("\"me\""),
        "{log}"
    );
    assert!(lines[0].contains(&format!("peer={}", origin.address)), "{log}");
    assert!(lines[1].contains(" 404 "), "{log}");
}
