//! From the end of an exchange to the sink: order, bundles, tries, losses.

use super::*;
use crate::stage::{Behind, Stage};
use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use std::{sync::Mutex, time::Duration};
use troop_plugin_api::Scope;
use troop_telemetry::trace::{Journey, Waybill};
use uuid::Uuid;

/// Remembers what it took; refuses as often as it is told to.
#[derive(Clone, Default)]
struct Basket {
    taken: Arc<Mutex<Vec<Vec<Value>>>>,
    refusals: Arc<AtomicUsize>,
}

impl Sink for Basket {
    fn name(&self) -> &'static str {
        "basket"
    }

    fn deliver<'a>(&'a mut self, bundle: &'a [Bytes]) -> BoxFuture<'a, Result<(), Undelivered>> {
        let refuses = self.refusals.load(Relaxed);
        if refuses > 0 {
            self.refusals.store(refuses - 1, Relaxed);
            return async { Err(Undelivered::Refused(503)) }.boxed();
        }
        let parsed = bundle
            .iter()
            .map(|entry| serde_json::from_slice(entry).expect("JSON"));
        self.taken.lock().expect("a basket").push(parsed.collect());
        async { Ok(()) }.boxed()
    }
}

fn queue(batch_max: usize) -> Queue {
    Queue {
        batch_max,
        patience: Duration::from_millis(50),
        ..Queue::single()
    }
}

fn start(queue: Queue, basket: &Basket, behind: &Behind, losses: &Arc<Losses>) -> Shipper {
    let backstage: Arc<dyn troop_plugin_api::Backstage> = Arc::new(behind.clone());
    let setup = Setup {
        id: Uuid::from_u128(1),
        scope: Scope::GLOBAL,
        config: &troop_schema::Record::new(),
        backstage: &backstage,
    };
    Shipper::start(&setup, queue, basket.clone(), losses).expect("a shipper")
}

fn log(shipper: &Shipper, target: &'static str) {
    log_of(shipper, target, None);
}

fn log_of(shipper: &Shipper, target: &'static str, journey: Option<Journey>) {
    let stage = Stage {
        target,
        journey,
        headers: vec![
            ("host", "GW.test:99"),
            ("authorization", "secret"),
            ("x", "1"),
            ("x", "2"),
        ],
        ..Stage::default()
    };
    stage.play(shipper);
}

fn targets(basket: &Basket) -> Vec<Vec<String>> {
    let taken = basket.taken.lock().expect("a basket");
    let target = |entry: &Value| entry["request"]["uri"].as_str().expect("a target").to_owned();
    taken
        .iter()
        .map(|bundle| bundle.iter().map(target).collect())
        .collect()
}

#[tokio::test]
async fn entries_arrive_in_order_in_bundles_and_the_rest_when_the_box_is_closed() {
    let (basket, behind, losses) = (Basket::default(), Behind::default(), Arc::default());
    let shipper = start(queue(2), &basket, &behind, &losses);
    for target in ["/1", "/2", "/3"] {
        log(&shipper, target);
    }
    drop(shipper);
    behind.finish().await;
    assert_eq!(targets(&basket), [vec!["/1", "/2"], vec!["/3"]]);
}

#[tokio::test]
async fn what_is_waiting_when_the_node_ends_is_delivered() {
    let (basket, behind, losses) = (Basket::default(), Behind::default(), Arc::default());
    let patient = Queue {
        patience: Duration::from_secs(3_600),
        ..queue(10)
    };
    let shipper = start(patient, &basket, &behind, &losses);
    log(&shipper, "/1");
    behind.close();
    behind.finish().await;
    assert_eq!(targets(&basket), [vec!["/1"]]);
}

#[tokio::test]
async fn a_bundle_is_tried_again_until_its_time_is_over() {
    for (refusals, arrives) in [(3, true), (1_000_000, false)] {
        let (basket, behind, losses) = (Basket::default(), Behind::default(), Arc::new(Losses::default()));
        basket.refusals.store(refusals, Relaxed);
        let stubborn = Queue {
            retry_time: Some(Duration::from_millis(200)),
            retry_delay_first: Duration::from_millis(1),
            ..queue(1)
        };
        let shipper = start(stubborn, &basket, &behind, &losses);
        log(&shipper, "/1");
        drop(shipper);
        behind.finish().await;
        assert_eq!(targets(&basket).len(), usize::from(arrives));
        assert_eq!(losses.undelivered.load(Relaxed), u64::from(!arrives));
    }
}

#[tokio::test]
async fn what_finds_the_box_full_is_dropped_and_counted() {
    for narrow in [
        Queue {
            entries_max: 2,
            ..queue(1)
        },
        Queue {
            bytes_max: 3_000,
            ..queue(1)
        },
    ] {
        let (basket, behind, losses) = (Basket::default(), Behind::default(), Arc::new(Losses::default()));
        let shipper = start(narrow, &basket, &behind, &losses);
        // The postman runs on this thread and has had no turn yet.
        for target in ["/1", "/2", "/3"] {
            log(&shipper, target);
        }
        drop(shipper);
        behind.finish().await;
        assert_eq!(targets(&basket), [["/1"], ["/2"]]);
        let mut report = Exposition::default();
        losses.report("basket", &mut report);
        let report = report.finish();
        assert!(
            report.contains("{plugin=\"basket\",reason=\"queue_full\"} 1"),
            "{report}"
        );
    }
}

#[tokio::test]
async fn a_record_tells_everything_but_secrets() {
    let (basket, behind, losses) = (Basket::default(), Behind::default(), Arc::default());
    let shipper = start(queue(1), &basket, &behind, &losses);
    log(&shipper, "/x?a=1&b");
    drop(shipper);
    behind.finish().await;
    let entry = basket.taken.lock().expect("a basket")[0][0].clone();
    let request = &entry["request"];
    assert_eq!(request["url"], "http://gw.test:8000/x?a=1&b");
    assert_eq!(request["querystring"], json!({"a": "1", "b": true}));
    assert_eq!(
        request["headers"],
        json!({"host": "GW.test:99", "authorization": "REDACTED", "x": ["1", "2"]})
    );
    assert_eq!(entry["latencies"]["proxy"], -1);
    assert_eq!(
        (&entry["tries"], &entry["upstream_status"]),
        (&json!([]), &json!(""))
    );
    assert_eq!(entry.get("authenticated_entity"), None);
    assert_eq!(entry.get("trace_id"), None);
}

#[tokio::test]
async fn a_record_names_its_trace_under_the_style_in_which_it_came() {
    let (basket, behind, losses) = (Basket::default(), Behind::default(), Arc::default());
    let shipper = start(queue(1), &basket, &behind, &losses);
    let b3 = |name: &str| (name == "b3").then_some("463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-0");
    for came in [None, Waybill::read(b3)] {
        log_of(&shipper, "/x", Some(Journey::begin(came, 0xab, 1, 0.0)));
    }
    drop(shipper);
    behind.finish().await;
    let taken = basket.taken.lock().expect("a basket");
    let told: Vec<&Value> = taken.iter().map(|bundle| &bundle[0]["trace_id"]).collect();
    let begun = json!({"w3c": "000000000000000000000000000000ab"});
    assert_eq!(told, [&begun, &json!({"b3": "463ac35c9f6413ad48485a3953bb6124"})]);
}
