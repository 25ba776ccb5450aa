//! Plans change as records come and go, in whatever order a change set brings them.

use super::*;
use crate::plan::PlanSize;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use troop_plugin_api::Backstage;
use troop_router::{NOWHERE, NoHeaders, RequestHead, Tls};

fn service(id: u128, host: &str, enabled: bool) -> Value {
    json!({
        "id": Uuid::from_u128(id), "name": null, "host": host, "port": 80, "protocol": "http", "path": null, "retries": 5,
        "connect_timeout": 1000, "write_timeout": 1000, "read_timeout": 1000, "tls_verify": null, "enabled": enabled,
    })
}

fn route(id: u128, path: &str, service: Option<u128>) -> Value {
    json!({
        "id": Uuid::from_u128(id), "name": null, "protocols": ["http", "https"], "paths": [path],
        "service": service.map(|s| json!({"id": Uuid::from_u128(s)})),
    })
}

/// No plugin, no work left behind.
pub(super) struct Nobody;

impl Backstage for Nobody {
    fn spawn(&self, _name: &'static str, _task: BoxFuture<'static, ()>) {}

    fn closing(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn record(&self, _entity: &'static str, _id: Uuid) -> BoxFuture<'static, Option<troop_schema::Record>> {
        Box::pin(std::future::ready(None))
    }
}

struct Desk {
    kit: Kit,
    names: Arc<Names>,
    plan: Plan,
}

impl Desk {
    fn new() -> Self {
        Desk {
            kit: Kit::new(Vec::new(), Arc::new(Nobody)),
            names: Names::new(Handle::current(), 10, Duration::from_secs(1)),
            plan: Plan::default(),
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Draft<'_>)) {
        let mut draft = Draft::of(self.plan.clone(), &self.kit);
        change(&mut draft);
        self.plan = draft.finish(Revision::new(1), &self.names).0;
    }

    fn put(&mut self, schema: &str, record: Value) {
        self.change(|draft| {
            assert!(
                draft
                    .put(schema, record.to_string().as_bytes())
                    .expect("a record")
            );
        });
    }

    fn remove(&mut self, schema: &str, id: u128) {
        self.change(|draft| assert!(draft.remove(schema, Uuid::from_u128(id))));
    }

    /// The host of the service that a path leads to.
    fn leads_to(&self, path: &str) -> Option<String> {
        let head = RequestHead {
            method: "GET",
            host: "a.test",
            port: 80,
            path,
            query: "",
            headers: &NoHeaders,
            tls: Tls::Plain,
            source: NOWHERE,
            destination: NOWHERE,
        };
        let found = self.plan.router.find(&head)?;
        Some(
            found
                .payload
                .service
                .as_ref()
                .map_or_else(String::new, |s| s.host_header.to_string()),
        )
    }
}

#[tokio::test]
async fn a_route_leads_to_its_service_whichever_comes_first() {
    let mut desk = Desk::new();
    desk.put("routes", route(1, "/x", Some(9)));
    assert_eq!(desk.leads_to("/x"), None);
    desk.put("services", service(9, "one", true));
    assert_eq!(desk.leads_to("/x").as_deref(), Some("one"));
    desk.put("routes", route(2, "/y", Some(9)));
    desk.put("services", service(9, "two", true));
    assert_eq!(desk.leads_to("/x").as_deref(), Some("two"));
    assert_eq!(desk.leads_to("/y").as_deref(), Some("two"));
}

#[tokio::test]
async fn routes_of_a_disabled_service_are_not_there() {
    let mut desk = Desk::new();
    desk.put("services", service(9, "one", true));
    desk.put("routes", route(1, "/x", Some(9)));
    desk.put("services", service(9, "one", false));
    assert_eq!(desk.leads_to("/x"), None);
    desk.put("services", service(9, "one", true));
    assert!(desk.leads_to("/x").is_some());
    desk.remove("routes", 1);
    assert_eq!(desk.leads_to("/x"), None);
}

#[tokio::test]
async fn a_route_may_change_its_service_or_have_none() {
    let mut desk = Desk::new();
    desk.put("services", service(8, "one", true));
    desk.put("services", service(9, "two", true));
    desk.put("routes", route(1, "/x", Some(8)));
    desk.put("routes", route(1, "/x", Some(9)));
    desk.put("services", service(8, "changed", true));
    assert_eq!(desk.leads_to("/x").as_deref(), Some("two"));
    desk.put("routes", route(1, "/x", None));
    assert_eq!(desk.leads_to("/x").as_deref(), Some(""));
}

#[tokio::test]
async fn targets_take_their_turns_in_the_order_in_which_they_were_made() {
    let mut desk = Desk::new();
    desk.put(
        "upstreams",
        json!({"id": Uuid::from_u128(5), "name": "u", "host_header": null}),
    );
    for (id, to, at) in [
        (1, "10.0.0.1:81", 3.001),
        (2, "10.0.0.2:82", 3.0),
        (3, "10.0.0.3:83", 3.001),
    ] {
        let upstream = Uuid::from_u128(5);
        let target = json!({"id": Uuid::from_u128(id), "upstream": {"id": upstream}, "target": to, "weight": 1, "created_at": at});
        desk.put("targets", target);
    }
    let upstream = desk.plan.upstreams.get("u").expect("an upstream");
    let ids: Vec<_> = upstream.targets.iter().map(|entry| entry.id.as_u128()).collect();
    assert_eq!(ids, [2, 1, 3]);
}

#[tokio::test]
async fn an_upstream_has_the_peers_of_its_targets() {
    let mut desk = Desk::new();
    let target = |id: u128, to: &str, weight: u32| json!({"id": Uuid::from_u128(id), "upstream": {"id": Uuid::from_u128(5)}, "target": to, "weight": weight});
    desk.put("targets", target(1, "10.0.0.1:81", 100));
    desk.put(
        "upstreams",
        json!({"id": Uuid::from_u128(5), "name": "u", "host_header": null}),
    );
    desk.put("targets", target(2, "10.0.0.2:82", 50));
    let peers = |desk: &Desk| {
        let rota = desk.plan.upstreams.get("u").expect("an upstream").rota();
        rota.seats()
            .iter()
            .map(|seat| (seat.peer.address.to_string(), seat.peer.weight))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        peers(&desk),
        [("10.0.0.1:81".to_owned(), 100), ("10.0.0.2:82".to_owned(), 50)]
    );
    desk.remove("targets", 1);
    assert_eq!(peers(&desk), [("10.0.0.2:82".to_owned(), 50)]);
    desk.put(
        "upstreams",
        json!({"id": Uuid::from_u128(5), "name": "v", "host_header": null}),
    );
    assert!(desk.plan.upstreams.get("u").is_none() && desk.plan.upstreams.get("v").is_some());
    desk.remove("upstreams", 5);
    assert_eq!(desk.plan.size(), PlanSize::default());
}

#[tokio::test]
async fn a_record_that_makes_no_sense_leaves_the_plan_as_it_was() {
    let mut desk = Desk::new();
    desk.put("services", service(9, "one", true));
    desk.put("routes", route(1, "/x", Some(9)));
    desk.change(|draft| {
        for (schema, bad) in [
            ("routes", json!({"id": Uuid::from_u128(1)})),
            ("services", json!({"id": Uuid::from_u128(9), "host": 5})),
            (
                "plugins",
                json!({"id": Uuid::from_u128(2), "name": "unheard-of", "enabled": true}),
            ),
        ] {
            assert!(draft.put(schema, bad.to_string().as_bytes()).is_err(), "{schema}");
        }
    });
    assert_eq!(desk.leads_to("/x").as_deref(), Some("one"));
}

/// The bound is loose, for machines that do other things beside: in release builds it is some 10 us.
#[tokio::test]
async fn adding_a_route_costs_the_change_and_not_the_configuration() {
    let mut desk = Desk::new();
    desk.change(|draft| {
        draft
            .put("services", service(9, "one", true).to_string().as_bytes())
            .expect("a service");
        for id in 0..20_000u128 {
            let mut record = route(id + 100, "/x", Some(9));
            record["hosts"] = json!([format!("h{}.test", id / 10)]);
            record["paths"] = json!([format!("/p{id}")]);
            draft
                .put("routes", record.to_string().as_bytes())
                .expect("a route");
        }
    });
    let started = Instant::now();
    for id in 0..100u128 {
        desk.put("routes", route(id + 1_000_000, &format!("/new{id}"), Some(9)));
    }
    let each = started.elapsed() / 100;
    assert!(each < Duration::from_millis(5), "{each:?}");
    assert_eq!(desk.plan.size().routes, 20_100);
}
