//! The schema: from what a client sent to a record that may be stored, and the way back.

use crate::cpu_clock::CpuClock;
use criterion::{BatchSize, Criterion};
use serde_json::json;
use troop_schema::{Record, Registry, Stamp};

/// A service and a route, drafted and judged, then presented.
pub fn benches(criterion: &mut Criterion<CpuClock>) {
    let registry = Registry::new(Vec::new()).expect("invariant: no plugin, no twin");
    let service = json!({"name": "orders", "url": "http://orders.internal:8080/v1", "tags": ["team-a"]});
    let route = json!({"name": "orders", "hosts": ["shop.example.test"], "paths": ["/orders"], "methods": ["GET", "POST"]});
    for (entity, sent) in [("services", service), ("routes", route)] {
        let sent = sent.as_object().expect("invariant: written as an object").clone();
        accept(criterion, &registry, entity, &sent);
    }
}

fn accept(criterion: &mut Criterion<CpuClock>, registry: &Registry, entity: &str, sent: &Record) {
    let table = registry.entity(entity).expect("invariant: a built-in entity");
    let accepted = || {
        let mut random = || [7; 16];
        let mut stamp = Stamp::new(1_700_000_000_000, &mut random);
        let drafted = registry
            .draft(table, sent.clone(), &mut stamp)
            .expect("invariant: it drafts");
        registry
            .judged(table, drafted, false)
            .expect("invariant: it is valid")
    };
    criterion.bench_function(&format!("schema/accept one of {entity}"), |bencher| {
        bencher.iter(accepted)
    });
    criterion.bench_function(&format!("schema/present one of {entity}"), |bencher| {
        bencher.iter_batched(
            accepted,
            |record| registry.presented(table, record),
            BatchSize::SmallInput,
        );
    });
}
