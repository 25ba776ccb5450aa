//! Planning to create, change and replace.
//!
//! Each reads what it needs from one image and comes back with a [`Planned`] or a [`Problem`]; the same arguments on a
//! newer image give a new plan.
//!
//! The catch: order. Clients see which of several mistakes is reported: options, shorthands, whether the record exists,
//! references by name, the schema, ids, unique values, references by id.

use crate::{
    catalog::{Catalog, Parent, Selector, Stored},
    expiry::{self, Wish},
    layout,
    plan::Planned,
    problem::{Problem, id_key, one},
    read::is_unique_below,
    unique::refuse_nulls,
};
use serde_json::Value;
use troop_schema::{Entity, Record, Sent, Stamp};
use troop_txn::ReadView;
use uuid::Uuid;

/// A complete record on its way in.
struct Candidate<'a> {
    entity: &'a Entity,
    record: Record,
    /// The members that the sender spoke of.
    sent: Record,
    /// The protocols to compare, for a plugin.
    protocols: Option<Value>,
    wish: Wish,
    /// The names it is to have, if the sender spoke of them.
    names: Option<Vec<String>>,
    before: Option<Stored>,
    /// Whether the sender speaks of a change: some sentences differ.
    updating: bool,
    /// A parent that the same plan creates.
    fresh_parent: Option<Uuid>,
}

impl Catalog {
    /// Plans a new record.
    ///
    /// # Errors
    /// A [`Problem`] that the sender can do something about, or a broken storage.
    pub fn insert(
        &self,
        view: &dyn ReadView,
        entity: &str,
        mut body: Record,
        stamp: &mut Stamp<'_>,
    ) -> Result<Planned, Problem> {
        let entity = self.entity(entity)?;
        let wish = expiry::take(entity, &mut body)?;
        let names = self.take_names(view, entity, &mut body, None, stamp.now_ms())?;
        let protocols = body.get("protocols").cloned();
        let record = self.registry().draft(entity, body.clone(), stamp)?;
        let candidate = Candidate {
            entity,
            record,
            sent: body,
            protocols,
            wish,
            names: Some(names.unwrap_or_default()),
            before: None,
            updating: false,
            fresh_parent: None,
        };
        self.plan(view, candidate, stamp)
    }

    /// Plans a new record below one that the same plan writes.
    pub(crate) fn insert_below_fresh(
        &self,
        view: &dyn ReadView,
        entity: &Entity,
        body: Record,
        parent: Uuid,
        stamp: &mut Stamp<'_>,
    ) -> Result<Planned, Problem> {
        let candidate = Candidate {
            entity,
            record: self.registry().draft(entity, body.clone(), stamp)?,
            sent: body,
            protocols: None,
            wish: Wish::Silent,
            names: None,
            before: None,
            updating: false,
            fresh_parent: Some(parent),
        };
        self.plan(view, candidate, stamp)
    }

    /// Plans a change of some fields.
    ///
    /// # Errors
    /// [`Problem::NotFound`] and the like when there is nothing to change; others as [`Catalog::insert`].
    pub fn update(
        &self,
        view: &dyn ReadView,
        entity: &str,
        selector: &Selector,
        body: Record,
        stamp: &mut Stamp<'_>,
    ) -> Result<Planned, Problem> {
        self.change(view, self.entity(entity)?, selector, body, None, stamp)
    }

    /// Plans a whole record under a name: in the place of what has it, or as a new one.
    ///
    /// # Errors
    /// As [`Catalog::insert`].
    pub fn upsert(
        &self,
        view: &dyn ReadView,
        entity: &str,
        selector: &Selector,
        mut body: Record,
        stamp: &mut Stamp<'_>,
    ) -> Result<Planned, Problem> {
        let entity = self.entity(entity)?;
        let wish = expiry::take(entity, &mut body)?;
        let found = self.found_by_name(view, selector, &mut body, stamp)?;
        let selector = found.as_ref().unwrap_or(selector);
        let before = self.load_named(view, entity, selector, stamp.now_ms())?;
        let owner = before.as_ref().map(|stored| stored.id);
        let names = self.take_names(view, entity, &mut body, owner, stamp.now_ms())?;
        let protocols = body.get("protocols").cloned();
        name(&mut body, selector, before.as_ref());
        let record = self.registry().draft(entity, body.clone(), stamp)?;
        let candidate = Candidate {
            entity,
            record,
            sent: body,
            protocols,
            wish: if wish == Wish::Silent { Wish::Never } else { wish },
            names: Some(names.unwrap_or_default()),
            before,
            updating: false,
            fresh_parent: None,
        };
        self.plan(view, candidate, stamp)
    }

    /// As [`Catalog::upsert`], of a record below `parent`: its name may be unique there only.
    ///
    /// # Errors
    /// As [`Catalog::insert`].
    pub fn upsert_below(
        &self,
        view: &dyn ReadView,
        entity: &str,
        selector: &Selector,
        parent: Parent,
        mut body: Record,
        stamp: &mut Stamp<'_>,
    ) -> Result<Planned, Problem> {
        let Selector::Unique { field, value } = selector else {
            return self.upsert(view, entity, selector, body, stamp);
        };
        if !is_unique_below(self.entity(entity)?, parent.field, field) {
            return self.upsert(view, entity, selector, body, stamp);
        }
        let found = self.find_child(view, entity, selector, parent, stamp.now_ms())?;
        let id = found.map_or_else(|| stamp.uuid(), |found| found.id);
        body.insert((*field).into(), value.as_str().into());
        self.upsert(view, entity, &Selector::Id(id), body, stamp)
    }

    /// Plans a whole record as the parent of another: in the place of the parent it has, or as a new one that it then
    /// refers to. `None` when there is no such child.
    ///
    /// # Errors
    /// As [`Catalog::insert`].
    pub fn upsert_parent(
        &self,
        view: &dyn ReadView,
        entity: &str,
        selector: &Selector,
        field: &str,
        body: Record,
        stamp: &mut Stamp<'_>,
    ) -> Result<Option<Planned>, Problem> {
        let child = self.entity(entity)?;
        let Some(stored) = self.load_named(view, child, selector, stamp.now_ms())? else {
            return Ok(None);
        };
        let foreign = child
            .foreigns()
            .find(|foreign| foreign.field == field)
            .ok_or_else(|| Problem::NoEntity(field.to_owned()))?;
        let parent = stored.record.get(field).and_then(layout::reference);
        let id = parent.unwrap_or_else(|| stamp.uuid());
        let plan = self.upsert(view, foreign.reference, &Selector::Id(id), body, stamp)?;
        if parent.is_some() {
            return Ok(Some(plan));
        }
        let link = one(field, id_key(&id));
        let child_plan = self.change(view, child, &Selector::Id(stored.id), link, Some(id), stamp)?;
        Ok(Some(plan.and(child_plan)))
    }

    fn change(
        &self,
        view: &dyn ReadView,
        entity: &Entity,
        selector: &Selector,
        mut body: Record,
        fresh_parent: Option<Uuid>,
        stamp: &mut Stamp<'_>,
    ) -> Result<Planned, Problem> {
        let wish = expiry::take(entity, &mut body)?;
        let stored = self.load_named(view, entity, selector, stamp.now_ms())?;
        let owner = stored.as_ref().map(|stored| stored.id);
        let names = self.take_names(view, entity, &mut body, owner, stamp.now_ms())?;
        let mut slip = self.registry().draft_change(entity, body, stamp)?;
        let before = stored.ok_or_else(|| selector.not_found())?;
        keep_id(&mut slip);
        let stored = expiry::strip(&before.record);
        let record = self.registry().merged(entity, slip.clone(), &stored, stamp)?;
        let candidate = Candidate {
            entity,
            protocols: record.get("protocols").cloned(),
            record,
            sent: slip,
            wish,
            names,
            before: Some(before),
            updating: true,
            fresh_parent,
        };
        self.plan(view, candidate, stamp)
    }

    /// Everything that is the same for all ways in.
    fn plan(
        &self,
        view: &dyn ReadView,
        mut candidate: Candidate<'_>,
        stamp: &mut Stamp<'_>,
    ) -> Result<Planned, Problem> {
        let (entity, now_ms) = (candidate.entity, stamp.now_ms());
        self.resolve(view, entity, &mut candidate.record, now_ms)?;
        if entity.name() == "plugins" {
            self.compare_protocols(view, candidate.protocols.as_ref(), &candidate.record, now_ms)?;
        }
        let before = candidate.before.as_ref();
        let old = before.map(|stored| &stored.record);
        if self.stores_as_sent() {
            // Nothing was sent that could be transformed.
            candidate.sent.clear();
        }
        resolve_sent(entity, &mut candidate.sent, &candidate.record);
        let sent = Sent {
            fields: &candidate.sent,
            stored: old.filter(|_| candidate.updating && !self.stores_as_sent()),
        };
        let mut record =
            self.registry()
                .judged_as_sent(entity, candidate.record, &sent, candidate.updating, stamp)?;
        refuse_nulls(entity, &record)?;
        let id = layout::id_of(&record).ok_or_else(|| Problem::PrimaryKey(one("id", Value::Null)))?;
        expiry::write(entity, &mut record, candidate.wish, old, now_ms);

        let mut plan = Planned::new(id);
        match before {
            Some(stored) => plan.guard_revision(layout::record(entity.name(), stored.id), stored.revision),
            None => self.claim_id(view, entity, id, now_ms, &mut plan)?,
        }
        self.claim(view, entity, old, &record, now_ms, &mut plan)?;
        self.guard_parents(view, entity, old, &record, candidate.fresh_parent, &mut plan)?;
        plan.put(entity, id, old, &record);
        plan.record = self.show(entity, record, now_ms);
        self.put_names(view, entity, candidate.names.as_deref(), &mut plan, stamp)?;
        Ok(plan)
    }
}

/// What was sent, with the references by id that were found for the record.
fn resolve_sent(entity: &Entity, sent: &mut Record, record: &Record) {
    for foreign in entity.foreigns() {
        if let (Some(given), Some(found)) = (sent.get_mut(foreign.field), record.get(foreign.field)) {
            given.clone_from(found);
        }
    }
}

/// Kong: the path overrules the body; a record that is replaced keeps its id.
fn name(body: &mut Record, selector: &Selector, before: Option<&Stored>) {
    match selector {
        Selector::Id(id) => {
            body.insert("id".into(), id.to_string().into());
        }
        Selector::Unique { field, value } => {
            body.insert((*field).into(), value.as_str().into());
            if let Some(stored) = before {
                body.insert("id".into(), stored.id.to_string().into());
            }
        }
        Selector::Named { .. } => {} // an id by now
    }
}

/// Kong: a good id in a change is ignored, a bad one is judged.
fn keep_id(slip: &mut Record) {
    let good = |value: &Value| {
        value.is_null()
            || value
                .as_str()
                .is_some_and(|id| id.len() == 36 && id.parse::<Uuid>().is_ok())
    };
    if slip.get("id").is_some_and(good) {
        slip.remove("id");
    }
}
