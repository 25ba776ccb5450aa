//! Peers that must prove who they are, and peers that ask who we are.

use crate::{
    house::{House, any_port, options},
    tls::{Shown, dial},
    wire::{get, until},
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{RootCertStore, ServerConfig, crypto::aws_lc_rs, server::WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject};
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use troop_gateway::{GatewayOptions, KeyFiles, ListenOptions};
use uuid::Uuid;

/// One who signs.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

/// What was signed.
struct Signed {
    certificate: CertificateDer<'static>,
    key: KeyPair,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let (params, key) = Authority::params(name);
        let certificate = params.self_signed(&key).expect("a certificate");
        Authority {
            certificate: certificate.der().clone(),
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    fn params(name: &str) -> (CertificateParams, KeyPair) {
        let mut params = CertificateParams::new(Vec::new()).expect("params");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (params, KeyPair::generate().expect("a key"))
    }

    /// One below it.
    fn deputy(&self, name: &str) -> Self {
        let (params, key) = Authority::params(name);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Authority {
            certificate: certificate.der().clone(),
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    fn sign(&self, name: &str) -> Signed {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Signed {
            certificate: certificate.der().clone(),
            pem: certificate.pem(),
            key,
        }
    }

    async fn stored(&self, house: &House) -> Uuid {
        house.insert("ca_certificates", json!({"cert": self.pem})).await
    }
}

impl Signed {
    async fn stored(&self, house: &House) -> Uuid {
        let record = json!({"cert": self.pem, "key": self.key.serialize_pem()});
        house.insert("certificates", record).await
    }
}

/// A peer that shows a chain, and answers with the common name of what it was shown, or `nobody`. `clients` signed those it believes;
/// without one, it does not ask.
async fn peer(own: &Signed, between: &[&Authority], clients: Option<&Authority>) -> SocketAddr {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.certificate.clone()).expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build();
            builder.with_client_cert_verifier(verifier.expect("a verifier"))
        }
    };
    let mut chain = vec![own.certificate.clone()];
    chain.extend(between.iter().map(|authority| authority.certificate.clone()));
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.key.serialize_der()));
    let config = builder.with_single_cert(chain, key).expect("a configuration");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(acceptor.clone(), stream));
        }
    });
    address
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream) -> Option<()> {
    let mut stream = acceptor.accept(stream).await.ok()?;
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let name = shown.map_or_else(|| "nobody".to_owned(), common_name);
    let mut head = Vec::new();
    loop {
        let mut byte = [0; 512];
        let count = stream.read(&mut byte).await.ok().filter(|count| *count > 0)?;
        head.extend_from_slice(&byte[..count]);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len());
            stream.write_all(answer.as_bytes()).await.ok()?;
        }
    }
}

/// The names of these tests end in this, and stand in no other field.
fn common_name(certificate: &CertificateDer<'_>) -> String {
    let text = String::from_utf8_lossy(certificate);
    let end = text.rfind(".client").expect("a client's certificate");
    let letters = |c: &char| c.is_ascii_lowercase();
    let mut name: Vec<char> = text[..end].chars().rev().take_while(letters).collect();
    name.reverse();
    name.into_iter().collect()
}

/// A certificate of version 1, as `openssl x509 -req` makes them, for `v1.test`.
const OLD: (&str, &str) = (include_str!("old.crt"), include_str!("old.key"));

/// A service at a peer under `/x`.
async fn service(house: &House, peer: SocketAddr, more: Value) -> Uuid {
    let mut body = json!({"host": "localhost", "port": peer.port(), "protocol": "https", "retries": 0});
    let members = more.as_object().cloned().expect("an object");
    body.as_object_mut().expect("an object").extend(members);
    let id = house.insert("services", body).await;
    house.route("/x", Some(id), json!({})).await;
    id
}

async fn status(house: &House) -> u16 {
    get(house.address(), "/x", "").await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_must_lead_to_an_authority_of_its_service() {
    let house = House::plain().await;
    let (right, wrong) = (Authority::new("right"), Authority::new("wrong"));
    let (right_id, wrong_id) = (right.stored(&house).await, wrong.stored(&house).await);
    let peer = peer(&right.sign("localhost"), &[], None).await;
    let id = service(
        &house,
        peer,
        json!({"tls_verify": true, "ca_certificates": [right_id]}),
    )
    .await;
    assert_eq!(status(&house).await, 200);
    house
        .update("services", id, json!({"ca_certificates": [wrong_id]}))
        .await;
    assert_eq!(
        status(&house).await,
        502,
        "the open connection is not used any more"
    );
    house
        .update("services", id, json!({"ca_certificates": [wrong_id, right_id]}))
        .await;
    assert_eq!(status(&house).await, 200);
    house
        .update(
            "ca_certificates",
            right_id,
            json!({"cert": Authority::new("new").pem}),
        )
        .await;
    assert_eq!(status(&house).await, 502);
    house.update("services", id, json!({"tls_verify": false})).await;
    assert_eq!(status(&house).await, 200);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_must_have_the_name_it_is_asked_by() {
    let house = House::plain().await;
    let authority = Authority::new("right");
    let authority_id = authority.stored(&house).await;
    let peer = peer(&authority.sign("other.test"), &[], None).await;
    let verify = json!({"tls_verify": true, "ca_certificates": [authority_id]});
    let id = service(&house, peer, verify).await;
    assert_eq!(status(&house).await, 502);
    let target = format!("127.0.0.1:{}", peer.port());
    let upstream = house
        .insert("upstreams", json!({"name": "u", "host_header": "other.test"}))
        .await;
    let target = json!({"upstream": {"id": upstream}, "target": target});
    house.insert("targets", target).await;
    house.update("services", id, json!({"host": "u"})).await;
    assert_eq!(status(&house).await, 200);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_may_stand_between_than_the_service_says() {
    let house = House::plain().await;
    let root = Authority::new("root");
    let upper = root.deputy("upper");
    let lower = upper.deputy("lower");
    let root_id = root.stored(&house).await;
    let peer = peer(&lower.sign("localhost"), &[&lower, &upper], None).await;
    let verify = json!({"tls_verify": true, "ca_certificates": [root_id]});
    let id = service(&house, peer, verify).await;
    for (depth, wanted) in [
        (json!(2), 200),
        (json!(1), 502),
        (json!(3), 200),
        (Value::Null, 502),
    ] {
        house
            .update("services", id, json!({"tls_verify_depth": depth}))
            .await;
        assert_eq!(status(&house).await, wanted, "{depth}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_asks_is_shown_the_certificate_of_the_service_or_else_of_the_upstream() {
    let house = House::plain().await;
    let authority = Authority::new("right");
    let peer = peer(&authority.sign("localhost"), &[], Some(&authority)).await;
    let own = authority.sign("own.client").stored(&house).await;
    let shared = authority.sign("shared.client").stored(&house).await;
    let shown = async || get(house.address(), "/x", "").await.text();
    let id = service(&house, peer, json!({})).await;
    assert_eq!(shown().await, "nobody");
    house
        .update("services", id, json!({"client_certificate": {"id": own}}))
        .await;
    assert_eq!(shown().await, "own");
    let upstream = json!({"name": "localhost", "client_certificate": {"id": shared}});
    let upstream = house.insert("upstreams", upstream).await;
    let target = json!({"upstream": {"id": upstream}, "target": format!("127.0.0.1:{}", peer.port())});
    house.insert("targets", target).await;
    assert_eq!(shown().await, "own");
    house
        .update("services", id, json!({"client_certificate": null}))
        .await;
    assert_eq!(shown().await, "shared");
    let next = authority.sign("next.client");
    let next = json!({"cert": next.pem, "key": next.key.serialize_pem()});
    house.update("certificates", shared, next).await;
    assert_eq!(shown().await, "next", "the open connection is not used any more");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_asks_is_shown_the_certificate_of_the_node_where_nobody_names_another() {
    let home = tempfile::tempdir().expect("a directory");
    let authority = Authority::new("right");
    let node = authority.sign("node.client");
    let files = KeyFiles {
        certificate: home.path().join("node.crt"),
        key: home.path().join("node.key"),
    };
    std::fs::write(&files.certificate, &node.pem).expect("a file");
    std::fs::write(&files.key, node.key.serialize_pem()).expect("a file");
    let options = GatewayOptions {
        badge_for_peers: Some(files),
        ..options()
    };
    let house = House::build(options, Vec::new()).await;
    let peer = peer(&authority.sign("localhost"), &[], Some(&authority)).await;
    let shown = async || get(house.address(), "/x", "").await.text();
    let id = service(&house, peer, json!({})).await;
    assert_eq!(shown().await, "node");
    let shared = authority.sign("shared.client").stored(&house).await;
    let upstream = json!({"name": "localhost", "client_certificate": {"id": shared}});
    let upstream = house.insert("upstreams", upstream).await;
    let target = json!({"upstream": {"id": upstream}, "target": format!("127.0.0.1:{}", peer.port())});
    house.insert("targets", target).await;
    assert_eq!(shown().await, "shared");
    let own = authority.sign("own.client").stored(&house).await;
    house
        .update("services", id, json!({"client_certificate": {"id": own}}))
        .await;
    assert_eq!(shown().await, "own");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_shows_the_certificate_of_its_upstream() {
    let house = House::plain().await;
    let authority = Authority::new("right");
    let peer = peer(&authority.sign("localhost"), &[], Some(&authority)).await;
    let shown = authority.sign("own.client").stored(&house).await;
    // Whoever is asked by nobody it knows answers with `nobody`, which a probe does not read; so the handshake has to fail.
    let stranger = Authority::new("stranger").sign("own.client").stored(&house).await;
    let checks = json!({"active": {
        "type": "https", "https_verify_certificate": false,
        "healthy": {"interval": 0.1, "successes": 1},
        "unhealthy": {"interval": 0.1, "http_failures": 1, "tcp_failures": 1},
    }});
    let more = json!({"healthchecks": checks, "client_certificate": {"id": stranger}});
    let upstream = house.upstream(&[peer.to_string()], more).await;
    until("the peer down", async || !house.up(upstream)[&peer.port()]).await;
    house
        .update(
            "upstreams",
            upstream,
            json!({"client_certificate": {"id": shown}}),
        )
        .await;
    until("the peer up", async || house.up(upstream)[&peer.port()]).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_version_1_are_shown_and_taken_where_nobody_has_to_prove_anything() {
    let options = GatewayOptions {
        listeners: vec![ListenOptions::tls(any_port())],
        ..options()
    };
    let (house, old) = (House::plain().await, House::build(options, Vec::new()).await);
    let id = old
        .insert("certificates", json!({"cert": OLD.0, "key": OLD.1}))
        .await;
    old.insert("snis", json!({"name": "*", "certificate": {"id": id}}))
        .await;
    let shown = dial(old.address(), "a.test", Shown::default())
        .await
        .certificate();
    let certificate = CertificateDer::from_pem_slice(OLD.0.as_bytes()).expect("a certificate");
    assert!(shown == certificate.to_vec());
    // The other gateway is the peer: it has no route, and says so.
    let id = service(&house, old.address(), json!({})).await;
    assert_eq!(status(&house).await, 404);
    house.update("services", id, json!({"tls_verify": true})).await;
    assert_eq!(status(&house).await, 502);
    house.close().await;
    old.close().await;
}
