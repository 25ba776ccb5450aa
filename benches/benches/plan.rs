//! The plan at a hundred thousand routes: what one more route costs from the proposal to the workers.
//!
//! A late advertisement on its way into a thick newspaper: the page it stands on is set anew, the rest is not touched. The whole
//! way is measured with a store in memory in the place of Raft and the disk: the transaction applied, the event, the new plan hung
//! up, the revision told.

use crate::cpu_clock::CpuClock;
use criterion::{BatchSize, Criterion};
use std::{cell::RefCell, sync::Arc, time::Duration};
use tokio::runtime::{Builder, Runtime};
use troop_catalog::Catalog;
use troop_gateway::{Gateway, GatewayOptions};
use troop_schema::{Record, Registry, Stamp};
use troop_txn::{MemoryStore, Outcome, RequestId, Store, Txn, read};
use uuid::Uuid;

const ROUTES: u64 = 100_000;
const PATHS_PER_HOST: u64 = 10;
/// Longer than a change ever takes; reaching it means that something is broken.
const AMPLE: Duration = Duration::from_secs(10);

/// Any time will do; the tables refuse the year 1970.
const NOW_MS: u64 = 1_700_000_000_000;

/// A gateway without doors over a store in memory.
struct House {
    runtime: Runtime,
    gateway: Gateway,
    store: Arc<MemoryStore>,
    catalog: Catalog,
    next: u64,
}

/// One more route. The measurement adds tens of thousands itself.
pub fn benches(criterion: &mut Criterion<CpuClock>) {
    let house = RefCell::new(House::with(ROUTES));
    criterion.bench_function(
        "plan/one more route among 100k, from proposal to service",
        |bencher| {
            bencher.iter_batched(
                || house.borrow_mut().one_more(),
                |txn| house.borrow().serve(txn),
                BatchSize::PerIteration,
            );
        },
    );
    house.into_inner().close();
}

impl House {
    fn with(routes: u64) -> House {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let registry = Arc::new(Registry::new(Vec::new()).expect("invariant: no plugins, no clashes"));
        let catalog = Catalog::new(Arc::clone(&registry));
        let store = Arc::new(MemoryStore::new());
        for number in 0..routes {
            let txn = addition(&catalog, &store, number);
            propose(&runtime, &store, txn);
        }
        let held: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
        let options = GatewayOptions {
            listeners: Vec::new(),
            ..GatewayOptions::default()
        };
        let gateway = runtime
            .block_on(Gateway::start(options, held, registry, Vec::new()))
            .expect("a gateway without doors starts");
        House {
            runtime,
            gateway,
            store,
            catalog,
            next: routes,
        }
    }

    fn one_more(&mut self) -> Txn {
        self.next += 1;
        addition(&self.catalog, &self.store, self.next)
    }

    fn serve(&self, txn: Txn) {
        let mut served = self.gateway.served();
        self.runtime.block_on(async {
            let outcome = self.store.propose(txn, AMPLE).await;
            let Ok(Outcome::Applied(revision)) = outcome else {
                panic!("a route was refused: {outcome:?}");
            };
            let reached = served.wait_for(|now| *now >= revision);
            tokio::time::timeout(AMPLE, reached)
                .await
                .expect("served in time")
                .expect("the gateway is there");
        });
    }

    fn close(self) {
        self.runtime.block_on(self.gateway.join(Duration::ZERO));
    }
}

fn propose(runtime: &Runtime, store: &MemoryStore, txn: Txn) {
    let outcome = runtime.block_on(store.propose(txn, AMPLE));
    assert!(matches!(outcome, Ok(Outcome::Applied(_))), "{outcome:?}");
}

/// What the Admin API makes of a request for one more route.
fn addition(catalog: &Catalog, store: &MemoryStore, number: u64) -> Txn {
    // Clear of the bits that say which version of an id it is.
    let mut bytes = || Uuid::from_u128(u128::from(number) << 80).into_bytes();
    let mut stamp = Stamp::new(NOW_MS, &mut bytes);
    let planned = read(store, |view| {
        catalog.insert(view, "routes", body(number), &mut stamp)
    })
    .expect("invariant: a plain route is accepted");
    let request = RequestId {
        client: 1,
        sequence: number + 1,
    };
    planned.into_txn(request, NOW_MS, "bench")
}

fn body(number: u64) -> Record {
    let host = format!("host-{}.example.test", number / PATHS_PER_HOST);
    let path = format!("/api/v1/resource-{}", number % PATHS_PER_HOST);
    [
        ("hosts".to_owned(), serde_json::json!([host])),
        ("paths".to_owned(), serde_json::json!([path])),
    ]
    .into_iter()
    .collect()
}
