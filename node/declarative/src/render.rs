//! A change set for people.
//!
//! ```text
//! + services orders (0855b320-…)
//! ~ plugins rate-limiting (7fb4d9fb-…)
//!     config.minute: 5 -> 10
//! - routes old (481a9539-…)
//! 1 to create, 1 to update, 1 to delete
//! ```
//!
//! The catch: this is shown on screens and kept in logs of pipelines. Secrets are covered; that one changed is told, what it
//! was and what it became is not.

use crate::change::{Change, ChangeSet, ChangeStep};
use serde_json::{Value, json};
use std::fmt::Write;
use troop_schema::{Auto, Entity, Record, Registry};

/// How much of a value is shown.
const SHOWN_MAX_CHARS: usize = 120;

/// What is told of a secret that became another.
const SECRET_CHANGED: &str = "changed, not shown";

impl ChangeSet {
    /// For machines: the counts, and each change with what may be shown of it.
    pub fn to_json(&self, registry: &Registry) -> Value {
        let (created, updated, deleted) = self.counts();
        let changes = self.changes().iter();
        let changes =
            changes.filter_map(|change| Some(change_json(registry, registry.entity(change.entity)?, change)));
        json!({
            "create": created, "update": updated, "delete": deleted,
            "changes": changes.collect::<Vec<_>>(),
        })
    }

    /// One line per record, one line per field that changes, and the counts.
    pub fn rendered(&self, registry: &Registry) -> String {
        let mut out = String::new();
        for change in self.changes() {
            if let Some(entity) = registry.entity(change.entity) {
                render(&mut out, registry, entity, change);
            }
        }
        let (created, updated, deleted) = self.counts();
        let _infallible = writeln!(
            out,
            "{created} to create, {updated} to update, {deleted} to delete"
        );
        out
    }
}

fn render(out: &mut String, registry: &Registry, entity: &Entity, change: &Change) {
    let covered = |record: &Record| registry.redacted(entity, record.clone());
    let (sign, record) = match &change.step {
        ChangeStep::Create { after } => ('+', after),
        ChangeStep::Update { after, .. } => ('~', after),
        ChangeStep::Delete { before } => ('-', before),
    };
    let name = label(entity, record, &covered(record));
    let _infallible = writeln!(out, "{sign} {}{name} ({})", change.entity, change.id);
    if let ChangeStep::Update { before, after } = &change.step {
        let sides = Sides {
            before: &Value::Object(before.clone()),
            after: &Value::Object(after.clone()),
            shown_before: &Value::Object(covered(before)),
            shown_after: &Value::Object(covered(after)),
        };
        fields(out, entity, &sides);
    }
}

fn change_json(registry: &Registry, entity: &Entity, change: &Change) -> Value {
    let covered = |record: &Record| Value::Object(registry.redacted(entity, record.clone()));
    let (step, before, after) = match &change.step {
        ChangeStep::Create { after } => ("create", Value::Null, covered(after)),
        ChangeStep::Update { before, after } => ("update", covered(before), covered(after)),
        ChangeStep::Delete { before } => ("delete", covered(before), Value::Null),
    };
    json!({ "step": step, "entity": change.entity, "id": change.id.to_string(), "before": before, "after": after })
}

/// What people call it; nothing if that is a secret.
fn label(entity: &Entity, record: &Record, covered: &Record) -> String {
    entity
        .endpoint_key()
        .into_iter()
        .chain(["name"])
        .filter(|field| record.get(*field) == covered.get(*field))
        .find_map(|field| record.get(field)?.as_str())
        .map(|name| format!(" {name}"))
        .unwrap_or_default()
}

/// A value before and after, and what may be shown of it.
struct Sides<'v> {
    before: &'v Value,
    after: &'v Value,
    shown_before: &'v Value,
    shown_after: &'v Value,
}

impl<'v> Sides<'v> {
    fn member(&self, name: &str) -> Sides<'v> {
        Sides {
            before: member(self.before, name),
            after: member(self.after, name),
            shown_before: member(self.shown_before, name),
            shown_after: member(self.shown_after, name),
        }
    }

    /// The names of members on either side, if both sides have members.
    fn names(&self) -> Option<Vec<&'v String>> {
        let (before, after) = (self.before.as_object()?, self.after.as_object()?);
        let only_after = after.keys().filter(|name| !before.contains_key(*name));
        let mut names: Vec<_> = before.keys().chain(only_after).collect();
        names.sort();
        Some(names)
    }
}

fn member<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// The time of the last write is no news.
fn fields(out: &mut String, entity: &Entity, sides: &Sides<'_>) {
    let clock = |name: &str| {
        let mut filled = entity.self_filled_fields();
        filled.any(|(field, auto)| field == name && auto == Auto::UpdatedAt)
    };
    let names = sides.names().unwrap_or_default();
    for name in names.into_iter().filter(|name| !clock(name)) {
        difference(out, name, &sides.member(name));
    }
}

fn difference(out: &mut String, path: &str, sides: &Sides<'_>) {
    if sides.before == sides.after {
        return;
    }
    if let Some(names) = sides.names() {
        for name in names {
            difference(out, &format!("{path}.{name}"), &sides.member(name));
        }
        return;
    }
    let line = if sides.shown_before == sides.shown_after {
        format!("    {path}: {SECRET_CHANGED}")
    } else {
        format!(
            "    {path}: {} -> {}",
            shown(sides.shown_before),
            shown(sides.shown_after)
        )
    };
    out.push_str(&line);
    out.push('\n');
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
