//! A record that may be shown to anyone: secrets covered.

use crate::{
    Record,
    field::{Field, Kind},
    shape::Layers,
};
use serde_json::Value;

/// What stands in place of a secret; null stays null, so that "none" can be told from "hidden".
const COVER: &str = "******";

/// Covers the secrets of a record.
pub(crate) fn record(layers: Layers<'_>, record: &mut Record) {
    for (name, value) in record.iter_mut() {
        let shorthand = || layers.shorthands().find(|s| s.name == name).map(|s| &s.field);
        if let Some(field) = layers.field(name).or_else(shorthand) {
            cover(field, value);
        }
    }
}

fn cover(field: &Field, value: &mut Value) {
    if field.secret {
        if !value.is_null() {
            *value = Value::from(COVER);
        }
        return;
    }
    match (&field.kind, value) {
        (Kind::Array(elements) | Kind::Set(elements), Value::Array(list)) => {
            list.iter_mut().for_each(|v| cover(elements, v));
        }
        (Kind::Map(_, values), Value::Object(map)) => map.values_mut().for_each(|v| cover(values, v)),
        (Kind::Record(shape), Value::Object(inner)) => record(Layers::plain(shape), inner),
        _ => {}
    }
}
