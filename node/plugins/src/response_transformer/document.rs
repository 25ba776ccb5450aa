//! A JSON object whose members are changed, values being of a configured type.

use crate::transform::{Changes, Target, appended};
use bytes::Bytes;
use serde_json::{Map, Number, Value};
use std::convert::Infallible;

/// What a value's text stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Number,
    Flag,
}

/// The value that a text stands for; none if it does not stand for one of this type.
pub(super) fn value(text: &str, kind: Type) -> Option<Value> {
    match kind {
        Type::Text => Some(text.into()),
        // Kong: whatever is not `true` is false.
        Type::Flag => Some((text == "true").into()),
        Type::Number => match text.parse::<i64>() {
            Ok(whole) => Some(whole.into()),
            Err(_) => Number::from_f64(text.parse().ok()?).map(Value::Number),
        },
    }
}

/// The document after the changes; none if it is no JSON object.
pub(super) fn changed(document: &[u8], changes: &Changes<Option<Value>>) -> Option<Bytes> {
    let mut object = Object(serde_json::from_slice(document).ok()?);
    let Ok(()) = changes.apply(&mut object, |value| Ok::<_, Infallible>(value.clone()));
    Some(Value::Object(object.0).to_string().into())
}

struct Object(Map<String, Value>);

impl Target<Option<Value>> for Object {
    fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    fn rename(&mut self, old: &str, new: &str) {
        if let Some(value) = self.0.remove(old) {
            self.0.insert(new.to_owned(), value);
        }
    }

    fn set(&mut self, name: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value);
        }
    }

    fn append(&mut self, name: &str, value: Option<Value>) {
        if let Some(value) = value {
            let there = self.0.remove(name);
            self.0.insert(name.to_owned(), appended(there, value));
        }
    }
}
