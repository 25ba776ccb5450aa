//! What is wrong with a value, in the shape of the value.
//!
//! A corrected exam paper: the red marks sit where the mistakes are. A fault of a record is a table of faults by field, a
//! fault of an array is a list with gaps where elements were right, a fault of a scalar is a sentence.
//!
//! The catch: remarks about several fields together belong to none of them; they are listed under [`ENTITY`].

use serde_json::Value;
use std::collections::BTreeMap;

/// The key under which remarks about an entity as a whole are listed.
pub const ENTITY: &str = "@entity";

/// What is wrong with one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// In words.
    Text(String),
    /// Element by element; `None` where the element is right.
    List(Vec<Option<Fault>>),
    /// Field by field.
    Fields(Faults),
}

impl Fault {
    /// As the `fields` member of an error shows it.
    pub fn to_json(&self) -> Value {
        match self {
            Fault::Text(text) => Value::from(text.as_str()),
            Fault::List(list) => list
                .iter()
                .map(|f| f.as_ref().map_or(Value::Null, Fault::to_json))
                .collect(),
            Fault::Fields(faults) => faults.to_json(),
        }
    }
}

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Fault::Text(text)
    }
}

impl From<&str> for Fault {
    fn from(text: &str) -> Self {
        Fault::Text(text.to_owned())
    }
}

impl From<Faults> for Fault {
    fn from(faults: Faults) -> Self {
        Fault::Fields(faults)
    }
}

/// Faults by field name, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(BTreeMap<String, Fault>);

impl Faults {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One fault of one field.
    pub fn of(field: &str, fault: impl Into<Fault>) -> Self {
        let mut faults = Self::new();
        faults.set(field, fault);
        faults
    }

    /// Notes the fault of a field; an earlier one is replaced.
    pub fn set(&mut self, field: &str, fault: impl Into<Fault>) {
        self.0.insert(field.to_owned(), fault.into());
    }

    /// Notes the fault of a field below others: `config.redis.host`. Where an outer field has a fault in words, it gives way.
    pub fn set_path(&mut self, path: &str, fault: impl Into<Fault>) {
        let Some((head, rest)) = path.split_once('.') else {
            return self.set(path, fault);
        };
        let inner = self
            .0
            .entry(head.to_owned())
            .or_insert_with(|| Fault::Fields(Faults::new()));
        if !matches!(inner, Fault::Fields(_)) {
            *inner = Fault::Fields(Faults::new());
        }
        if let Fault::Fields(inner) = inner {
            inner.set_path(rest, fault);
        }
    }

    /// Adds a remark about the entity as a whole, after those already there.
    pub fn remark(&mut self, text: impl Into<String>) {
        let text = Some(Fault::Text(text.into()));
        match self.0.get_mut(ENTITY) {
            Some(Fault::List(list)) => list.push(text),
            _ => self.set(ENTITY, Fault::List(vec![text])),
        }
    }

    /// The fault of a field, also below others.
    pub fn at(&self, path: &str) -> Option<&Fault> {
        match path.split_once('.') {
            None => self.0.get(path),
            Some((head, rest)) => match self.0.get(head)? {
                Fault::Fields(inner) => inner.at(rest),
                outer => Some(outer),
            },
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Field and fault, sorted by field.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Fault)> {
        self.0.iter().map(|(field, fault)| (field.as_str(), fault))
    }

    /// As the `fields` member of an error shows it.
    pub fn to_json(&self) -> Value {
        self.iter()
            .map(|(field, fault)| (field.to_owned(), fault.to_json()))
            .collect::<crate::Record>()
            .into()
    }

    /// `Ok` when nothing is wrong.
    pub(crate) fn into_result(self) -> Result<(), Faults> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_fault_has_the_shape_of_the_value() {
        let mut faults = Faults::of("hosts", Fault::List(vec![None, Some("bad".into())]));
        faults.set_path("config.redis.host", "required field missing");
        faults.remark("one");
        faults.remark("two");
        assert_eq!(
            faults.to_json(),
            json!({"@entity": ["one", "two"], "config": {"redis": {"host": "required field missing"}}, "hosts": [null, "bad"]})
        );
        assert!(faults.at("config.redis.host").is_some());
        assert!(faults.at("config.redis.port").is_none());
    }
}
