//! Many records at once: a change set, of which every record is known as it will be.
//!
//! Not one slip per book but a removal list for a whole wing, written on one day while the shelves are watched. Whoever writes such
//! a list need not guard each line: it is carried out only if nothing changed since the day it was written
//! ([`Guard::UnchangedSince`](troop_txn::Guard::UnchangedSince)). What must be right is the list itself: no value twice, no
//! reference to what is not there or goes.
//!
//! The catch: lines come one by one and may be right only together: a name that one record gives up and another takes, a child
//! that moves before its parent goes. So what looks wrong is put aside, and looked at again when the list is complete
//! ([`Bulk::finish`]). What is remembered of a line is its keys; its ops can be taken away and laid down at once, so that a list of
//! any length needs little memory.
//!
//! What it does not do: judge records, or cascade. A list that takes a parent and leaves a child is refused.

use crate::{
    catalog::{Catalog, Stored, load_any},
    expiry::{self, Wish},
    layout::{self, Card},
    plan::Planned,
    problem::{Problem, one},
    unique::refuse_nulls,
};
use std::collections::HashSet;
use troop_schema::{Child, Entity, Record};
use troop_txn::{Key, Op, ReadView};
use uuid::Uuid;

/// Children read in one go.
const CHILDREN_AT_ONCE: usize = 256;

/// A change set being written down, from one image.
pub struct Bulk {
    now_ms: u64,
    ops: Vec<Op>,
    /// Values that records of the list claim.
    claimed: HashSet<Key>,
    /// Values that were claimed on the image and are given up.
    freed: HashSet<Key>,
    /// Records that the list writes.
    written: HashSet<Key>,
    /// Records that go.
    gone: HashSet<Key>,
    goers: Vec<(&'static str, Uuid)>,
    /// Cards of children that leave their parent, or go.
    left: HashSet<Key>,
    /// Claims that wait for the one before to give them up.
    waiting: Vec<(Key, Record)>,
    /// Parents that records of the list refer to.
    needed: Vec<Needed>,
}

struct Needed {
    parent: Key,
    field: &'static str,
    id: Uuid,
    reference: &'static str,
}

impl Bulk {
    /// An empty list.
    pub fn new(now_ms: u64) -> Self {
        Bulk {
            now_ms,
            ops: Vec::new(),
            claimed: HashSet::new(),
            freed: HashSet::new(),
            written: HashSet::new(),
            gone: HashSet::new(),
            goers: Vec::new(),
            left: HashSet::new(),
            waiting: Vec::new(),
            needed: Vec::new(),
        }
    }

    /// Writes down that the record of this id becomes `after`, a complete and judged one, or goes.
    ///
    /// # Errors
    /// A value that another record of the list has as well, an end that is none, or a broken storage.
    pub fn add(
        &mut self,
        catalog: &Catalog,
        view: &dyn ReadView,
        entity: &str,
        id: Uuid,
        after: Option<Record>,
    ) -> Result<(), Problem> {
        let entity = catalog.entity(entity)?;
        let before = load_any(view, entity, id)?;
        match after {
            Some(after) => self.put(view, entity, id, before, after),
            None => {
                before.iter().for_each(|stored| self.remove(entity, stored));
                Ok(())
            }
        }
    }

    /// The ops written down since they were last taken.
    pub fn take_ops(&mut self) -> Vec<Op> {
        std::mem::take(&mut self.ops)
    }

    /// Looks at the list as a whole. `view` must be of the image that the list was written from. What is left of the ops.
    ///
    /// # Errors
    /// A value that is taken, a parent that is not there or goes, a child that is left behind, or a broken storage.
    pub fn finish(mut self, catalog: &Catalog, view: &dyn ReadView) -> Result<Vec<Op>, Problem> {
        for (key, values) in std::mem::take(&mut self.waiting) {
            if !self.freed.contains(&key) {
                return Err(Problem::Unique(values));
            }
        }
        for (entity, id) in std::mem::take(&mut self.goers) {
            for child in catalog.registry().children(entity) {
                self.left_behind(view, entity, (child, catalog.entity(child.entity)?), id)?;
            }
        }
        for needed in &self.needed {
            let there = self.written.contains(&needed.parent)
                || (!self.gone.contains(&needed.parent) && view.get(&needed.parent)?.is_some());
            if !there {
                return Err(Problem::NoParent {
                    field: needed.field,
                    id: needed.id,
                    reference: needed.reference,
                });
            }
        }
        Ok(self.ops)
    }

    fn put(
        &mut self,
        view: &dyn ReadView,
        entity: &Entity,
        id: Uuid,
        before: Option<Stored>,
        mut record: Record,
    ) -> Result<(), Problem> {
        let wish = match expiry::take(entity, &mut record)? {
            Wish::Silent => Wish::Never,
            wish => wish,
        };
        refuse_nulls(entity, &record)?;
        // Kong: a record of a document that has no end has no `ttl` either, where one of the Admin API has none.
        if let Wish::After(_) = wish {
            expiry::write(entity, &mut record, wish, None, self.now_ms);
        }
        if layout::id_of(&record) != Some(id) || !self.written.insert(layout::record(entity.name(), id)) {
            return Err(Problem::PrimaryKey(one("id", id.to_string())));
        }
        let old = before.map(|stored| stored.record);
        self.need_parents(entity, old.as_ref(), &record);
        self.claim(view, entity, old.as_ref(), &record)?;
        let mut plan = Planned::new(id);
        plan.put(entity, id, old.as_ref(), &record);
        self.keep(plan);
        Ok(())
    }

    fn remove(&mut self, entity: &Entity, stored: &Stored) {
        if !self.gone.insert(layout::record(entity.name(), stored.id)) {
            return;
        }
        self.goers.push((entity.name(), stored.id));
        self.give_up(layout::cards(entity, &stored.record));
        let mut plan = Planned::new(stored.id);
        plan.remove(entity, stored.id, &stored.record);
        self.keep(plan);
    }

    /// A card that another record of the list has claimed stays: it was overwritten, or will be.
    fn keep(&mut self, plan: Planned) {
        let claimed = &self.claimed;
        let stays = |op: &Op| matches!(op, Op::Delete { key } if claimed.contains(key));
        self.ops.extend(plan.ops.into_iter().filter(|op| !stays(op)));
    }

    fn give_up(&mut self, cards: Vec<(Key, Card)>) {
        for (key, card) in cards {
            match card {
                Card::Claim(_) => self.freed.insert(key),
                Card::Listing => self.left.insert(key),
            };
        }
    }

    fn claim(
        &mut self,
        view: &dyn ReadView,
        entity: &Entity,
        old: Option<&Record>,
        new: &Record,
    ) -> Result<(), Problem> {
        let had = old.map(|old| layout::cards(entity, old)).unwrap_or_default();
        let (removed, written) = layout::difference(had.clone(), layout::cards(entity, new));
        let removed = removed.into_iter().collect::<HashSet<_>>();
        self.give_up(had.into_iter().filter(|(key, _)| removed.contains(key)).collect());
        for (key, card) in written {
            let Card::Claim(values) = card else { continue };
            if let Some(row) = view.get(&key)? {
                let owner = Uuid::from_slice(&row.value).unwrap_or_default();
                self.evict(view, entity, owner)?;
                self.waiting.push((key.clone(), values.clone()));
            }
            if !self.claimed.insert(key) {
                return Err(Problem::Unique(values));
            }
        }
        Ok(())
    }

    /// Takes a record along that is over and only waits for its removal.
    fn evict(&mut self, view: &dyn ReadView, entity: &Entity, owner: Uuid) -> Result<bool, Problem> {
        let stored = load_any(view, entity, owner)?;
        let over = stored.filter(|stored| expiry::is_over(&stored.record, self.now_ms));
        let is_written = self.written.contains(&layout::record(entity.name(), owner));
        match over.filter(|_| !is_written) {
            Some(stored) => {
                self.remove(entity, &stored);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn need_parents(&mut self, entity: &Entity, old: Option<&Record>, new: &Record) {
        for foreign in entity.foreigns() {
            let parent = |record: &Record| record.get(foreign.field).and_then(layout::reference);
            let Some(id) = parent(new).filter(|id| old.and_then(parent) != Some(*id)) else {
                continue;
            };
            let key = layout::record(foreign.reference, id);
            // Most lists have the parent before the child.
            if !self.written.contains(&key) {
                self.needed.push(Needed {
                    parent: key,
                    field: foreign.field,
                    id,
                    reference: foreign.reference,
                });
            }
        }
    }

    /// Refuses a child of a record that goes, if it neither goes nor leaves.
    fn left_behind(
        &mut self,
        view: &dyn ReadView,
        parent: &'static str,
        (child, table): (&Child, &Entity),
        id: Uuid,
    ) -> Result<(), Problem> {
        let prefix = layout::children(child.entity, child.field, id);
        let mut after = None;
        loop {
            let rows = view.scan(&prefix, after.as_ref(), CHILDREN_AT_ONCE)?;
            for (card, _) in &rows {
                let owner = layout::tail_id(card).unwrap_or_default();
                if !self.left.contains(card) && !self.evict(view, table, owner)? {
                    return Err(Problem::Referenced {
                        by: child.entity,
                        entity: parent,
                    });
                }
            }
            if rows.len() < CHILDREN_AT_ONCE {
                return Ok(());
            }
            after = rows.last().map(|(key, _)| key.clone());
        }
    }
}
