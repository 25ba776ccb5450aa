//! How a gateway ends, and what it says if it cannot begin.

use crate::{
    house::{House, options},
    origin::Origin,
    wire::{Wire, until},
};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::net::TcpStream;
use troop_gateway::{Gateway, GatewayOptions, ListenOptions, StartError};
use troop_schema::Registry;
use troop_txn::{MemoryStore, Store};

#[tokio::test(flavor = "multi_thread")]
async fn draining_ends_idle_connections_and_lets_others_finish() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    house
        .path_to("/", &origin, json!({"read_timeout": 1000, "retries": 0}))
        .await;
    let mut idle = Wire::dial(house.address()).await;
    idle.send(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(idle.answer().await.header("connection"), Some("keep-alive"));
    let mut busy = Wire::dial(house.address()).await;
    busy.send(b"GET /hang HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("the request under way", async || origin.hits() == 2).await;
    house.gateway.drain();
    assert!(idle.is_ended().await);
    let last = busy.answer().await;
    assert_eq!((last.status, last.header("connection")), (504, Some("close")));
    until("nobody listening", async || {
        TcpStream::connect(house.address()).await.is_err()
    })
    .await;
    assert_eq!(house.close().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_finish_in_time_is_cut_and_counted() {
    let (house, origin) = (House::plain().await, Origin::start("a").await);
    house.path_to("/", &origin, json!({})).await;
    let mut busy = Wire::dial(house.address()).await;
    busy.send(b"GET /hang HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("the request under way", async || origin.hits() == 1).await;
    let drained = house.gateway.join(Duration::from_millis(200)).await;
    assert_eq!(drained.connections_cut, 1);
    assert!(busy.is_ended().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_occupied_port_is_named() {
    let house = House::plain().await;
    let taken = GatewayOptions {
        listeners: vec![ListenOptions::plain(house.address())],
        ..options()
    };
    let registry = Arc::new(Registry::new(Vec::new()).expect("a registry"));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let refused = Gateway::start(taken, store, registry, Vec::new()).await;
    let Err(error @ StartError::Listen(_)) = refused else {
        panic!("it started");
    };
    assert!(
        error.to_string().contains(&house.address().to_string()),
        "{error}"
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_workers_share_the_port_and_the_plan() {
    let four = GatewayOptions {
        workers: 4.try_into().expect("some"),
        ..options()
    };
    let (house, origin) = (House::build(four, Vec::new()).await, Origin::start("a").await);
    let service = house.service(&origin, json!({})).await;
    let mut wires = Vec::new();
    for _ in 0..16 {
        wires.push(Wire::dial(house.address()).await);
    }
    house.route("/x", Some(service), json!({})).await;
    for wire in &mut wires {
        wire.send(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(wire.answer().await.status, 200);
    }
    assert_eq!(house.gateway.gauges().counters().requests_total, 16);
    drop(wires);
    house.close().await;
}
