//! Clients that come over a unix socket.

use crate::{
    house::{House, any_port, options},
    origin::Origin,
    wire::Wire,
};
use serde_json::json;
use std::{num::NonZeroUsize, os::unix::fs::PermissionsExt, path::Path};
use tempfile::TempDir;
use tokio::net::UnixStream;
use troop_gateway::{GatewayOptions, ListenOptions, RealIp, RealIpSource};
use troop_stdx::Whereabouts;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Real-IP: 9.9.9.9\r\nX-Forwarded-Port: 1\r\n\r\n";

fn here() -> (TempDir, ListenOptions) {
    let home = tempfile::tempdir().expect("a directory");
    let address = Whereabouts::Unix(home.path().join("proxy.sock"));
    (home, ListenOptions::plain(address))
}

async fn dial(home: &TempDir) -> Wire<UnixStream> {
    let stream = UnixStream::connect(home.path().join("proxy.sock")).await;
    Wire {
        stream: stream.expect("a connection"),
        early: Vec::new(),
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_unix_socket_have_no_address_and_the_file_goes_with_the_gateway() {
    let (home, listener) = here();
    let listeners = vec![ListenOptions::plain(any_port()), listener];
    let workers = NonZeroUsize::new(2).expect("two");
    let options = GatewayOptions {
        listeners,
        workers,
        ..options()
    };
    let (house, origin) = (House::build(options, Vec::new()).await, Origin::start("a").await);
    house.path_to("/", &origin, json!({})).await;
    let path = home.path().join("proxy.sock");
    assert_eq!(mode(&path), 0o666);
    for _ in 0..8 {
        let mut wire = dial(&home).await;
        for _ in 0..2 {
            wire.send(REQUEST).await;
            let answer = wire.answer().await;
            assert_eq!(answer.status, 200);
            // Kong: the same, and no port.
            assert_eq!(answer.echoed("X-Real-IP: ").as_deref(), Some("unix:"));
            assert_eq!(answer.echoed("X-Forwarded-For: ").as_deref(), Some("unix:"));
            assert_eq!(answer.echoed("X-Forwarded-Port: "), None);
        }
    }
    house.close().await;
    assert!(!path.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_unix_socket_speaks_for_its_clients() {
    let (home, listener) = here();
    let options = GatewayOptions {
        listeners: vec![ListenOptions {
            file_mode: 0o600,
            ..listener
        }],
        trusts_unix: true,
        ..options()
    };
    let (house, origin) = (House::build(options, Vec::new()).await, Origin::start("a").await);
    house.path_to("/", &origin, json!({})).await;
    assert_eq!(mode(&home.path().join("proxy.sock")), 0o600);
    let mut wire = dial(&home).await;
    wire.send(REQUEST).await;
    let answer = wire.answer().await;
    assert_eq!(answer.echoed("X-Real-IP: ").as_deref(), Some("9.9.9.9"));
    assert_eq!(answer.echoed("X-Forwarded-Port: ").as_deref(), Some("1"));
    drop(wire);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balancer_introduces_its_clients_over_a_unix_socket() {
    let (home, listener) = here();
    let options = GatewayOptions {
        listeners: vec![ListenOptions {
            proxy_protocol: true,
            ..listener
        }],
        trusts_unix: true,
        real_ip: RealIp {
            source: RealIpSource::ProxyProtocol,
            recursive: false,
        },
        ..options()
    };
    let (house, origin) = (House::build(options, Vec::new()).await, Origin::start("a").await);
    house.path_to("/", &origin, json!({})).await;
    let mut wire = dial(&home).await;
    wire.send(b"PROXY TCP4 8.8.8.8 ").await;
    wire.send(b"10.0.0.1 5000 80\r\n").await;
    wire.send(REQUEST).await;
    let answer = wire.answer().await;
    assert_eq!(answer.echoed("X-Real-IP: ").as_deref(), Some("8.8.8.8"));
    drop(wire);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_passed_on_over_a_unix_socket() {
    let (home, listener) = here();
    let options = GatewayOptions {
        listeners: vec![ListenOptions {
            raw: true,
            ..listener
        }],
        ..options()
    };
    let (house, origin) = (House::build(options, Vec::new()).await, Origin::start("a").await);
    let service = house.service(&origin, json!({"protocol": "tcp"})).await;
    // Who has no address is at 0.0.0.0 for routes by address.
    let route = json!({
        "protocols": ["tcp"],
        "sources": [{"ip": "0.0.0.0/32"}],
        "service": {"id": service},
    });
    house.insert("routes", route).await;
    let mut wire = dial(&home).await;
    wire.send(REQUEST).await;
    let answer = wire.answer().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.echoed("X-Real-IP: ").as_deref(), Some("9.9.9.9"));
    drop(wire);
    house.close().await;
}
