//! References to other records: by id, or by any unique field of the other.
//!
//! A sender may write `{"name": "svc"}`; what is stored is `{"id": …}`. A reference by name that finds nothing is a problem of
//! its own, told before anything else about the record.
//!
//! The catch: the parent may be deleted between planning and applying. A new reference therefore guards the parent to
//! be present; an unchanged one needs no guard, because a parent with children cannot go without them.

use crate::{
    catalog::{Catalog, Selector},
    layout,
    plan::Planned,
    problem::{Problem, Unresolved, id_key},
};
use serde_json::Value;
use troop_schema::{Entity, Field, Foreign, Record};
use troop_txn::{Guard, ReadView};
use uuid::Uuid;

impl Catalog {
    /// Replaces references by name with references by id. What is neither is left for the judge.
    pub(crate) fn resolve(
        &self,
        view: &dyn ReadView,
        entity: &Entity,
        record: &mut Record,
        now_ms: u64,
    ) -> Result<(), Problem> {
        let mut unresolved = Vec::new();
        for foreign in entity.foreigns() {
            let Some(value) = record.get_mut(foreign.field).filter(|value| value.is_object()) else {
                continue;
            };
            let id = match full_id(value) {
                Some(id) => Some(id),
                None => self.resolve_one(view, &foreign, value, now_ms, &mut unresolved)?,
            };
            if let Some(id) = id {
                *value = id_key(&id).into();
            }
        }
        if unresolved.is_empty() {
            Ok(())
        } else {
            Err(Problem::Unresolved(unresolved))
        }
    }

    fn resolve_one(
        &self,
        view: &dyn ReadView,
        foreign: &Foreign,
        value: &Value,
        now_ms: u64,
        unresolved: &mut Vec<Unresolved>,
    ) -> Result<Option<Uuid>, Problem> {
        let Some(parent) = self.registry().entity(foreign.reference) else {
            return Ok(None);
        };
        let mut tried = Vec::new();
        for unique in parent.unique_fields() {
            let Some(name) = self.usable_name(parent.field(unique), &value[unique]) else {
                continue;
            };
            let selector = Selector::Unique {
                field: unique,
                value: name.clone(),
            };
            if let Some(found) = self.load_named(view, parent, &selector, now_ms)? {
                return Ok(Some(found.id));
            }
            tried.push(Unresolved {
                field: foreign.field,
                unique,
                value: name,
                reference: foreign.reference,
            });
        }
        unresolved.append(&mut tried);
        Ok(None)
    }

    /// A value by which a record could be found.
    fn usable_name(&self, field: Option<&Field>, value: &Value) -> Option<String> {
        let good = self.registry().validate_value(field?, value).is_ok();
        value.as_str().filter(|_| good).map(str::to_owned)
    }

    /// Guards the parents that `new` has and `old` had not. `fresh` is a parent that the same plan creates.
    pub(crate) fn guard_parents(
        &self,
        view: &dyn ReadView,
        entity: &Entity,
        old: Option<&Record>,
        new: &Record,
        fresh: Option<Uuid>,
        plan: &mut Planned,
    ) -> Result<(), Problem> {
        for foreign in entity.foreigns() {
            let Some(id) = new.get(foreign.field).and_then(layout::reference) else {
                continue;
            };
            let before = old
                .and_then(|old| old.get(foreign.field))
                .and_then(layout::reference);
            if before == Some(id) || fresh == Some(id) {
                continue;
            }
            let key = layout::record(foreign.reference, id);
            if view.get(&key)?.is_none() {
                return Err(Problem::NoParent {
                    field: foreign.field,
                    id,
                    reference: foreign.reference,
                });
            }
            plan.guards.push(Guard::Present(key));
        }
        Ok(())
    }
}

/// Kong: an id has 36 characters, or it is none.
fn full_id(value: &Value) -> Option<Uuid> {
    let text = value.get("id")?.as_str().filter(|text| text.len() == 36)?;
    text.parse().ok()
}
