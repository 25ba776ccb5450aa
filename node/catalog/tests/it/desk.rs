//! A clerk's desk: a catalog, a store, a clock that stands still until it is moved.

use serde_json::{Value, json};
use std::{cell::Cell, sync::Arc};
use troop_catalog::{Catalog, Page, PageQuery, Parent, Planned, Problem, Selector};
use troop_schema::{Field, PluginSchema, Record, Registry, Stamp};
use troop_txn::{MemoryStore, Outcome, ReadView, RequestId, read};

/// Everything a test needs.
pub struct Desk {
    pub catalog: Catalog,
    pub store: MemoryStore,
    pub now_ms: Cell<u64>,
    sequence: Cell<u64>,
}

/// A JSON object.
pub fn object(value: Value) -> Record {
    value.as_object().cloned().unwrap()
}

/// The first, second, … id of a test.
pub fn id(n: u32) -> String {
    format!("{n:08x}-1111-4111-8111-111111111111")
}

/// `{"id": …}`.
pub fn reference(id: &str) -> Value {
    json!({ "id": id })
}

impl Desk {
    pub fn new() -> Self {
        let plugin = |name| PluginSchema::new(name, vec![("text", Field::string().default("x"))]);
        let registry = Registry::new(vec![plugin("cors"), plugin("key-auth").without_consumer()]).unwrap();
        Desk {
            catalog: Catalog::new(Arc::new(registry)),
            store: MemoryStore::new(),
            now_ms: Cell::new(1_700_000_000_000),
            sequence: Cell::new(0),
        }
    }

    fn next(&self) -> u64 {
        self.sequence.set(self.sequence.get() + 1);
        self.sequence.get()
    }

    /// Runs `f` on an image, with a stamp whose random bytes are fresh.
    pub fn plan<R>(&self, f: impl FnOnce(&dyn ReadView, &mut Stamp<'_>) -> R) -> R {
        let mut random = || (u128::from(self.next()) << 64 | 0xabcd).to_be_bytes();
        let mut stamp = Stamp::new(self.now_ms.get(), &mut random);
        read(&self.store, |view| f(view, &mut stamp))
    }

    /// Hands a slip in.
    pub fn apply(&self, plan: Planned) -> Outcome {
        let request = RequestId {
            client: 1,
            sequence: self.next(),
        };
        let txn = plan.into_txn(request, self.now_ms.get(), "test");
        self.store.apply(&txn).unwrap()
    }

    fn carry_out(&self, plan: Result<Planned, Problem>) -> Result<Record, Problem> {
        let plan = plan?;
        let record = plan.record.clone();
        assert!(matches!(self.apply(plan), Outcome::Applied(_)));
        Ok(record)
    }

    pub fn insert(&self, entity: &str, body: Value) -> Result<Record, Problem> {
        self.carry_out(self.plan(|view, stamp| self.catalog.insert(view, entity, object(body), stamp)))
    }

    pub fn update(&self, entity: &str, key: &str, body: Value) -> Result<Record, Problem> {
        let selector = self.catalog.selector(entity, key)?;
        self.carry_out(
            self.plan(|view, stamp| self.catalog.update(view, entity, &selector, object(body), stamp)),
        )
    }

    pub fn upsert(&self, entity: &str, key: &str, body: Value) -> Result<Record, Problem> {
        let selector = self.catalog.selector(entity, key)?;
        self.carry_out(
            self.plan(|view, stamp| self.catalog.upsert(view, entity, &selector, object(body), stamp)),
        )
    }

    pub fn upsert_parent(&self, entity: &str, key: &str, field: &str, body: Value) -> Option<Record> {
        let selector = self.catalog.selector(entity, key).unwrap();
        let plan = self.plan(|view, stamp| {
            self.catalog
                .upsert_parent(view, entity, &selector, field, object(body), stamp)
        });
        Some(self.carry_out(Ok(plan.unwrap()?)).unwrap())
    }

    /// A whole record below its parent.
    pub fn upsert_below(
        &self,
        entity: &str,
        key: &str,
        parent: Parent,
        body: Value,
    ) -> Result<Record, Problem> {
        let selector = self.catalog.selector_below(entity, key)?;
        self.carry_out(self.plan(|view, stamp| {
            self.catalog
                .upsert_below(view, entity, &selector, parent, object(body), stamp)
        }))
    }

    /// Whether there was something to delete.
    pub fn delete(&self, entity: &str, key: &str) -> Result<bool, Problem> {
        let selector = self.catalog.selector(entity, key)?;
        let plan = self.plan(|view, stamp| self.catalog.delete(view, entity, &selector, stamp.now_ms()))?;
        Ok(plan.map(|plan| self.carry_out(Ok(plan))).transpose()?.is_some())
    }

    pub fn find(&self, entity: &str, key: &str) -> Option<Record> {
        let selector = self.catalog.selector(entity, key).unwrap();
        self.find_by(entity, &selector)
    }

    pub fn find_by(&self, entity: &str, selector: &Selector) -> Option<Record> {
        let found = self.plan(|view, stamp| self.catalog.find(view, entity, selector, stamp.now_ms()));
        found.unwrap().map(|found| found.record)
    }

    pub fn page(&self, entity: &str, query: &PageQuery) -> Page {
        self.plan(|view, stamp| self.catalog.page(view, entity, query, stamp.now_ms()))
            .unwrap()
    }

    pub fn count(&self, entity: &str) -> usize {
        self.page(entity, &PageQuery::default()).data.len()
    }
}

/// The body of the answer that a problem becomes.
#[track_caller]
pub fn problem<T: std::fmt::Debug>(result: Result<T, Problem>) -> Value {
    result.unwrap_err().to_json()
}
