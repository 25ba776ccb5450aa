//! Filling in what the sender left out.
//!
//! The clerk's part of the form: spread shorthands over their fields, stamp dates and number, write the printed default into
//! empty boxes, strike duplicates from sets.
//!
//! The catch: a PATCH is a partial form. Its gaps mean "as it was", so nothing is filled in before it is laid over the
//! stored record; but members of a new array element or map value have no stored counterpart and get their defaults after.
//! That is why completing has three [`Stage`]s. Shorthands that share their name with a field (an upstream's `hash_on`)
//! couple fields; they hold for the finished record too, but only once it was judged: see [`couple`].

use crate::{
    Record,
    fault::{Fault, Faults},
    field::{Auto, Field, Kind},
    registry::Registry,
    rule::Rule,
    shape::{Layers, Shorthand},
    stamp::Stamp,
    validate::Validator,
};
use serde_json::Value;

/// How much there is to fill in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A whole new record.
    New,
    /// A partial one, before it is laid over the stored one.
    Partial,
    /// After that.
    Merged,
}

/// Fills in one record.
pub(crate) struct Completion<'c, 's> {
    pub(crate) registry: &'c Registry,
    pub(crate) stamp: &'c mut Stamp<'s>,
    pub(crate) stage: Stage,
}

impl Completion<'_, '_> {
    /// # Errors
    /// A shorthand that is not what it should be.
    pub(crate) fn shape(&mut self, layers: Layers<'_>, record: &mut Record) -> Result<(), Faults> {
        self.expand(layers, record)?;
        for (name, field) in layers.fields() {
            self.member(name, field, record)?;
        }
        Ok(())
    }

    fn expand(&self, layers: Layers<'_>, record: &mut Record) -> Result<(), Faults> {
        let mut faults = Faults::new();
        for shorthand in layers.shorthands() {
            if let Err(fault) = self.expand_one(shorthand, record) {
                faults.set(shorthand.name, fault);
            }
        }
        faults.into_result()
    }

    fn expand_one(&self, shorthand: &Shorthand, record: &mut Record) -> Result<(), Fault> {
        let Some(value) = record.get(shorthand.name) else {
            return Ok(());
        };
        Validator::new(self.registry, false).field(&shorthand.field, value)?;
        spread(shorthand, record);
        Ok(())
    }

    fn member(&mut self, name: &'static str, field: &Field, record: &mut Record) -> Result<(), Faults> {
        if field.auto == Some(Auto::UpdatedAt) && self.stage != Stage::Merged {
            record.insert(name.to_owned(), self.now(field));
        }
        if field.auto == Some(Auto::CreatedAt) && record.get(name).is_some_and(Value::is_null) {
            record.remove(name); // Kong: null asks for now
        }
        if !record.contains_key(name) {
            match self.missing(field) {
                Some(value) => record.insert(name.to_owned(), value),
                None => return Ok(()),
            };
        }
        let value = record.get_mut(name).expect("invariant: inserted above if absent");
        self.value(field, value).map_err(|fault| Faults::of(name, fault))
    }

    /// What stands in an empty box; nothing while the record is partial.
    fn missing(&mut self, field: &Field) -> Option<Value> {
        match self.stage {
            Stage::Partial => None,
            Stage::New => Some(self.auto(field).unwrap_or_else(|| default(field))),
            Stage::Merged => Some(default(field)),
        }
    }

    fn auto(&mut self, field: &Field) -> Option<Value> {
        Some(match field.auto? {
            Auto::Id => self.stamp.uuid().to_string().into(),
            Auto::CreatedAt | Auto::UpdatedAt => self.now(field),
            Auto::Token => self.stamp.token().into(),
        })
    }

    /// Kong: only fields that are numbers rather than integers keep milliseconds.
    fn now(&self, field: &Field) -> Value {
        match field.kind {
            Kind::Number => self.stamp.seconds_with_fraction(),
            _ => self.stamp.seconds(),
        }
    }

    /// Inside of one value. A value of the wrong kind is left as it is: judging comes later.
    fn value(&mut self, field: &Field, value: &mut Value) -> Result<(), Fault> {
        match &field.kind {
            Kind::Array(elements) => self.list(elements, value),
            Kind::Set(elements) => {
                self.list(elements, value)?;
                strike_duplicates(value);
                Ok(())
            }
            Kind::Map(_, values) => {
                table_if_empty(value);
                let members = value.as_object_mut().into_iter().flat_map(Record::values_mut);
                members.into_iter().try_for_each(|v| self.value(values, v))
            }
            Kind::Record(shape) => {
                table_if_empty(value);
                match value.as_object_mut() {
                    Some(record) => Ok(self.shape(Layers::plain(shape), record)?),
                    None => Ok(()),
                }
            }
            Kind::Foreign(_) => {
                if let Some(Value::String(id)) = value.get_mut("id") {
                    id.make_ascii_lowercase();
                }
                Ok(())
            }
            Kind::String => {
                let is_id = field.rules.iter().any(|rule| matches!(rule, Rule::Uuid));
                if let (true, Value::String(id)) = (is_id, value) {
                    id.make_ascii_lowercase();
                }
                Ok(())
            }
            Kind::Number | Kind::Integer | Kind::Boolean => Ok(()),
        }
    }

    fn list(&mut self, elements: &Field, value: &mut Value) -> Result<(), Fault> {
        if value.as_object().is_some_and(Record::is_empty) {
            *value = Value::Array(Vec::new()); // Kong: an empty table is either
        }
        value
            .as_array_mut()
            .into_iter()
            .flatten()
            .try_for_each(|element| self.value(elements, element))
    }
}

/// Brings coupled fields into agreement: the last step before a judged record is stored.
pub(crate) fn couple(layers: Layers<'_>, record: &mut Record) {
    for shorthand in layers.shorthands() {
        spread(shorthand, record);
    }
}

fn spread(shorthand: &Shorthand, record: &mut Record) {
    if let Some(value) = record.remove(shorthand.name) {
        lay_over(record, (shorthand.expand)(&value));
    }
}

/// Records that are always there start empty and are filled by their members' defaults.
pub(crate) fn default(field: &Field) -> Value {
    match (&field.default, &field.kind) {
        (Some(value), _) => value.clone(),
        (None, Kind::Record(_)) if field.required => Value::Object(Record::new()),
        (None, _) => Value::Null,
    }
}

fn table_if_empty(value: &mut Value) {
    if value.as_array().is_some_and(Vec::is_empty) {
        *value = Value::Object(Record::new());
    }
}

fn strike_duplicates(value: &mut Value) {
    if let Some(list) = value.as_array_mut() {
        let mut kept: Vec<Value> = Vec::with_capacity(list.len());
        for element in list.drain(..) {
            if !kept.contains(&element) {
                kept.push(element);
            }
        }
        *list = kept;
    }
}

/// Lays members over those of `record`, member by member where both are tables.
fn lay_over(record: &mut Record, upper: Record) {
    for (name, value) in upper {
        match (record.get_mut(&name), value) {
            (Some(Value::Object(lower)), Value::Object(upper)) => lay_over(lower, upper),
            (_, value) => {
                record.insert(name, value);
            }
        }
    }
}
