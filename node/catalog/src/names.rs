//! Records named from below: a certificate by its SNIs.
//!
//! A house with several bells. Each bell is a record of its own, with the name and the house it rings in; the house lists its
//! bells, and a letter may be addressed to any of them. Writing the list of a house hangs up new bells and takes away
//! those that are not on it.
//!
//! The catch: the list is not stored with the house, so there is no second truth; it is read from the bells whenever the house is
//! shown. That makes showing a house cost one read per bell.

use crate::{
    catalog::{Catalog, Selector, Stored, load_any},
    delete::Removal,
    layout,
    plan::Planned,
    problem::{Problem, id_key, one},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use troop_schema::{Entity, Names, Record, Stamp, Violation};
use troop_txn::ReadView;
use uuid::Uuid;

/// Names read in one go.
const NAMES_AT_ONCE: usize = 256;

impl Catalog {
    /// Takes the list of names out of a body. What is no list of texts stays in it, for the judge.
    ///
    /// Kong: null is silence; a name given twice, then one that cannot be a name, then one of another owner.
    pub(crate) fn take_names(
        &self,
        view: &dyn ReadView,
        entity: &Entity,
        body: &mut Record,
        owner: Option<Uuid>,
        now_ms: u64,
    ) -> Result<Option<Vec<String>>, Problem> {
        let Some(names) = entity.names() else {
            return Ok(None);
        };
        if body.get(names.field).is_some_and(Value::is_null) {
            body.remove(names.field);
        }
        let Some(wanted) = body.get(names.field).and_then(texts) else {
            return Ok(None);
        };
        body.remove(names.field);
        refuse_duplicates(names, &wanted)?;
        for name in &wanted {
            self.refuse_owned(view, names, name, owner, now_ms)?;
        }
        Ok(Some(wanted))
    }

    fn refuse_owned(
        &self,
        view: &dyn ReadView,
        names: &Names,
        name: &str,
        owner: Option<Uuid>,
        now_ms: u64,
    ) -> Result<(), Problem> {
        self.judge_key(self.entity(names.entity)?, names.key, name)?;
        match self.owner(view, names, name, now_ms)? {
            Some(other) if Some(other) != owner => {
                let text = format!(
                    "{name} already associated with existing {} '{other}'",
                    names.foreign
                );
                Err(Problem::Schema(Violation::of(names.field, text)))
            }
            _ => Ok(()),
        }
    }

    /// Whose name it is.
    pub(crate) fn owner(
        &self,
        view: &dyn ReadView,
        names: &Names,
        name: &str,
        now_ms: u64,
    ) -> Result<Option<Uuid>, Problem> {
        let selector = Selector::Unique {
            field: names.key,
            value: name.to_owned(),
        };
        let bell = self.load_named(view, self.entity(names.entity)?, &selector, now_ms)?;
        Ok(bell.and_then(|bell| layout::reference(bell.record.get(names.foreign)?)))
    }

    /// What a name in the path of a whole record stands for: the id of its owner, or a new one.
    ///
    /// Kong: the name joins the list in the body, if there is one.
    pub(crate) fn found_by_name(
        &self,
        view: &dyn ReadView,
        selector: &Selector,
        body: &mut Record,
        stamp: &mut Stamp<'_>,
    ) -> Result<Option<Selector>, Problem> {
        let Selector::Named { names, value } = selector else {
            return Ok(None);
        };
        let owner = self.owner(view, names, value, stamp.now_ms())?;
        if let Some(Value::Array(list)) = body.get_mut(names.field)
            && !list.iter().any(|name| name.as_str() == Some(value))
        {
            list.push(value.as_str().into());
        }
        Ok(Some(Selector::Id(owner.unwrap_or_else(|| stamp.uuid()))))
    }

    /// Adds to the plan of a record that its names become these; lists them in what is shown of it.
    pub(crate) fn put_names(
        &self,
        view: &dyn ReadView,
        entity: &Entity,
        wanted: Option<&[String]>,
        plan: &mut Planned,
        stamp: &mut Stamp<'_>,
    ) -> Result<(), Problem> {
        let Some(names) = entity.names() else {
            return Ok(());
        };
        let mut bells = self.bells(view, names, plan.id)?;
        if let Some(wanted) = wanted {
            let table = self.entity(names.entity)?;
            for name in wanted.iter().filter(|name| !bells.contains_key(*name)) {
                let body = Record::from_iter([
                    (names.key.to_owned(), json!(name)),
                    (names.foreign.to_owned(), id_key(&plan.id).into()),
                ]);
                plan.add(self.insert_below_fresh(view, table, body, plan.id, stamp)?);
            }
            for (_, bell) in bells.extract_if(.., |name, _| !wanted.contains(name)) {
                let mut removal = Removal::new(self, view, bell.id);
                removal.take(table, &bell)?;
                plan.add(removal.plan);
            }
        }
        let kept = bells
            .into_keys()
            .chain(wanted.unwrap_or_default().iter().cloned());
        let mut shown: Vec<String> = kept.collect();
        shown.sort_unstable();
        shown.dedup();
        plan.record.extend(one(names.field, shown));
        Ok(())
    }

    /// As a reader sees it, with its names.
    pub(crate) fn show_named(
        &self,
        view: &dyn ReadView,
        entity: &Entity,
        stored: Stored,
        now_ms: u64,
    ) -> Result<Record, Problem> {
        let mut record = self.show(entity, stored.record, now_ms);
        if let Some(names) = entity.names() {
            let shown: Vec<String> = self.bells(view, names, stored.id)?.into_keys().collect();
            record.extend(one(names.field, shown));
        }
        Ok(record)
    }

    /// The records that name `owner`, by name.
    fn bells(
        &self,
        view: &dyn ReadView,
        names: &Names,
        owner: Uuid,
    ) -> Result<BTreeMap<String, Stored>, Problem> {
        let table = self.entity(names.entity)?;
        let prefix = layout::children(names.entity, names.foreign, owner);
        let mut bells = BTreeMap::new();
        let mut after = None;
        loop {
            let rows = view.scan(&prefix, after.as_ref(), NAMES_AT_ONCE)?;
            for id in rows.iter().filter_map(|(key, _)| layout::tail_id(key)) {
                let bell = load_any(view, table, id)?;
                bells.extend(
                    bell.and_then(|bell| Some((bell.record.get(names.key)?.as_str()?.to_owned(), bell))),
                );
            }
            if rows.len() < NAMES_AT_ONCE {
                return Ok(bells);
            }
            after = rows.last().map(|(key, _)| key.clone());
        }
    }
}

/// A list of texts; the empty table is one too.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(list) => list.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
        Value::Object(table) if table.is_empty() => Some(Vec::new()),
        _ => None,
    }
}

fn refuse_duplicates(names: &Names, wanted: &[String]) -> Result<(), Problem> {
    let twice = wanted
        .iter()
        .enumerate()
        .find(|(at, name)| wanted[..*at].contains(name));
    match twice {
        Some((_, name)) => {
            let text = format!("{name} is duplicated");
            Err(Problem::Schema(Violation::of(names.field, text)))
        }
        None => Ok(()),
    }
}
