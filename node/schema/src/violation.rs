//! A broken schema, in Kong's words.
//!
//! Every sentence a validator can say stands in this file, and so does the way sentences are counted and joined. Clients
//! parse them.
//!
//! The catch is in [`Violation::message`]: remarks about the whole come first, then fields by name. One level of nesting is
//! written `parent.child: …` and each child counts; anything deeper is one item, printed as a Lua table.

use crate::{
    fault::{ENTITY, Fault, Faults},
    lua,
};
use serde_json::Value;
use std::fmt;

/// A record that does not follow its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(Faults);

impl Violation {
    /// One fault of one field.
    pub fn of(field: &str, fault: impl Into<Fault>) -> Self {
        Violation(Faults::of(field, fault))
    }

    /// The faults.
    pub fn faults(&self) -> &Faults {
        &self.0
    }

    pub(crate) fn into_faults(self) -> Faults {
        self.0
    }

    /// The `fields` member of the error.
    pub fn fields(&self) -> Value {
        self.0.to_json()
    }

    /// The `message` member of the error.
    pub fn message(&self) -> String {
        let items = items(&self.0);
        match items.len() {
            1 => format!("schema violation ({})", items[0]),
            n => format!("{n} schema violations ({})", items.join("; ")),
        }
    }
}

impl From<Faults> for Violation {
    fn from(faults: Faults) -> Self {
        Violation(faults)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for Violation {}

fn items(faults: &Faults) -> Vec<String> {
    let mut items = Vec::new();
    if let Some(Fault::List(remarks)) = faults.at(ENTITY) {
        items.extend(remarks.iter().flatten().map(flat));
    }
    for (field, fault) in faults.iter().filter(|(field, _)| *field != ENTITY) {
        match fault {
            Fault::Text(text) => items.push(format!("{field}: {text}")),
            Fault::List(list) => items
                .extend(numbered(list).map(|(number, inner)| format!("{field}.{number}: {}", flat(inner)))),
            Fault::Fields(inner) => {
                items.extend(
                    inner
                        .iter()
                        .map(|(name, inner)| format!("{field}.{name}: {}", flat(inner))),
                );
            }
        }
    }
    items
}

/// Elements at fault, counted from one as Lua does.
fn numbered(list: &[Option<Fault>]) -> impl Iterator<Item = (usize, &Fault)> {
    list.iter()
        .enumerate()
        .filter_map(|(at, fault)| Some((at + 1, fault.as_ref()?)))
}

fn flat(fault: &Fault) -> String {
    match fault {
        Fault::Text(text) => text.clone(),
        deeper => lua::pretty(deeper),
    }
}

/// The sentences of validators.
pub(crate) mod text {
    use crate::lua;
    use serde_json::Value;

    pub(crate) const REQUIRED: &str = "required field missing";
    pub(crate) const UNKNOWN: &str = "unknown field";
    pub(crate) const MISSING_PRIMARY_KEY: &str = "missing primary key";
    pub(crate) const IMMUTABLE: &str = "immutable field cannot be updated";
    pub(crate) const STRING: &str = "expected a string";
    pub(crate) const NUMBER: &str = "expected a number";
    pub(crate) const INTEGER: &str = "expected an integer";
    pub(crate) const BOOLEAN: &str = "expected a boolean";
    pub(crate) const ARRAY: &str = "expected an array";
    pub(crate) const SET: &str = "expected a set";
    pub(crate) const MAP: &str = "expected a map";
    pub(crate) const RECORD: &str = "expected a record";
    pub(crate) const UUID: &str = "expected a valid UUID";
    pub(crate) const TIMESTAMP: &str = "expected a valid timestamp";

    pub(crate) fn eq(value: &Value) -> String {
        format!("value must be {}", lua::text(value))
    }

    pub(crate) fn ne(value: &Value) -> String {
        format!("value must not be {}", lua::text(value))
    }

    pub(crate) fn one_of(values: &[Value]) -> String {
        format!("expected one of: {}", joined(values))
    }

    pub(crate) fn not_one_of(values: &[Value]) -> String {
        format!("must not be one of: {}", joined(values))
    }

    pub(crate) fn gt(bound: f64) -> String {
        format!("value must be greater than {}", lua::number(bound))
    }

    /// Kong: bounds are told without their fractions.
    pub(crate) fn between(low: f64, high: f64) -> String {
        format!(
            "value should be between {} and {}",
            lua::number(low.trunc()),
            lua::number(high.trunc())
        )
    }

    pub(crate) fn len_eq(len: usize) -> String {
        format!("length must be {len}")
    }

    pub(crate) fn len_min(len: usize) -> String {
        format!("length must be at least {len}")
    }

    pub(crate) fn len_max(len: usize) -> String {
        format!("length must be at most {len}")
    }

    pub(crate) fn starts_with(head: &str) -> String {
        format!("should start with: {head}")
    }

    pub(crate) fn invalid(value: &Value) -> String {
        format!("invalid value: {}", lua::text(value))
    }

    pub(crate) fn not_a_regex(value: &Value) -> String {
        format!("not a valid regex: {}", lua::text(value))
    }

    pub(crate) fn contains(value: &Value) -> String {
        format!("expected to contain: {}", lua::text(value))
    }

    pub(crate) fn unknown_type(key: &str) -> String {
        format!("unknown type: {key}")
    }

    /// Two or more groups, of each of which something is set.
    pub(crate) fn exclusive_sets(groups: &[&[&'static str]]) -> String {
        let groups: Vec<_> = groups
            .iter()
            .map(|group| format!("({})", quoted(group)))
            .collect();
        format!("these sets are mutually exclusive: {}", groups.join(", "))
    }

    pub(crate) fn at_least_one_of(fields: &[&'static str], updating: bool) -> String {
        let when = if updating { "when updating, " } else { "" };
        format!(
            "{when}at least one of these fields must be non-empty: {}",
            quoted(fields)
        )
    }

    pub(crate) fn only_one_of(fields: &[&'static str]) -> String {
        format!(
            "exactly one of these fields must be non-empty: {}",
            quoted(fields)
        )
    }

    pub(crate) fn mutually_required(fields: &[&'static str]) -> String {
        format!("all or none of these fields must be set: {}", quoted(fields))
    }

    pub(crate) fn mutually_exclusive(fields: &[&'static str]) -> String {
        format!("only one or none of these fields must be set: {}", quoted(fields))
    }

    pub(crate) fn distinct(fields: &[&'static str]) -> String {
        format!("values of these fields must be distinct: {}", quoted(fields))
    }

    pub(crate) fn conditional(if_field: &str) -> String {
        format!("failed conditional validation given value of field '{if_field}'")
    }

    fn joined(values: &[Value]) -> String {
        values.iter().map(lua::text).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn quoted(names: &[&'static str]) -> String {
        names
            .iter()
            .map(|name| format!("'{name}'"))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_come_first_and_depth_two_is_one_item() {
        let mut faults = Faults::of("name", "bad");
        faults.set_path("healthchecks.active.timeout", "a");
        faults.set_path("healthchecks.active.type", "b");
        faults.set("hosts", Fault::List(vec![None, Some("c".into())]));
        faults.remark("whole");
        assert_eq!(
            Violation::from(faults).message(),
            "4 schema violations (whole; healthchecks.active: {\n  timeout = \"a\",\n  type = \"b\"\n}; hosts.2: c; name: bad)"
        );
    }
}
