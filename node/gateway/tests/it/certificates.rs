//! Certificates shown to clients.

use crate::{
    house::{House, any_port, options},
    origin::Origin,
    tls::{Shown, dial, pair},
    wire::Wire,
};
use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
use rustls::{ProtocolVersion, SignatureScheme};
use serde_json::{Value, json};
use std::net::SocketAddr;
use troop_gateway::{GatewayOptions, ListenOptions, TlsOptions};
use uuid::Uuid;

async fn house(tls: TlsOptions) -> (House, SocketAddr) {
    let options = GatewayOptions {
        listeners: vec![ListenOptions::plain(any_port()), ListenOptions::tls(any_port())],
        tls,
        ..options()
    };
    let house = House::build(options, Vec::new()).await;
    let address = house.gateway.addresses()[1].address.ip().expect("no unix socket");
    (house, address)
}

/// A certificate of the configuration for these names.
async fn certificate(house: &House, name: &str, snis: &[&str]) -> (Uuid, Vec<u8>) {
    let pair = pair(name, &PKCS_ECDSA_P256_SHA256);
    let id = house
        .insert("certificates", json!({"cert": pair.certificate, "key": pair.key}))
        .await;
    for sni in snis {
        sni_for(house, sni, id).await;
    }
    (id, pair.der)
}

async fn sni_for(house: &House, name: &str, certificate: Uuid) -> Uuid {
    let sni: Value = json!({"name": name, "certificate": {"id": certificate}});
    house.insert("snis", sni).await
}

async fn shown(address: SocketAddr, name: &str) -> Vec<u8> {
    dial(address, name, Shown::default()).await.certificate()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_shown_is_the_one_for_the_name_asked_for() {
    let (house, address) = house(TlsOptions::default()).await;
    let default = shown(address, "a.test").await;
    let (_, a) = certificate(&house, "a", &["a.test"]).await;
    let (_, b) = certificate(&house, "b", &["*.w.test", "p.*"]).await;
    for (name, wanted) in [
        ("a.test", &a),
        ("x.w.test", &b),
        ("p.com", &b),
        ("y.x.w.test", &default),
        ("w.test", &default),
        ("other.test", &default),
    ] {
        assert!(shown(address, name).await == *wanted, "{name}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_shown_at_once_and_open_connections_live_on() {
    let (house, address) = house(TlsOptions::default()).await;
    let origin = Origin::start("a").await;
    house.path_to("/", &origin, json!({})).await;
    let (id, first) = certificate(&house, "one", &["a.test", "*"]).await;
    let open = dial(address, "a.test", Shown::default()).await;
    assert!(open.certificate() == first);
    let next = pair("two", &PKCS_ECDSA_P256_SHA256);
    house
        .update(
            "certificates",
            id,
            json!({"cert": next.certificate, "key": next.key}),
        )
        .await;
    assert!(shown(address, "a.test").await == next.der);
    assert!(shown(address, "else.test").await == next.der);
    let mut wire = Wire {
        stream: open.stream,
        early: Vec::new(),
    };
    wire.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(wire.answer().await.status, 200);
    house.delete("certificates", id).await;
    assert!(shown(address, "a.test").await != next.der);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_kinds_the_client_is_shown_the_one_it_can_verify() {
    let (house, address) = house(TlsOptions::default()).await;
    let (rsa, ecdsa) = (pair("a", &PKCS_RSA_SHA256), pair("a", &PKCS_ECDSA_P256_SHA256));
    let both = json!({
        "cert": rsa.certificate, "key": rsa.key, "cert_alt": ecdsa.certificate, "key_alt": ecdsa.key,
    });
    let id = house.insert("certificates", both).await;
    sni_for(&house, "a.test", id).await;
    for (scheme, wanted) in [
        (SignatureScheme::RSA_PSS_SHA256, &rsa.der),
        (SignatureScheme::ECDSA_NISTP256_SHA256, &ecdsa.der),
    ] {
        let only = Shown::verifying(scheme);
        assert!(
            dial(address, "a.test", only).await.certificate() == *wanted,
            "{scheme:?}"
        );
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_resumed_under_its_own_name_only() {
    let (house, address) = house(TlsOptions::default()).await;
    let origin = Origin::start("a").await;
    house.path_to("/", &origin, json!({})).await;
    let memory = Shown::default();
    assert!(!talk(address, "a.test", &memory).await);
    assert!(talk(address, "a.test", &memory).await);
    memory.forget_names();
    let resumed = talk(address, "b.test", &memory).await;
    assert!(!resumed, "a ticket of another name opens nothing");
    house.close().await;
}

/// Whether a session was resumed. An exchange takes place in it, so that tickets have come.
async fn talk(address: SocketAddr, name: &str, how: &Shown) -> bool {
    let dialled = dial(address, name, how.clone()).await;
    let resumed = dialled.resumed();
    let mut wire = Wire {
        stream: dialled.stream,
        early: Vec::new(),
    };
    wire.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(wire.answer().await.status, 200);
    resumed
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tickets_no_session_is_resumed_in_either_version() {
    for (tickets, resumed) in [(true, true), (false, false)] {
        let tls = TlsOptions {
            tickets,
            ..TlsOptions::default()
        };
        let (house, address) = house(tls).await;
        let origin = Origin::start("a").await;
        house.path_to("/", &origin, json!({})).await;
        for memory in [Shown::default(), Shown::older()] {
            assert!(!talk(address, "a.test", &memory).await);
            assert_eq!(talk(address, "a.test", &memory).await, resumed);
        }
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn suites_are_those_of_the_settings_and_their_order_counts_if_it_is_to() {
    const CHACHA: u16 = 0xcca9;
    const AES_128: u16 = 0xc02b;
    const AES_128_OF_13: u16 = 0x1301;
    // These clients prefer AES.
    for (own_order, older) in [(true, CHACHA), (false, AES_128)] {
        let tls = TlsOptions {
            suites: vec![CHACHA, AES_128, AES_128_OF_13],
            own_order,
            ..TlsOptions::default()
        };
        let (house, address) = house(tls).await;
        let suite = async |how: Shown| dial(address, "a.test", how).await.suite();
        assert_eq!(suite(Shown::older()).await, older);
        assert_eq!(suite(Shown::default()).await, AES_128_OF_13);
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_versions_of_the_settings_are_offered() {
    let only_13 = TlsOptions {
        tls_12: false,
        ..TlsOptions::default()
    };
    let (house, address) = house(only_13).await;
    let version = dial(address, "a.test", Shown::default()).await.version();
    assert_eq!(version, ProtocolVersion::TLSv1_3);
    assert!(Shown::older().try_dial(address, "a.test").await.is_err());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_be_in_a_vault() {
    let (house, address) = house(TlsOptions::default()).await;
    let default = shown(address, "a.test").await;
    let pair = pair("a", &PKCS_ECDSA_P256_SHA256);
    // Cargo sets this one for every test, and it is no key.
    let reference = "{vault://env/cargo-manifest-dir}";
    let broken = json!({"cert": pair.certificate, "key": reference});
    let id = house.insert("certificates", broken).await;
    sni_for(&house, "a.test", id).await;
    assert!(shown(address, "a.test").await == default);
    house.update("certificates", id, json!({"key": pair.key})).await;
    assert!(shown(address, "a.test").await == pair.der);
    house.close().await;
}
