//! A gateway over a store in memory, and the few writes that tests need.

use crate::{origin::Origin, wire::AMPLE};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};
use troop_balancer::Mark;
use troop_catalog::{Catalog, Selector};
use troop_gateway::{Gateway, GatewayOptions, ListenOptions};
use troop_plugin_api::Plugin;
use troop_schema::{Registry, Stamp};
use troop_txn::{MemoryStore, Op, Outcome, RequestId, Revision, Store, Txn, read};
use uuid::Uuid;

/// A gateway with its store.
pub struct House {
    pub gateway: Gateway,
    pub store: Arc<MemoryStore>,
    pub catalog: Catalog,
    requests: AtomicU64,
}

/// Options for a test: one plain listener on any port.
pub fn options() -> GatewayOptions {
    GatewayOptions {
        listeners: vec![ListenOptions::plain(any_port())],
        ..GatewayOptions::default()
    }
}

pub fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().expect("an address")
}

impl House {
    /// With these options and plugins.
    pub async fn build(options: GatewayOptions, plugins: Vec<Arc<dyn Plugin>>) -> House {
        let schemas = plugins.iter().map(|p| p.schema()).collect();
        let registry = Arc::new(Registry::of_flavor(options.router_flavor, schemas).expect("a registry"));
        let store = Arc::new(MemoryStore::new());
        let held: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
        let gateway = Gateway::start(options, held, Arc::clone(&registry), plugins)
            .await
            .expect("a gateway");
        House {
            gateway,
            store,
            catalog: Catalog::new(registry),
            requests: AtomicU64::new(1),
        }
    }

    /// Without plugins.
    pub async fn plain() -> House {
        House::build(options(), Vec::new()).await
    }

    /// Where clients go.
    pub fn address(&self) -> SocketAddr {
        self.gateway.addresses()[0].address.ip().expect("no unix socket")
    }

    /// A service at an origin.
    pub async fn service(&self, origin: &Origin, more: Value) -> Uuid {
        let body = json!({"host": origin.address.ip().to_string(), "port": origin.address.port()});
        self.insert("services", merged(body, more)).await
    }

    /// A route under a path, to a service.
    pub async fn route(&self, path: &str, service: Option<Uuid>, more: Value) -> Uuid {
        let body = json!({"paths": [path], "service": service.map(|id| json!({"id": id}))});
        self.insert("routes", merged(body, more)).await
    }

    /// A service at an origin with a route under a path.
    pub async fn path_to(&self, path: &str, origin: &Origin, service: Value) -> Uuid {
        let service = self.service(origin, service).await;
        self.route(path, Some(service), json!({})).await
    }

    /// An upstream with these targets, all of one weight, routed at `/x`. Its id.
    pub async fn upstream(&self, targets: &[String], more: Value) -> Uuid {
        let upstream = self.insert("upstreams", merged(json!({"name": "u"}), more)).await;
        for target in targets {
            let target = json!({"upstream": {"id": upstream}, "target": target});
            self.insert("targets", target).await;
        }
        let service = self.insert("services", json!({"host": "u"})).await;
        self.route("/x", Some(service), json!({})).await;
        upstream
    }

    /// A person's word on a target's health, heard.
    pub async fn mark(&self, upstream: Uuid, target: &str, address: Option<&str>, healthy: bool) {
        let mark = Mark {
            upstream,
            target: target.to_owned(),
            address: address.map(str::to_owned),
            healthy,
        };
        let word = Op::Emit {
            channel: Mark::CHANNEL.to_owned(),
            data: mark.to_bytes().into(),
            not_before_ms: None,
        };
        self.commit(Vec::new(), vec![word], Vec::new()).await;
    }

    /// Which addresses of an upstream are up, by port.
    pub fn up(&self, upstream: Uuid) -> BTreeMap<u16, bool> {
        let facts = self
            .gateway
            .gauges()
            .upstream_facts(upstream)
            .expect("an upstream");
        let addresses = facts.targets.iter().flat_map(|target| &target.addresses);
        addresses.map(|address| (address.port, address.up)).collect()
    }

    /// Writes a new record and waits until it is served.
    pub async fn insert(&self, schema: &str, body: Value) -> Uuid {
        let body = body.as_object().cloned().expect("an object");
        let planned = read(&*self.store, |view| {
            self.catalog.insert(view, schema, body, &mut stamp(&mut random))
        })
        .expect("a plan");
        let id = planned.id;
        self.commit(planned.guards, planned.ops, planned.ensures).await;
        id
    }

    /// Changes a record and waits until that is served.
    pub async fn update(&self, schema: &str, id: Uuid, body: Value) {
        let body = body.as_object().cloned().expect("an object");
        let selector = Selector::Id(id);
        let planned = read(&*self.store, |view| {
            self.catalog
                .update(view, schema, &selector, body, &mut stamp(&mut random))
        })
        .expect("a plan");
        self.commit(planned.guards, planned.ops, planned.ensures).await;
    }

    /// Deletes a record and waits until that is served.
    pub async fn delete(&self, schema: &str, id: Uuid) {
        let planned = read(&*self.store, |view| {
            self.catalog.delete(view, schema, &Selector::Id(id), 1)
        });
        let planned = planned.expect("a plan").expect("something to delete");
        self.commit(planned.guards, planned.ops, planned.ensures).await;
    }

    pub async fn commit(
        &self,
        guards: Vec<troop_txn::Guard>,
        ops: Vec<troop_txn::Op>,
        ensures: Vec<troop_txn::Ensure>,
    ) {
        let txn = Txn {
            request: RequestId {
                client: 1,
                sequence: self.requests.fetch_add(1, SeqCst),
            },
            guards,
            ops,
            ensures,
            stamped_at_ms: 1,
            actor: "test".into(),
        };
        match self.store.propose(txn, AMPLE).await.expect("an outcome") {
            Outcome::Applied(revision) => self.served(revision).await,
            refused => panic!("{refused:?}"),
        }
    }

    /// Waits until a revision is served.
    pub async fn served(&self, revision: Revision) {
        let mut served = self.gateway.served();
        let reached = served.wait_for(|now| *now >= revision);
        tokio::time::timeout(AMPLE, reached)
            .await
            .expect("served in time")
            .expect("a gateway");
    }

    /// Ends it; connections that were cut.
    pub async fn close(self) -> u64 {
        self.gateway.join(Duration::from_secs(5)).await.connections_cut
    }
}

fn random() -> [u8; 16] {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut bytes = [0x5a; 16];
    bytes[8..].copy_from_slice(&NEXT.fetch_add(1, SeqCst).to_be_bytes());
    bytes
}

fn stamp(random: &mut dyn FnMut() -> [u8; 16]) -> Stamp<'_> {
    Stamp::new(1_700_000_000_000, random)
}

fn merged(mut body: Value, more: Value) -> Value {
    let object = body.as_object_mut().expect("an object");
    object.extend(more.as_object().cloned().expect("an object"));
    body
}
