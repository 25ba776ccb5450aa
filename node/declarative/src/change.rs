//! What a document would change, and in which order.
//!
//! The removal list of a house that is rebuilt while people live in it: first goes what nothing stands on, then the new is
//! built from the ground up and the rest moved over, then goes what is now empty. So no step leaves a reference to
//! nobody, and a name is free before it is given again wherever that is possible.
//!
//! The catch is where it is not: two records that swap their names, or a child that must move from a parent to be removed to
//! a new one of the same name. Applied one by one such a change set meets a unique name in the way; applied as one
//! transaction, which judges the end, it does not.

use crate::{
    order::parents_first,
    records::{Records, referred_id},
};
use std::collections::HashSet;
use troop_schema::{Entity, Record, Registry};
use uuid::Uuid;

/// What happens to one record.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The schema.
    pub entity: &'static str,
    /// The record.
    pub id: Uuid,
    /// What happens to it.
    pub step: ChangeStep,
}

/// What can happen to a record.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangeStep {
    /// It appears.
    Create {
        /// As this.
        after: Record,
    },
    /// It becomes another.
    Update {
        /// From this.
        before: Record,
        /// To this.
        after: Record,
    },
    /// It goes.
    Delete {
        /// It was this.
        before: Record,
    },
}

/// Changes in the order in which they can be made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangeSet {
    changes: Vec<Change>,
}

impl ChangeSet {
    /// In order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether everything is as it is wanted.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many records are created, updated and deleted.
    pub fn counts(&self) -> (usize, usize, usize) {
        let mut counts = (0, 0, 0);
        for change in &self.changes {
            match change.step {
                ChangeStep::Create { .. } => counts.0 += 1,
                ChangeStep::Update { .. } => counts.1 += 1,
                ChangeStep::Delete { .. } => counts.2 += 1,
            }
        }
        counts
    }

    /// Makes the changes.
    pub fn apply(&self, records: &mut Records) {
        self.changes.iter().for_each(|change| change.apply(records));
    }
}

impl Change {
    /// Makes it.
    pub fn apply(&self, records: &mut Records) {
        match &self.step {
            ChangeStep::Create { after } | ChangeStep::Update { after, .. } => {
                records.put(self.entity, self.id, after.clone());
            }
            ChangeStep::Delete { .. } => records.remove(self.entity, &self.id),
        }
    }
}

/// What makes `wanted` out of `current`, by id. A document is laid beside `current` first: [`crate::Document::adopting`].
pub fn diff(registry: &Registry, current: &Records, wanted: &Records) -> ChangeSet {
    let order = parents_first(registry);
    let late = late_deletions(&order, current, wanted);
    let deletions = |is_late: bool| {
        let children_first = order.iter().rev();
        let deletions = children_first.flat_map(|entity| deleted(entity, current, wanted));
        let late = &late;
        deletions.filter(move |change| late.contains(&(change.entity, change.id)) == is_late)
    };
    let written = order.iter().flat_map(|entity| written(entity, current, wanted));
    let changes = deletions(false).chain(written).chain(deletions(true));
    ChangeSet {
        changes: changes.collect(),
    }
}

fn written(entity: &Entity, current: &Records, wanted: &Records) -> Vec<Change> {
    let entity = entity.name();
    let step = |id: &Uuid, after: &Record| match current.get(entity, id) {
        None => Some(ChangeStep::Create { after: after.clone() }),
        Some(before) if before == after => None,
        Some(before) => Some(ChangeStep::Update {
            before: before.clone(),
            after: after.clone(),
        }),
    };
    let records = wanted.of(entity);
    records
        .filter_map(|(id, after)| {
            let step = step(id, after)?;
            Some(Change {
                entity,
                id: *id,
                step,
            })
        })
        .collect()
}

fn deleted(entity: &Entity, current: &Records, wanted: &Records) -> Vec<Change> {
    let entity = entity.name();
    let gone = current.of(entity).filter(|(id, _)| !wanted.has(entity, id));
    gone.map(|(id, before)| Change {
        entity,
        id: *id,
        step: ChangeStep::Delete {
            before: before.clone(),
        },
    })
    .collect()
}

/// Records that go but that a record which stays, or one that itself goes late, still refers to.
fn late_deletions(order: &[&Entity], current: &Records, wanted: &Records) -> HashSet<(&'static str, Uuid)> {
    let mut late = HashSet::new();
    for entity in order.iter().rev() {
        for (id, record) in current.of(entity.name()) {
            if !wanted.has(entity.name(), id) && !late.contains(&(entity.name(), *id)) {
                continue;
            }
            for foreign in entity.foreigns() {
                let parent = record.get(foreign.field).and_then(referred_id);
                late.extend(parent.map(|parent| (foreign.reference, parent)));
            }
        }
    }
    late
}
