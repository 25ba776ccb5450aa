//! Typed reading of a stored configuration.
//!
//! The schema has filled in defaults and checked types when the record was written, so a missing or odd value here means a record
//! that some other version wrote: it reads as absent, and what must not be absent is an error with the field's name.

use http::HeaderName;
use serde_json::Value;
use std::time::Duration;
use troop_plugin_api::Misconfigured;
use troop_schema::{Fault, Field, Record};

/// A configuration to read from.
pub(crate) struct Config<'a>(pub &'a Record);

impl<'a> Config<'a> {
    /// A text that may be absent.
    pub fn text(&self, field: &str) -> Option<&'a str> {
        self.0.get(field).and_then(Value::as_str)
    }

    /// A list of texts that may be absent.
    pub fn texts_if_any(&self, field: &'static str) -> Result<Option<Vec<String>>, Misconfigured> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.texts(field).map(Some),
        }
    }

    /// A list of texts.
    pub fn texts(&self, field: &'static str) -> Result<Vec<String>, Misconfigured> {
        let list = self.0.get(field).and_then(Value::as_array);
        let list = list.ok_or_else(|| wrong(field, "a list is missing"))?;
        list.iter()
            .map(|v| {
                v.as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| wrong(field, "not a list of texts"))
            })
            .collect()
    }

    /// A yes or no.
    pub fn flag(&self, field: &'static str) -> Result<bool, Misconfigured> {
        let value = self.0.get(field).and_then(Value::as_bool);
        value.ok_or_else(|| wrong(field, "neither true nor false"))
    }

    /// A number that may be absent.
    pub fn number(&self, field: &str) -> Option<f64> {
        self.0.get(field).and_then(Value::as_f64)
    }

    /// A span of time in milliseconds.
    pub fn milliseconds(&self, field: &'static str, usual: f64) -> Result<Duration, Misconfigured> {
        let milliseconds = self.number(field).unwrap_or(usual);
        Duration::try_from_secs_f64(milliseconds / 1_000.0).map_err(|_| wrong(field, "out of range"))
    }

    /// A whole number within the type's range.
    pub fn whole<T: TryFrom<i64>>(&self, field: &'static str) -> Result<T, Misconfigured> {
        let value = self.0.get(field).and_then(Value::as_i64);
        let value = value.ok_or_else(|| wrong(field, "not a whole number"))?;
        T::try_from(value).map_err(|_| wrong(field, "out of range"))
    }
}

/// A complaint about a field.
pub(crate) fn wrong(field: &'static str, problem: &str) -> Misconfigured {
    Misconfigured {
        field,
        problem: problem.to_owned(),
    }
}

/// A yes or no that has a default.
pub(crate) fn flag(default: bool) -> Field {
    Field::boolean().required().default(default)
}

/// The name of a header field to be changed. The words of the refusal are Kong's.
pub(crate) fn is_header_name(name: &str) -> Result<(), Fault> {
    match HeaderName::try_from(name) {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("'{name}' is not a valid header").into()),
    }
}

/// Kong: header names in configurations are letters, digits, `_` and `-` only; the words of the refusal are Kong's.
pub(crate) fn header_name(name: &str) -> Result<(), String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if name.bytes().all(fits) {
        Ok(())
    } else {
        Err(format!(
            "bad header name '{name}', allowed characters are A-Z, a-z, 0-9, '_', and '-'"
        ))
    }
}
