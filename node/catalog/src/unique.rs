//! Values that no two records may share.
//!
//! Each such value has a card with the id of its owner. Who claims a value guards its card to be absent; the second of two
//! claimants is refused when it is applied, plans again, and finds the first one's card.
//!
//! The catch: a card may belong to a record that is over and only waits for its removal. The claimant removes it and
//! guards that it is still the record that was looked at.

use crate::{
    catalog::{Catalog, load_any},
    expiry,
    layout::{self, Card},
    plan::Planned,
    problem::{Problem, one},
};
use serde_json::Value;
use troop_schema::{Entity, Record};
use troop_txn::{Guard, ReadView};
use uuid::Uuid;

impl Catalog {
    /// Claims the values that `new` has and `old` had not.
    pub(crate) fn claim(
        &self,
        view: &dyn ReadView,
        entity: &Entity,
        old: Option<&Record>,
        new: &Record,
        now_ms: u64,
        plan: &mut Planned,
    ) -> Result<(), Problem> {
        let had = old.map(|old| layout::cards(entity, old)).unwrap_or_default();
        let (_, written) = layout::difference(had, layout::cards(entity, new));
        for (key, card) in written {
            let Card::Claim(values) = card else { continue };
            match view.get(&key)? {
                None => plan.guards.push(Guard::Absent(key)),
                Some(row) => {
                    let owner = Uuid::from_slice(&row.value).unwrap_or_default();
                    self.evict(view, entity, owner, now_ms, plan, || Problem::Unique(values))?;
                }
            }
        }
        Ok(())
    }

    /// Claims the id of a new record.
    pub(crate) fn claim_id(
        &self,
        view: &dyn ReadView,
        entity: &Entity,
        id: Uuid,
        now_ms: u64,
        plan: &mut Planned,
    ) -> Result<(), Problem> {
        let key = layout::record(entity.name(), id);
        if view.get(&key)?.is_none() {
            plan.guards.push(Guard::Absent(key));
            return Ok(());
        }
        let taken = || Problem::PrimaryKey(one("id", id.to_string()));
        self.evict(view, entity, id, now_ms, plan, taken)
    }

    /// Removes a record that is over from the way; one that is not is the obstacle.
    fn evict(
        &self,
        view: &dyn ReadView,
        entity: &Entity,
        owner: Uuid,
        now_ms: u64,
        plan: &mut Planned,
        obstacle: impl FnOnce() -> Problem,
    ) -> Result<(), Problem> {
        match load_any(view, entity, owner)? {
            Some(stored) if expiry::is_over(&stored.record, now_ms) => {
                plan.guard_revision(layout::record(entity.name(), owner), stored.revision);
                plan.remove(entity, owner, &stored.record);
                Ok(())
            }
            _ => Err(obstacle()),
        }
    }
}

/// Kong: its tables refuse a null here, and it takes that for a violated primary key.
pub(crate) fn refuse_nulls(entity: &Entity, record: &Record) -> Result<(), Problem> {
    let null = entity
        .never_null_fields()
        .any(|field| record.get(field).is_none_or(Value::is_null));
    if null {
        let id = record.get("id").cloned().unwrap_or_default();
        return Err(Problem::PrimaryKey(one("id", id)));
    }
    Ok(())
}
