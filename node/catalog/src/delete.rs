//! Planning to delete, with everything that goes along.
//!
//! A child either holds its parent back or goes with it, and its own children in turn.
//!
//! The catch: a child may be added while the plan is on its way. The plan therefore ensures that no child is left when it
//! was carried out; if one is, nothing happens, and planning again either takes it along or reports it.

use crate::{
    catalog::{Catalog, Selector, Stored, load_any},
    expiry, layout,
    plan::Planned,
    problem::Problem,
};
use std::collections::BTreeSet;
use troop_schema::{Child, Entity, OnDelete};
use troop_txn::{Ensure, ReadView};
use uuid::Uuid;

/// Children read in one go.
const CHILDREN_AT_ONCE: usize = 256;
/// Expired records removed by one plan: about 100 KB of log entry.
const EXPIRED_AT_ONCE: usize = 256;

/// A deletion in the making.
pub(crate) struct Removal<'a> {
    catalog: &'a Catalog,
    view: &'a dyn ReadView,
    pub(crate) plan: Planned,
    /// A record can be the child of two that go, and goes once.
    gone: BTreeSet<(&'static str, Uuid)>,
}

impl Catalog {
    /// Plans to delete the record so named. `None` when there is none.
    ///
    /// # Errors
    /// [`Problem::Referenced`] when another record holds it back; a broken storage.
    pub fn delete(
        &self,
        view: &dyn ReadView,
        entity: &str,
        selector: &Selector,
        now_ms: u64,
    ) -> Result<Option<Planned>, Problem> {
        let entity = self.entity(entity)?;
        let Some(stored) = self.load_named(view, entity, selector, now_ms)? else {
            return Ok(None);
        };
        let mut removal = Removal::new(self, view, stored.id);
        removal.take(entity, &stored)?;
        let mut plan = removal.plan;
        plan.record = self.show(entity, stored.record, now_ms);
        Ok(Some(plan))
    }

    /// Plans to remove records that are over, some hundred at a time. `None` when there are none.
    ///
    /// # Errors
    /// A broken storage.
    pub fn delete_expired(&self, view: &dyn ReadView, now_ms: u64) -> Result<Option<Planned>, Problem> {
        let mut removal = Removal::new(self, view, Uuid::nil());
        for entity in self.registry().entities().filter(|entity| entity.has_ttl()) {
            let due = view.scan(&layout::expiries(entity.name()), None, EXPIRED_AT_ONCE)?;
            for id in due.iter().filter_map(|(key, _)| layout::tail_id(key)) {
                match load_any(view, entity, id)? {
                    Some(stored) if expiry::is_over(&stored.record, now_ms) => {
                        removal.take(entity, &stored)?
                    }
                    _ => break, // soonest first: the others are later
                }
            }
        }
        Ok(Some(removal.plan).filter(|plan| !plan.ops.is_empty()))
    }
}

impl<'a> Removal<'a> {
    pub(crate) fn new(catalog: &'a Catalog, view: &'a dyn ReadView, id: Uuid) -> Self {
        Removal {
            catalog,
            view,
            plan: Planned::new(id),
            gone: BTreeSet::new(),
        }
    }

    /// Takes a record and all that goes with it; parents before children, as events report them.
    pub(crate) fn take(&mut self, entity: &Entity, stored: &Stored) -> Result<(), Problem> {
        if !self.gone.insert((entity.name(), stored.id)) {
            return Ok(());
        }
        let key = layout::record(entity.name(), stored.id);
        self.plan.guard_revision(key, stored.revision);
        self.plan.remove(entity, stored.id, &stored.record);
        self.refuse_if_named(entity, stored.id)?;
        for child in self.catalog.registry().children(entity.name()) {
            self.take_children(entity, child, stored.id)?;
        }
        Ok(())
    }

    /// A record in somebody's list of ids stays.
    fn refuse_if_named(&mut self, entity: &Entity, id: Uuid) -> Result<(), Problem> {
        for (table, field) in self.catalog.registry().soft_children(entity.name()) {
            let prefix = layout::children(table.name(), field, id);
            let rows = self.view.scan(&prefix, None, 1)?;
            if let Some(by_id) = rows.first().and_then(|(key, _)| layout::tail_id(key)) {
                return Err(Problem::StillNamed {
                    word: entity.name().trim_end_matches('s').replace('_', " "),
                    id,
                    by: table.name(),
                    by_id,
                });
            }
            self.plan.ensures.push(Ensure::PrefixEmpty(prefix));
        }
        Ok(())
    }

    fn take_children(&mut self, entity: &Entity, child: &Child, parent: Uuid) -> Result<(), Problem> {
        let table = self.catalog.entity(child.entity)?;
        let prefix = layout::children(child.entity, child.field, parent);
        self.plan.ensures.push(Ensure::PrefixEmpty(prefix.clone()));
        let mut after = None;
        loop {
            let rows = self.view.scan(&prefix, after.as_ref(), CHILDREN_AT_ONCE)?;
            if !rows.is_empty() && child.on_delete == OnDelete::Restrict {
                return Err(Problem::Referenced {
                    by: child.entity,
                    entity: entity.name(),
                });
            }
            for id in rows.iter().filter_map(|(key, _)| layout::tail_id(key)) {
                if let Some(stored) = load_any(self.view, table, id)? {
                    self.take(table, &stored)?;
                }
            }
            if rows.len() < CHILDREN_AT_ONCE {
                return Ok(());
            }
            after = rows.last().map(|(key, _)| key.clone());
        }
    }
}
