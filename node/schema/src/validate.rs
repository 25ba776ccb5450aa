//! Judging a record: the only place that walks values and rules together.
//!
//! Fields first, each with its first broken rule; then what is missing; then the checks over several fields.
//!
//! The catch is in references. `{"id": …}` is what is stored, but a sender may name the other record by any unique field, and
//! the catalog replaces that by the id before judging. What still has no id here is wrong, and is told so in terms of the
//! other schema: an unknown member if it has one, a missing primary key otherwise.

use crate::{
    Record,
    check::Checks,
    fault::{Fault, Faults},
    field::{Field, Kind},
    registry::Registry,
    rule::Rule,
    shape::{Layers, Shape},
    vault_reference::is_vault_reference,
    violation::text,
};
use serde_json::Value;

/// Kong: what a record field that nothing specialised says.
const NOT_SPECIALISED: &str = "error in schema definition: abstract field was not specialized";

/// Walks values along their schema.
pub(crate) struct Validator<'r> {
    registry: &'r Registry,
    updating: bool,
}

impl<'r> Validator<'r> {
    pub(crate) fn new(registry: &'r Registry, updating: bool) -> Self {
        Validator { registry, updating }
    }

    /// The whole record: fields, missing ones, checks.
    pub(crate) fn shape(&self, layers: Layers<'_>, record: &Record) -> Result<(), Faults> {
        let mut faults = self.given(layers, record);
        for (name, field) in layers.fields() {
            if field.required && !record.contains_key(name) {
                faults.set(name, text::REQUIRED);
            }
        }
        let checks = Checks {
            validator: self,
            layers,
            record,
            updating: self.updating,
        };
        checks.run(&mut faults);
        faults.into_result()
    }

    /// Only the members that are there.
    fn given(&self, layers: Layers<'_>, record: &Record) -> Faults {
        let mut faults = Faults::new();
        for (name, value) in record {
            match layers.field(name) {
                None => faults.set(name, text::UNKNOWN),
                Some(field) => {
                    if let Err(fault) = self.field(field, value) {
                        faults.set(name, fault);
                    }
                }
            }
        }
        faults
    }

    /// One value.
    pub(crate) fn field(&self, field: &Field, value: &Value) -> Result<(), Fault> {
        if value.is_null() {
            return null(field);
        }
        if field.referenceable && is_vault_reference(value) {
            return Ok(()); // what it stands for is not known yet
        }
        if let Some(Rule::Eq(Value::Null)) = field.rules.first() {
            return Err(in_own_words(field, Fault::Text(text::eq(&Value::Null))));
        }
        if field.specialised_later {
            return Err(NOT_SPECIALISED.into());
        }
        self.kind(&field.kind, value)?;
        field
            .rules
            .iter()
            .try_for_each(|rule| rule.judge(value).map_err(|fault| in_own_words(field, fault)))
    }

    fn kind(&self, kind: &Kind, value: &Value) -> Result<(), Fault> {
        match (kind, value) {
            (Kind::String, Value::String(_))
            | (Kind::Boolean, Value::Bool(_))
            | (Kind::Number, Value::Number(_)) => Ok(()),
            (Kind::Integer, Value::Number(n)) if n.as_f64().is_some_and(|n| n.fract() == 0.0) => Ok(()),
            (Kind::Array(elements) | Kind::Set(elements), Value::Array(list)) => {
                self.elements(elements, list)
            }
            (Kind::Map(keys, values), Value::Object(map)) => self.map(keys, values, map),
            (Kind::Map(keys, _), Value::Array(list)) if !list.is_empty() => {
                self.field(keys, &Value::from(1)) // Kong: the keys of an array are numbers
            }
            (Kind::Record(shape), Value::Object(map)) => Ok(self.shape(Layers::plain(shape), map)?),
            (Kind::Record(_), Value::Array(list)) if !list.is_empty() => {
                Err(Fault::List(vec![Some(text::UNKNOWN.into()); list.len()])) // Kong: so are its members' names
            }
            (Kind::Map(..) | Kind::Record(_), Value::Array(_)) => Ok(()),
            (Kind::Foreign(schema), _) => self.foreign(schema, value),
            (kind, _) => Err(expected(kind).into()),
        }
    }

    fn elements(&self, elements: &Field, list: &[Value]) -> Result<(), Fault> {
        let mut faults = Vec::new();
        for (at, value) in list.iter().enumerate() {
            if let Err(fault) = self.field(elements, value) {
                faults.resize(at, None);
                faults.push(Some(fault));
            }
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Fault::List(faults))
        }
    }

    /// The first bad key or value speaks for the whole map.
    fn map(&self, keys: &Field, values: &Field, map: &Record) -> Result<(), Fault> {
        map.iter().try_for_each(|(key, value)| {
            self.field(keys, &Value::from(key.as_str()))?;
            self.field(values, value)
        })
    }

    fn foreign(&self, schema: &str, value: &Value) -> Result<(), Fault> {
        let shape = self.registry.referenced(schema);
        let Some(given) = value.as_object() else {
            return Err(Faults::of("id", text::MISSING_PRIMARY_KEY).into());
        };
        let Err(fault) = self.primary_key(shape, given) else {
            return Ok(());
        };
        self.given(Layers::plain(shape), given).into_result()?;
        Err(fault.into())
    }

    fn primary_key(&self, shape: &Shape, given: &Record) -> Result<(), Faults> {
        let Some(id) = given.get("id") else {
            return Err(Faults::of("id", text::MISSING_PRIMARY_KEY));
        };
        let field = shape.field("id").cloned().map(Field::required);
        let verdict = field.map_or(Ok(()), |field| self.field(&field, id));
        verdict.map_err(|fault| Faults::of("id", fault))
    }
}

fn null(field: &Field) -> Result<(), Fault> {
    match field
        .rules
        .iter()
        .find(|r| matches!(r, Rule::Eq(_) | Rule::Ne(Value::Null)))
    {
        Some(Rule::Eq(wanted)) if !wanted.is_null() => Err(in_own_words(field, text::eq(wanted).into())),
        Some(Rule::Ne(refused)) => Err(in_own_words(field, text::ne(refused).into())),
        _ if field.required => Err(text::REQUIRED.into()),
        _ => Ok(()),
    }
}

fn in_own_words(field: &Field, fault: Fault) -> Fault {
    field.err.map_or(fault, Fault::from)
}

fn expected(kind: &Kind) -> &'static str {
    match kind {
        Kind::String => text::STRING,
        Kind::Number => text::NUMBER,
        Kind::Integer => text::INTEGER,
        Kind::Boolean => text::BOOLEAN,
        Kind::Array(_) => text::ARRAY,
        Kind::Set(_) => text::SET,
        Kind::Map(..) => text::MAP,
        Kind::Record(_) | Kind::Foreign(_) => text::RECORD,
    }
}
