//! Typed values out of a web form.
//!
//! A form knows only text and lists of text. The schema knows what was meant: `81` for a port is a number, one `paths` is a
//! list of one, an empty string is nothing.
//!
//! The catch: text that does not look like what is wanted stays text, so that judging can say so.

use crate::{
    Record,
    field::{Field, Kind},
    registry::Registry,
    shape::Layers,
};
use serde_json::{Number, Value};

/// Gives every member the type its field has.
pub(crate) fn record(registry: &Registry, layers: Layers<'_>, mut form: Record) -> Record {
    for (name, value) in &mut form {
        let shorthand = || layers.shorthands().find(|s| s.name == name).map(|s| &s.field);
        if let Some(field) = layers.field(name).or_else(shorthand) {
            infer(registry, field, value);
        }
    }
    form
}

/// One value.
pub(crate) fn infer(registry: &Registry, field: &Field, value: &mut Value) {
    if value.as_str() == Some("") {
        *value = Value::Null;
        return;
    }
    match &field.kind {
        Kind::String => {}
        Kind::Number | Kind::Integer => {
            if let Some(number) = value.as_str().and_then(number) {
                *value = Value::Number(number);
            }
        }
        Kind::Boolean => match value.as_str() {
            Some("true") => *value = Value::Bool(true),
            Some("false") => *value = Value::Bool(false),
            _ => {}
        },
        Kind::Array(elements) | Kind::Set(elements) => list(registry, elements, value),
        Kind::Map(_, values) => {
            let members = value.as_object_mut().into_iter().flat_map(Record::values_mut);
            members.for_each(|v| infer(registry, values, v));
        }
        Kind::Record(shape) => inner(registry, Layers::plain(shape), value),
        Kind::Foreign(schema) => inner(registry, Layers::plain(registry.referenced(schema)), value),
    }
}

fn list(registry: &Registry, elements: &Field, value: &mut Value) {
    if !value.is_array() && !value.is_object() {
        *value = Value::Array(vec![value.take()]);
    }
    for element in value.as_array_mut().into_iter().flatten() {
        infer(registry, elements, element);
    }
}

fn inner(registry: &Registry, layers: Layers<'_>, value: &mut Value) {
    if let Value::Object(form) = value {
        *form = record(registry, layers, std::mem::take(form));
    }
}

/// Kong: what Lua's `tonumber` takes: decimal, exponent, hexadecimal, blanks around it.
pub(crate) fn number(text: &str) -> Option<Number> {
    let text = text.trim();
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(digits, 16).ok().map(Number::from);
    }
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    let float: f64 = text.parse().ok().filter(|_| plain)?;
    let mut value = Value::Number(Number::from_f64(float)?);
    crate::tidy(&mut value);
    match value {
        Value::Number(number) => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_lua_does() {
        for (text, wanted) in [
            ("81", Some("81")),
            (" 1e2 ", Some("100")),
            ("0x10", Some("16")),
            ("1.5", Some("1.5")),
            ("x", None),
            ("", None),
            ("inf", None),
            ("nan", None),
        ] {
            assert_eq!(number(text).map(|n| n.to_string()).as_deref(), wanted, "{text}");
        }
    }
}
