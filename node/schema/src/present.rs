//! What a reader sees besides what is stored: old names of fields, with the values of the new ones.

use crate::{
    Record,
    field::Kind,
    shape::{Layers, value_at},
};
use serde_json::Value;

/// Adds the echoes of shorthands, at every depth.
pub(crate) fn record(layers: Layers<'_>, record: &mut Record) {
    for (name, field) in layers.fields() {
        if let (Kind::Record(shape), Some(Value::Object(inner))) = (&field.kind, record.get_mut(name)) {
            self::record(Layers::plain(shape), inner);
        }
    }
    for shorthand in layers.shorthands() {
        if let Some(path) = shorthand.echo {
            let value = value_at(record, path).clone();
            record.insert(shorthand.name.to_owned(), value);
        }
    }
}
