//! Writing the records of one entity into the new house.
//!
//! Records of one entity do not depend on each other, so several are under way at once: each waits for the cluster's
//! agreement, and waiting together costs no more than waiting alone.
//!
//! The catch: a record may have members that this build does not know, from a newer Kong or another edition. The node says so; as
//! long as nothing stands in them they are dropped and the record is sent again. If something stands there, it is refused with
//! the node's words, for what it asks for would not be done.

use super::{
    alike,
    house::House,
    report::{Became, Tally},
};
use crate::{client::message_of, failure::Failure, http::Question};
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};
use troop_schema::{Entity, Record, Registry};

/// Records under way at once: enough to share the cluster's rounds of agreement, few enough to leave it to its traffic.
const CARRIERS: usize = 8;

/// How often a record is sent when the node cannot take it now: an election is over after two.
const ATTEMPTS_MAX: u32 = 6;

/// Before the second attempt; twice as long before each further one.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Carries records of one entity.
pub(super) struct Carrier<'a> {
    new: &'a House,
    registry: &'a Registry,
    entity: &'a Entity,
    dry_run: bool,
}

impl<'a> Carrier<'a> {
    pub(super) fn new(new: &'a House, registry: &'a Registry, entity: &'a Entity, dry_run: bool) -> Self {
        Carrier {
            new,
            registry,
            entity,
            dry_run,
        }
    }

    /// What the new house has already, by id.
    pub(super) fn inventory(&self) -> Result<HashMap<String, Record>, Failure> {
        let mut found = HashMap::new();
        self.new.each_room(self.registry, self.entity, &mut |records| {
            found.extend(records.into_iter().map(|record| (id(&record), record)));
            Ok(())
        })?;
        Ok(found)
    }

    /// Carries these over and notes what became of each.
    pub(super) fn carry(
        &self,
        records: Vec<Record>,
        there: &HashMap<String, Record>,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let next = AtomicUsize::new(0);
        let notes = Mutex::new((tally, None));
        let work = || {
            while let Some(record) = records.get(next.fetch_add(1, Ordering::Relaxed)) {
                let became = self.one(record, there.get(&id(record)));
                let mut notes = notes
                    .lock()
                    .expect("invariant: nobody panics while holding the notes");
                match became {
                    Ok(became) => notes.0.note(record, became),
                    Err(failure) => {
                        // The others stop at their next record.
                        next.store(records.len(), Ordering::Relaxed);
                        notes.1 = Some(failure);
                    }
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..CARRIERS.min(records.len()) {
                scope.spawn(work);
            }
        });
        let (_, failure) = notes
            .into_inner()
            .expect("invariant: nobody panics while holding the notes");
        failure.map_or(Ok(()), Err)
    }

    fn one(&self, record: &Record, there: Option<&Record>) -> Result<Became, Failure> {
        let mut record = record.clone();
        // Host names of certificates are carried as records of their own.
        if let Some(names) = self.entity.names() {
            record.remove(names.field);
        }
        if there.is_some_and(|there| alike::is_there(&record, there)) {
            return Ok(Became::Unchanged);
        }
        let became = if there.is_some() {
            Became::Changed
        } else {
            Became::Created
        };
        let mut answer = self.send(&record, there.is_some())?;
        if let Some(reason) = &answer
            && drop_unknown(&mut record, &reason.fields)
        {
            answer = self.send(&record, there.is_some())?;
        }
        Ok(answer.map_or(became, |no| Became::Refused(no.message)))
    }

    /// Sends a record; none when it was taken, else the node's words.
    fn send(&self, record: &Record, exists: bool) -> Result<Option<No>, Failure> {
        let mut pause = RETRY_PAUSE;
        for attempt in 1.. {
            let (method, path) = self.door(record, exists || attempt > 1 && !self.entity.is_top_level());
            let body = self.body(record);
            let answer = self.new.ask(Question {
                method,
                path: &path,
                body: Some(&body),
            });
            match answer {
                Ok(answer) if (200..300).contains(&answer.status) => return Ok(None),
                Ok(answer) if answer.status < 500 => return Ok(Some(No::read(answer.status, &answer.body))),
                Ok(answer) if attempt >= ATTEMPTS_MAX => {
                    return Ok(Some(No::read(answer.status, &answer.body)));
                }
                Err(failure) if attempt >= ATTEMPTS_MAX => return Err(failure),
                Ok(_) | Err(_) => thread::sleep(pause),
            }
            pause *= 2;
        }
        unreachable!("invariant: the loop returns at its last attempt")
    }

    /// Where a record is handed in. What exists is changed in place: replacing a certificate would drop its names.
    ///
    /// Kong: targets are made by `POST` only.
    fn door(&self, record: &Record, exists: bool) -> (&'static str, String) {
        let (entity, id) = (self.entity, id(record));
        if self.dry_run {
            return ("POST", format!("/schemas/{}/validate", entity.name()));
        }
        let collection = match self.parent(record) {
            Some((path, parent)) if !entity.is_top_level() => {
                format!("/{path}/{parent}/{}", entity.nested_path())
            }
            _ => format!("/{}", entity.admin_path()),
        };
        match (exists, entity.is_top_level()) {
            (true, _) => ("PATCH", format!("{collection}/{id}?transform=0")),
            (false, true) => ("PUT", format!("{collection}/{id}?transform=0")),
            (false, false) => ("POST", format!("{collection}?transform=0")),
        }
    }

    /// The record it is listed below.
    fn parent(&self, record: &Record) -> Option<(&'static str, String)> {
        let mut foreigns = self.entity.foreigns();
        foreigns.find_map(|foreign| {
            let parent = self.registry.entity(foreign.reference)?;
            let id = record.get(foreign.field)?.get("id")?.as_str()?;
            Some((parent.admin_path(), id.to_owned()))
        })
    }

    fn body(&self, record: &Record) -> String {
        let mut record = record.clone();
        if self.dry_run {
            // Judged beside the fields, not among them.
            record.remove("ttl");
        }
        Value::Object(record).to_string()
    }
}

fn id(record: &Record) -> String {
    record
        .get("id")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// A refusal.
struct No {
    message: String,
    fields: Value,
}

impl No {
    fn read(status: u16, body: &[u8]) -> Self {
        let document: Value = serde_json::from_slice(body).unwrap_or_default();
        No {
            message: format!("{status}: {}", message_of(body)),
            fields: document.get("fields").cloned().unwrap_or_default(),
        }
    }
}

/// Kong: what is said of a member that no table has.
const UNKNOWN: &str = "unknown field";

/// Drops the members that are called unknown, if nothing stands in any of them. Says whether it dropped some.
fn drop_unknown(record: &mut Record, fields: &Value) -> bool {
    let mut paths = Vec::new();
    unknown(fields, &mut Vec::new(), &mut paths);
    if paths.is_empty() || !paths.iter().all(|path| is_empty(record, path)) {
        return false;
    }
    for path in &paths {
        let (last, above) = path.split_last().expect("invariant: a path has a member");
        let inner = above
            .iter()
            .try_fold(&mut *record, |inner, name| inner.get_mut(name)?.as_object_mut());
        if let Some(inner) = inner {
            inner.remove(last);
        }
    }
    true
}

fn unknown(fields: &Value, path: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    match fields {
        Value::String(text) if text == UNKNOWN => paths.push(path.clone()),
        Value::Object(members) => {
            for (name, inner) in members {
                path.push(name.clone());
                unknown(inner, path, paths);
                path.pop();
            }
        }
        _ => {}
    }
}

fn is_empty(record: &Record, path: &[String]) -> bool {
    let (first, rest) = path.split_first().expect("invariant: a path has a member");
    let value = rest
        .iter()
        .try_fold(record.get(first), |value, name| Some(value?.get(name)));
    match value.flatten() {
        None | Some(Value::Null) => true,
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(map)) => map.is_empty(),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(record: Value, fields: Value, expected: Option<Value>) {
        let mut dropped = record.as_object().cloned().unwrap();
        let dropped = drop_unknown(&mut dropped, &fields).then_some(Value::Object(dropped));
        assert_eq!(dropped, expected, "{record} {fields}");
    }

    #[test]
    fn empty_members_that_are_unknown_are_dropped() {
        check(
            json!({"a": 1, "b": null}),
            json!({"b": "unknown field"}),
            Some(json!({"a": 1})),
        );
        check(
            json!({"config": {"x": {"y": null, "z": 1}}, "o": []}),
            json!({"config": {"x": {"y": "unknown field"}}, "o": "unknown field"}),
            Some(json!({"config": {"x": {"z": 1}}})),
        );
    }

    #[test]
    fn a_member_with_something_in_it_is_not_dropped() {
        check(
            json!({"a": 1, "b": null}),
            json!({"a": "unknown field", "b": "unknown field"}),
            None,
        );
        check(json!({"a": 1}), json!({"a": "expected a string"}), None);
        check(json!({"a": false}), json!({"a": "unknown field"}), None);
    }
}
