//! Several writes as one: each planned on what the ones before it would leave behind.
//!
//! A chess player who thinks three moves ahead. The board stays as it is; beside it lies a sketch on which each move is tried after
//! the last ([`Sketch`]). If all of them can be made, they are made as one move; if one cannot, the board was never touched.
//!
//! The catch: what a move relies on may be what an earlier one did. A guard about such a row would fail against the board, and is
//! not needed: the earlier move's own guards hold for it. So only the first guard about each row is kept, and no list must be
//! empty that a later move writes into.

use crate::problem::Failure;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};
use troop_catalog::Planned;
use troop_txn::{Ensure, Guard, Key, Op, ReadView, Revision, Row, ViewError};

/// Writes that are collected instead of being made.
#[derive(Debug, Default)]
pub struct Batch(Mutex<Sketch>);

/// What the writes so far would change.
#[derive(Debug, Default)]
pub(crate) struct Sketch {
    rows: BTreeMap<Key, Option<Row>>,
    guards: Vec<Guard>,
    ops: Vec<Op>,
    ensures: Vec<Ensure>,
}

impl Batch {
    /// Plans one more write on the sketch over `view`, and adds it.
    pub(crate) fn add(
        &self,
        view: &dyn ReadView,
        plan: impl FnOnce(&dyn ReadView) -> Result<Option<Planned>, Failure>,
    ) -> Result<Option<Planned>, Failure> {
        let mut sketch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let planned = plan(&Over {
            view,
            sketch: &sketch,
        })?;
        if let Some(planned) = &planned {
            sketch.add(planned, view.revision());
        }
        Ok(planned)
    }

    /// All of them.
    pub(crate) fn finish(&self) -> Sketch {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sketch {
    /// What must hold, what is written, and what must hold after.
    pub(crate) fn into_parts(self) -> (Vec<Guard>, Vec<Op>, Vec<Ensure>) {
        (self.guards, self.ops, self.ensures)
    }

    fn add(&mut self, planned: &Planned, revision: Revision) {
        let open = planned.guards.iter().filter(|guard| !self.settles(guard));
        self.guards.extend(open.cloned().collect::<Vec<_>>());
        for op in &planned.ops {
            self.draw(op, revision);
        }
        self.ops.extend(planned.ops.iter().cloned());
        self.ensures.extend(planned.ensures.iter().cloned());
    }

    /// Whether an earlier write decided what the guard is about.
    fn settles(&self, guard: &Guard) -> bool {
        match guard {
            Guard::Absent(key) | Guard::Present(key) | Guard::RevisionIs { key, .. } => {
                self.rows.contains_key(key)
            }
            Guard::GlobalRevisionIs(_) | Guard::UnchangedSince(_) => false,
        }
    }

    fn draw(&mut self, op: &Op, revision: Revision) {
        match op {
            Op::Put { key, value } => {
                let filled = |Ensure::PrefixEmpty(prefix): &Ensure| key.strip_prefix(prefix).is_some();
                self.ensures.retain(|ensure| !filled(ensure));
                let row = Row {
                    created: revision,
                    modified: revision,
                    value: value.clone(),
                };
                self.rows.insert(key.clone(), Some(row));
            }
            Op::Delete { key } => drop(self.rows.insert(key.clone(), None)),
            Op::Emit { .. } | Op::CompactEvents { .. } | Op::Unstage { .. } => {}
        }
    }
}

/// The state with the sketch over it.
struct Over<'a> {
    view: &'a dyn ReadView,
    sketch: &'a Sketch,
}

impl ReadView for Over<'_> {
    fn revision(&self) -> Revision {
        self.view.revision()
    }

    fn get(&self, key: &Key) -> Result<Option<Row>, ViewError> {
        match self.sketch.rows.get(key) {
            Some(row) => Ok(row.clone()),
            None => self.view.get(key),
        }
    }

    fn scan(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<(Key, Row)>, ViewError> {
        let from = after.filter(|after| *after >= prefix);
        let own = self.sketch.rows.range(from.unwrap_or(prefix).clone()..);
        let own: Vec<_> = own
            .take_while(|(key, _)| key.strip_prefix(prefix).is_some())
            .filter(|(key, _)| Some(*key) != from)
            .collect();
        // Each row that is removed on the sketch can hide one below, so this many are enough.
        let below = self.view.scan(prefix, after, limit.saturating_add(own.len()))?;
        let mut merged: BTreeMap<_, _> = below.into_iter().map(|(key, row)| (key, Some(row))).collect();
        merged.extend(own.into_iter().map(|(key, row)| (key.clone(), row.clone())));
        let rows = merged.into_iter().filter_map(|(key, row)| Some((key, row?)));
        Ok(rows.take(limit).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use troop_txn::{MemoryStore, RequestId, Txn, read};
    use uuid::Uuid;

    fn key(n: u8) -> Key {
        Key::record("services", &[n])
    }

    fn put(n: u8) -> Op {
        Op::Put {
            key: key(n),
            value: vec![n].into(),
        }
    }

    fn planned(guards: Vec<Guard>, ops: Vec<Op>, ensures: Vec<Ensure>) -> Planned {
        Planned {
            guards,
            ops,
            ensures,
            id: Uuid::nil(),
            record: troop_schema::Record::new(),
        }
    }

    fn add(store: &MemoryStore, batch: &Batch, one: Planned) {
        read(store, |view| batch.add(view, |_| Ok(Some(one)))).unwrap();
    }

    #[test]
    fn later_writes_see_earlier_ones() {
        let (store, batch) = (MemoryStore::new(), Batch::default());
        let txn = Txn {
            request: RequestId {
                client: 1,
                sequence: 1,
            },
            guards: Vec::new(),
            ops: vec![put(1), put(2), put(4)],
            ensures: Vec::new(),
            stamped_at_ms: 0,
            actor: String::new(),
        };
        store.apply(&txn).unwrap();
        add(
            &store,
            &batch,
            planned(Vec::new(), vec![put(3), Op::Delete { key: key(1) }], Vec::new()),
        );
        let seen = |after: Option<u8>, limit| {
            let mut seen = Vec::new();
            read(&store, |view| {
                batch.add(view, |view| {
                    let rows = view.scan(&Key::record("services", &[]), after.map(key).as_ref(), limit)?;
                    seen = rows.iter().map(|(_, row)| row.value[0]).collect();
                    assert_eq!(view.get(&key(1))?, None);
                    Ok(None)
                })
            })
            .unwrap();
            seen
        };
        assert_eq!(seen(None, 10), [2, 3, 4]);
        assert_eq!(seen(None, 2), [2, 3]);
        assert_eq!(seen(Some(2), 10), [3, 4]);
    }

    #[test]
    fn only_the_first_guard_about_a_row_is_kept() {
        let (store, batch) = (MemoryStore::new(), Batch::default());
        let absent = || vec![Guard::Absent(key(1))];
        add(&store, &batch, planned(absent(), vec![put(1)], Vec::new()));
        let present = vec![Guard::Present(key(1)), Guard::Present(key(2))];
        add(&store, &batch, planned(present, vec![put(3)], Vec::new()));
        let (guards, ops, _) = batch.finish().into_parts();
        assert_eq!(guards, [Guard::Absent(key(1)), Guard::Present(key(2))]);
        assert_eq!(ops.len(), 2);
    }

    #[test]
    fn a_list_that_is_filled_again_need_not_be_empty() {
        let (store, batch) = (MemoryStore::new(), Batch::default());
        let ensures = vec![
            Ensure::PrefixEmpty(Key::record("services", &[])),
            Ensure::PrefixEmpty(Key::record("routes", &[])),
        ];
        add(&store, &batch, planned(Vec::new(), Vec::new(), ensures));
        add(&store, &batch, planned(Vec::new(), vec![put(1)], Vec::new()));
        let (_, _, ensures) = batch.finish().into_parts();
        assert_eq!(ensures, [Ensure::PrefixEmpty(Key::record("routes", &[]))]);
    }
}
