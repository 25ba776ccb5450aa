//! Finding one record. One or two point reads each.

use crate::{
    catalog::{Catalog, Found, Parent, Selector, Stored},
    layout,
    problem::Problem,
};
use serde_json::Value;
use troop_schema::Entity;
use troop_txn::ReadView;
use uuid::Uuid;

impl Catalog {
    /// The record so named, if there is one at `now_ms`.
    ///
    /// # Errors
    /// [`Problem::Storage`] and [`Problem::Damaged`].
    pub fn find(
        &self,
        view: &dyn ReadView,
        entity: &str,
        selector: &Selector,
        now_ms: u64,
    ) -> Result<Option<Found>, Problem> {
        let entity = self.entity(entity)?;
        let stored = self.load_named(view, entity, selector, now_ms)?;
        stored
            .map(|stored| self.found(view, entity, stored, now_ms))
            .transpose()
    }

    /// The record so named, if it belongs to `parent`. A name may be unique below its parent only.
    ///
    /// # Errors
    /// [`Problem::Storage`] and [`Problem::Damaged`].
    pub fn find_child(
        &self,
        view: &dyn ReadView,
        entity: &str,
        selector: &Selector,
        parent: Parent,
        now_ms: u64,
    ) -> Result<Option<Found>, Problem> {
        let entity = self.entity(entity)?;
        let stored = match selector {
            Selector::Unique { field, value } if is_unique_below(entity, parent.field, field) => {
                self.load_below(view, entity, parent, field, value, now_ms)?
            }
            _ => self.load_named(view, entity, selector, now_ms)?,
        };
        stored
            .filter(|stored| stored.record.get(parent.field).and_then(layout::reference) == Some(parent.id))
            .map(|stored| self.found(view, entity, stored, now_ms))
            .transpose()
    }

    /// Whether there is any record with this as the first of the values that are unique together: a plugin of this name. One read,
    /// however many there are.
    ///
    /// # Errors
    /// [`Problem::Storage`].
    pub fn has_any_with_first(
        &self,
        view: &dyn ReadView,
        entity: &str,
        first: &str,
    ) -> Result<bool, Problem> {
        let prefix = layout::together(entity, &[&Value::from(first)]);
        Ok(!view.scan(&prefix, None, 1)?.is_empty())
    }

    fn load_below(
        &self,
        view: &dyn ReadView,
        entity: &Entity,
        parent: Parent,
        field: &str,
        value: &str,
        now_ms: u64,
    ) -> Result<Option<Stored>, Problem> {
        let (reference, value) = (crate::problem::id_key(&parent.id).into(), Value::from(value));
        let fields = entity.unique_together().unwrap_or_default();
        let values: Vec<_> = fields
            .iter()
            .map(|name| if *name == field { &value } else { &reference })
            .collect();
        let card = view.get(&layout::together(entity.name(), &values))?;
        match card.and_then(|card| Uuid::from_slice(&card.value).ok()) {
            Some(id) => self.load(view, entity, id, now_ms),
            None => Ok(None),
        }
    }

    fn found(
        &self,
        view: &dyn ReadView,
        entity: &Entity,
        stored: Stored,
        now_ms: u64,
    ) -> Result<Found, Problem> {
        Ok(Found {
            id: stored.id,
            revision: stored.revision,
            record: self.show_named(view, entity, stored, now_ms)?,
        })
    }
}

/// Whether exactly the parent and this field are unique together.
pub(crate) fn is_unique_below(entity: &Entity, parent: &str, field: &str) -> bool {
    entity
        .unique_together()
        .is_some_and(|fields| fields.len() == 2 && fields.contains(&parent) && fields.contains(&field))
}
