//! Fields when the head is known; members of a JSON document when all of the body is there.
//!
//! A document is gathered piece by piece and sent as one. The catch is a document without an end: one that grows beyond what may be held
//! in memory is sent on as it came.

use super::document::{self, Type};
use crate::{
    config::wrong,
    transform::{Changes, Target},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde_json::Value;
use std::convert::Infallible;
use troop_plugin_api::{Chunk, Failure, Handler, Misconfigured, Phases, Response, Shared};
use troop_schema::Record;

/// Marks a response whose document is to be changed, and holds what has come of it.
const GATHERED: &str = "response-transformer";

/// As large as a request's body may be for a plugin to look into it.
const DOCUMENT_MAX_BYTES: usize = 8 * 1024 * 1024;

/// One configured instance.
pub(super) struct Transformer {
    headers: Changes<String>,
    json: Changes<Option<Value>>,
}

impl Transformer {
    /// Parses a configuration.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        Ok(Transformer {
            headers: Changes::configure(config, "headers", |_, text, _| Ok(text.to_owned()))?,
            json: Changes::configure(config, "json", |action, text, at| {
                Ok(document::value(text, kind(config, action, at)?))
            })?,
        })
    }
}

/// Kong: types are listed beside the values; values beyond the end of that list are texts.
fn kind(config: &Record, action: &str, at: usize) -> Result<Type, Misconfigured> {
    let listed = config
        .get(action)
        .and_then(|of| of.get("json_types"))
        .and_then(|list| list.get(at));
    match listed.and_then(Value::as_str) {
        None | Some("string") => Ok(Type::Text),
        Some("number") => Ok(Type::Number),
        Some("boolean") => Ok(Type::Flag),
        Some(_) => Err(wrong("json_types", "not one of boolean, number, string")),
    }
}

fn is_json(response: &Response<'_>) -> bool {
    let mut json = false;
    response.each_header("content-type", &mut |value| {
        json |= String::from_utf8_lossy(value)
            .to_ascii_lowercase()
            .contains("application/json")
    });
    json
}

/// A response's fields. Names that are none are never there and cannot be set.
struct Fields<'r, 'a>(&'r mut Response<'a>);

impl Target for Fields<'_, '_> {
    fn has(&self, name: &str) -> bool {
        let mut found = false;
        self.0
            .each_header(&name.to_ascii_lowercase(), &mut |_| found = true);
        found
    }

    fn remove(&mut self, name: &str) {
        if let Ok(name) = HeaderName::try_from(name) {
            self.0.remove_header(name);
        }
    }

    fn rename(&mut self, old: &str, new: &str) {
        let mut values = Vec::new();
        self.0.each_header(&old.to_ascii_lowercase(), &mut |value| {
            values.push(value.to_vec())
        });
        self.remove(old);
        self.remove(new);
        for value in values {
            self.append(new, String::from_utf8_lossy(&value).into_owned());
        }
    }

    fn set(&mut self, name: &str, value: String) {
        self.remove(name);
        self.append(name, value);
    }

    fn append(&mut self, name: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            self.0.add_header(name, value);
        }
    }
}

impl Handler for Transformer {
    fn phases(&self) -> Phases {
        if self.json.is_empty() {
            Phases::HEADER_FILTER
        } else {
            Phases::HEADER_FILTER | Phases::BODY_FILTER
        }
    }

    fn header_filter(&self, shared: &mut Shared, response: &mut Response<'_>) -> Result<(), Failure> {
        let Ok(()) = self
            .headers
            .apply(&mut Fields(response), |text| Ok::<_, Infallible>(text.clone()));
        if !self.json.is_empty() && is_json(response) {
            shared.put(GATHERED, Vec::<u8>::new());
        }
        Ok(())
    }

    fn body_filter(&self, shared: &mut Shared, chunk: &mut Chunk) -> Result<(), Failure> {
        let Some(mut gathered) = shared.take::<Vec<u8>>(GATHERED) else {
            return Ok(());
        };
        gathered.extend_from_slice(&chunk.data);
        if gathered.len() > DOCUMENT_MAX_BYTES {
            chunk.data = gathered.into();
        } else if chunk.last {
            chunk.data = match document::changed(&gathered, &self.json) {
                Some(document) => document,
                None => gathered.into(),
            };
        } else {
            chunk.data = Bytes::new();
            shared.put(GATHERED, gathered);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
