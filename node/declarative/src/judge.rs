//! Items to records: every one judged, whatever the others are.
//!
//! The counters of [`Registry`] for a whole pile of forms. Each item gets its id, its parent and its references, is completed
//! and judged; faults are noted in the shape of the document, by entity and by place. A pile with one fault is not
//! loaded, but all of it is judged first, so that one try tells everything.
//!
//! Kong: values are judged as they are sent. The spelling of targets, which the Admin API brings into one form before it
//! judges, is judged here first; a wrong one is told in the words of the judge.

use crate::{
    flatten::is_id,
    item::{Id, Item, List},
    path::Path,
    records::{TTL, id_of},
    reference::{self, Dangling, Index, STAND_IN},
    refusal::Refusal,
};
use serde_json::{Value, json};
use troop_schema::{Auto, Entity, Fault, Faults, Record, Registry, Sent, Stamp};
use uuid::Uuid;

/// Kong: three years and some.
const TTL_MAX_SECONDS: f64 = 100_000_000.0;

/// A record that is right by itself.
pub(crate) struct Judged<'r> {
    pub(crate) entity: &'r Entity,
    pub(crate) path: Path,
    pub(crate) id: Uuid,
    /// What it is found by besides its id.
    pub(crate) name: Option<String>,
    pub(crate) record: Record,
    /// As it was sent, with the id that was computed for it.
    pub(crate) given: Record,
    /// Fields that were not given and filled themselves.
    pub(crate) chosen: Vec<&'static str>,
    pub(crate) dangling: Vec<Dangling>,
}

/// Judges the items of a document.
pub(crate) struct Judge<'r, 'd, 's> {
    pub(crate) registry: &'r Registry,
    pub(crate) index: &'d Index,
    pub(crate) stamp: &'d mut Stamp<'s>,
    /// Whether values are as people write them, passwords in the clear.
    pub(crate) transform: bool,
    pub(crate) refusal: &'d mut Refusal,
    pub(crate) judged: Vec<Judged<'r>>,
}

impl<'r> Judge<'r, '_, '_> {
    /// All of them.
    pub(crate) fn document(mut self, collections: Vec<(&'static str, List<'r>)>) -> Vec<Judged<'r>> {
        for (name, list) in collections {
            if let Some(fault) = self.list(list) {
                self.refusal.of_collection(name, fault);
            }
        }
        self.judged
    }

    fn list(&mut self, list: List<'r>) -> Option<Fault> {
        let mut faults = Vec::new();
        for (at, item) in list.into_iter().enumerate() {
            let fault = self.item(item);
            if !fault.is_empty() {
                faults.resize(at, None);
                faults.push(Some(Fault::Fields(fault)));
            }
        }
        (!faults.is_empty()).then_some(Fault::List(faults))
    }

    /// What is wrong with an item and those in it.
    fn item(&mut self, mut item: Item<'r>) -> Faults {
        let children = std::mem::take(&mut item.children);
        let mut faults = self.alone(item);
        for (name, list) in children {
            if let Some(fault) = self.list(list) {
                faults.set(name, fault);
            }
        }
        faults
    }

    fn alone(&mut self, item: Item<'r>) -> Faults {
        let mut faults = item.faults.clone();
        match self.record(&item, &mut faults) {
            Some(judged) if faults.is_empty() => self.judged.push(judged),
            _ => {
                let given = as_sent(&item);
                self.refusal.of_record(item.entity, &item.path, given, &faults);
            }
        }
        faults
    }

    fn record(&mut self, item: &Item<'r>, faults: &mut Faults) -> Option<Judged<'r>> {
        let mut body = item.given.clone();
        let ttl = take_ttl(item.entity, &mut body, faults);
        let chosen = chosen(item.entity, &body);
        if !matches!(item.id, Id::Given(_)) {
            body.insert("id".to_owned(), item.id.text().into());
        }
        let dangling = self.index.resolve(item.entity, &mut body);
        if let Some(parent) = &item.parent {
            let id = Value::from(parent.id.text());
            let id = if is_id(&id) { id } else { STAND_IN.into() };
            body.insert(parent.field.to_owned(), json!({ "id": id }));
        }
        let mut record = self.judged(item.entity, body, faults)?;
        record.extend(ttl.map(|ttl| (TTL.to_owned(), ttl)));
        Some(Judged {
            entity: item.entity,
            path: item.path.clone(),
            id: id_of(&record)?,
            name: reference::name(item.entity, &record).map(str::to_owned),
            record,
            given: as_listed(item),
            chosen,
            dangling,
        })
    }

    fn judged(&mut self, entity: &Entity, body: Record, faults: &mut Faults) -> Option<Record> {
        let drafted = self.registry.draft(entity, body.clone(), self.stamp);
        let verdict = match drafted {
            Ok(record) => self.registry.judged(entity, record, false),
            Err(spelling) => {
                let judged = self.registry.check_only(entity, body, self.stamp);
                Err(judged.err().unwrap_or(spelling))
            }
        };
        match verdict {
            Ok(record) => Some(self.transformed(entity, record)),
            Err(violation) => {
                for (name, fault) in violation.faults().iter() {
                    faults.set(name, fault.clone());
                }
                None
            }
        }
    }

    fn transformed(&mut self, entity: &Entity, mut record: Record) -> Record {
        if self.transform {
            let sent = record.clone();
            self.registry
                .transform(entity, &mut record, &Sent::whole(&sent), self.stamp);
        }
        record
    }
}

/// Takes the seconds until its end out of a record that may have one; they are no field. Kong: zero means none.
fn take_ttl(entity: &Entity, body: &mut Record, faults: &mut Faults) -> Option<Value> {
    if !entity.has_ttl() {
        return None;
    }
    let ttl = body.remove(TTL).filter(|ttl| !ttl.is_null())?;
    match ttl.as_f64() {
        Some(seconds) if seconds.fract() != 0.0 => faults.set(TTL, "expected an integer"),
        Some(0.0) => {}
        Some(seconds) if (0.0..=TTL_MAX_SECONDS).contains(&seconds) => return Some(ttl),
        Some(_) => faults.set(TTL, format!("value should be between 0 and {TTL_MAX_SECONDS}")),
        None => faults.set(TTL, "expected an integer"),
    }
    None
}

fn chosen(entity: &Entity, body: &Record) -> Vec<&'static str> {
    entity
        .self_filled_fields()
        .filter(|(name, auto)| *auto == Auto::UpdatedAt || body.get(*name).is_none_or(Value::is_null))
        .map(|(name, _)| name)
        .collect()
}

/// Kong: the entity of a broken schema refers to the one it is nested in if that was given an id.
fn as_sent(item: &Item<'_>) -> Record {
    let mut given = item.given.clone();
    if let Some(parent) = &item.parent
        && let Id::Given(id) = &parent.id
        && is_id(&Value::from(id.as_str()))
    {
        given.insert(parent.field.to_owned(), json!({ "id": id }));
    }
    given
}

/// Kong: the entity of a duplicate has the id that was computed for it.
fn as_listed(item: &Item<'_>) -> Record {
    let mut given = item.given.clone();
    if let Id::Stable(id) = &item.id {
        given.insert("id".to_owned(), id.as_str().into());
    }
    given
}
