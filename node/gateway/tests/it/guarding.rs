//! Limits and protection: who may hold what for how long, and what a client sees at the end of it.

use crate::{
    house::{House, any_port, options},
    origin::Origin,
    wire::{Answer, Wire, get, until},
};
use serde_json::json;
use std::time::Duration;
use tokio::{io::AsyncReadExt, net::TcpSocket};
use troop_gateway::{GatewayOptions, HeaderTokens, Limits, ListenOptions, RealIp, RealIpSource};

async fn guarded(limits: Limits) -> (House, Origin) {
    let guarded = GatewayOptions { limits, ..options() };
    let (house, origin) = (House::build(guarded, Vec::new()).await, Origin::start("a").await);
    house.path_to("/", &origin, json!({})).await;
    (house, origin)
}

const ORDINARY: &[u8] = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_address_holds_so_many_connections_and_no_more() {
    let (house, _origin) = guarded(Limits {
        connections_per_ip_max: Some(2),
        ..Limits::default()
    })
    .await;
    let mut first = Wire::dial(house.address()).await;
    let mut second = Wire::dial(house.address()).await;
    for wire in [&mut first, &mut second] {
        wire.send(ORDINARY).await;
        assert_eq!(wire.answer().await.status, 200);
    }
    assert!(Wire::dial(house.address()).await.is_ended().await);
    assert_eq!(house.gateway.gauges().counters().connections_crowded_total, 1);
    drop(first);
    until("the place is free again", async || {
        let mut third = Wire::dial(house.address()).await;
        third.send(ORDINARY).await;
        third
            .answer_or_end()
            .await
            .is_some_and(|answer| answer.status == 200)
    })
    .await;
    drop(second);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_worker_asks_to_come_back_later_and_keeps_the_connection() {
    let (house, origin) = guarded(Limits {
        exchanges_per_worker_max: Some(1),
        ..Limits::default()
    })
    .await;
    let mut busy = Wire::dial(house.address()).await;
    busy.send(b"GET /hang HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("the request under way", async || origin.hits() == 1).await;
    let mut other = Wire::dial(house.address()).await;
    other.send(ORDINARY).await;
    let shed: Answer = other.answer().await;
    assert_eq!((shed.status, shed.header("retry-after")), (503, Some("1")));
    assert!(
        shed.text().starts_with("The gateway is overloaded\nrequest_id: "),
        "{}",
        shed.text()
    );
    assert_eq!(shed.header("connection"), Some("keep-alive"));
    drop(busy);
    until("there is room again", async || {
        other.send(ORDINARY).await;
        other.answer().await.status == 200
    })
    .await;
    let counted = house.gateway.gauges().counters().requests_shed_total;
    assert!(counted >= 1, "{counted}");
    drop(other);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trickling_body_ends_at_the_least_rate_and_a_long_one_at_the_deadline() {
    let rate = Limits {
        rate_grace: Duration::from_millis(200),
        rate_min_bytes: 1_000_000,
        ..Limits::default()
    };
    let deadline = Limits {
        rate_min_bytes: 0,
        body_deadline: Some(Duration::from_millis(400)),
        ..Limits::default()
    };
    for limits in [rate, deadline] {
        let (house, _origin) = guarded(limits).await;
        let mut slow = Wire::dial(house.address()).await;
        slow.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
            .await;
        let trickle = async {
            loop {
                slow.send(b"x").await;
                tokio::time::sleep(Duration::from_millis(50)).await;
                if slow.has_answer().await {
                    return slow.answer().await.status;
                }
            }
        };
        let status = tokio::time::timeout(crate::wire::AMPLE, trickle).await;
        assert_eq!(status.expect("an end"), 408);
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hardly_takes_its_answer_is_let_go() {
    let (house, _origin) = guarded(Limits {
        rate_grace: Duration::from_millis(200),
        // What the kernel takes in advance is paid for at once.
        rate_min_bytes: 4 << 20,
        // Long after the test: only the pace can end it.
        send_timeout: Duration::from_secs(600),
        ..Limits::default()
    })
    .await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(2048).expect("a small window");
    let stream = socket.connect(house.address()).await.expect("a connection");
    let mut slow = Wire {
        stream,
        early: Vec::new(),
    };
    let many = b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n".repeat(32);
    slow.send(&many).await;
    until("the connection is given up", async || {
        let counters = house.gateway.gauges().counters();
        counters.connections_accepted == 1 && counters.connections_active == 0
    })
    .await;
    let mut bytes = vec![0; 1 << 20];
    let broken = loop {
        match slow.stream.read(&mut bytes).await {
            Ok(0) => break false,
            Ok(_) => {}
            Err(_) => break true,
        }
    };
    assert!(broken, "the kernel keeps nothing for it");
    drop(slow);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_a_request_is_told_to_whom_it_is_wanted() {
    for (to_client, to_peer) in [(true, false), (false, true)] {
        let told = GatewayOptions {
            headers: HeaderTokens {
                request_id: to_client,
                peer_request_id: to_peer,
                ..HeaderTokens::default()
            },
            ..options()
        };
        let (house, origin) = (House::build(told, Vec::new()).await, Origin::start("a").await);
        house.path_to("/", &origin, json!({})).await;
        let answer = get(house.address(), "/x", "").await;
        assert_eq!(answer.header("x-kong-request-id").is_some(), to_client);
        assert_eq!(answer.echoed("X-Kong-Request-Id: ").is_some(), to_peer);
        house.close().await;
    }
}

fn behind_a_balancer(trusted: &str) -> GatewayOptions {
    GatewayOptions {
        listeners: vec![ListenOptions {
            proxy_protocol: true,
            ..ListenOptions::plain(any_port())
        }],
        trusted_ips: vec![trusted.parse().expect("a range")],
        real_ip: RealIp {
            source: RealIpSource::ProxyProtocol,
            recursive: false,
        },
        ..options()
    }
}

/// Both versions, whole or in two pieces.
#[tokio::test(flavor = "multi_thread")]
async fn a_balancer_introduces_its_clients() {
    let (house, origin) = (
        House::build(behind_a_balancer("127.0.0.0/8"), Vec::new()).await,
        Origin::start("a").await,
    );
    house.path_to("/", &origin, json!({})).await;
    let mut form = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    form.extend([9, 9, 9, 9, 10, 0, 0, 1, 0x13, 0x88, 0, 80]);
    for (header, client) in [
        (&b"PROXY TCP4 9.9.9.9 10.0.0.1 5000 80\r\n"[..], "9.9.9.9"),
        (&form, "9.9.9.9"),
        (b"PROXY TCP6 2001:db8::1 ::1 5000 80\r\n", "2001:db8::1"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    ] {
        for cut in [0, 7] {
            let mut wire = Wire::dial(house.address()).await;
            wire.send(&header[..cut]).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            wire.send(&header[cut..]).await;
            for _ in 0..2 {
                wire.send(ORDINARY).await;
                let answer = wire.answer().await;
                assert_eq!(answer.echoed("X-Real-IP: ").as_deref(), Some(client));
                assert_eq!(answer.echoed("X-Forwarded-For: ").as_deref(), Some(client));
            }
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_its_introduction_is_closed_and_a_stranger_is_not_believed() {
    let house = House::build(behind_a_balancer("10.0.0.0/8"), Vec::new()).await;
    let origin = Origin::start("a").await;
    house.path_to("/", &origin, json!({})).await;
    for rude in [
        ORDINARY,
        b"PROXY TCP4 9.9.9.9 10.0.0.1 5000 8x\r\n",
        b"\x16\x03\x01\0\0",
    ] {
        let mut wire = Wire::dial(house.address()).await;
        wire.send(rude).await;
        assert!(wire.is_ended().await, "{rude:?}");
    }
    let mut stranger = Wire::dial(house.address()).await;
    stranger.send(b"PROXY TCP4 9.9.9.9 10.0.0.1 5000 80\r\n").await;
    stranger.send(ORDINARY).await;
    let answer = stranger.answer().await;
    assert_eq!(answer.echoed("X-Real-IP: ").as_deref(), Some("127.0.0.1"));
    drop(stranger);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_that_names_the_client_can_be_chosen() {
    let chosen = GatewayOptions {
        trusted_ips: vec![
            "127.0.0.0/8".parse().expect("a range"),
            "10.0.0.0/8".parse().expect("a range"),
        ],
        real_ip: RealIp {
            source: RealIpSource::Field(http::HeaderName::from_static("x-forwarded-for")),
            recursive: true,
        },
        ..options()
    };
    let (house, origin) = (House::build(chosen, Vec::new()).await, Origin::start("a").await);
    house.path_to("/", &origin, json!({})).await;
    let answer = get(
        house.address(),
        "/x",
        "X-Forwarded-For: 6.6.6.6, 9.9.9.9, 10.0.0.7\r\n",
    )
    .await;
    assert_eq!(answer.echoed("X-Real-IP: ").as_deref(), Some("9.9.9.9"));
    assert_eq!(
        answer.echoed("X-Forwarded-For: ").as_deref(),
        Some("6.6.6.6, 9.9.9.9, 10.0.0.7, 127.0.0.1")
    );
    house.close().await;
}
