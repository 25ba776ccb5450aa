//! Request bodies: which types are read, and what they become.
//!
//! Three letters arrive at this door: JSON, which already knows what is a number; and two kinds of forms, in
//! which everything is text until the schema has looked at it. So a payload remembers which it was, and
//! becomes a record only when it is known *of what entity* ([`Payload::record`]).

use crate::{form, multipart, options::Options, problem::Failure, query};
use bytes::Bytes;
use serde_json::{Map, Value};
use std::sync::LazyLock;
use troop_schema::{Entity, Record, Registry};

/// A decoded body.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// As the client typed it.
    Json(Record),
    /// All text (or `true`), nested by name.
    Form(Record),
    /// YAML, as it came. Few doors take it.
    Text(String),
}

/// What a content type announces.
enum Kind {
    Json,
    Form,
    Multipart,
    Yaml,
}

/// The types under which YAML is sent.
const YAML: [&str; 4] = [
    "application/yaml",
    "application/x-yaml",
    "text/yaml",
    "text/x-yaml",
];

impl Payload {
    /// Reads the body of a POST, PUT or PATCH.
    ///
    /// # Errors
    /// [`Failure::UnsupportedMediaType`], [`Failure::BadJson`], [`Failure::TooManyArguments`].
    pub fn read(content_type: Option<&str>, body: &Bytes, options: &Options) -> Result<Self, Failure> {
        match kind(content_type, body.is_empty())? {
            Kind::Json => json(body).map(Payload::Json),
            Kind::Form => {
                let pairs = query::parse_pairs(&query::readable(body), options.args_max)?;
                let record = form::nest(pairs.into_iter().map(form::value_of), options.arg_depth_max)?;
                Ok(Payload::Form(record))
            }
            Kind::Multipart => {
                let fields = multipart::parse(content_type.unwrap_or_default(), body, options.args_max)?;
                Ok(Payload::Form(form::nest(fields, options.arg_depth_max)?))
            }
            Kind::Yaml => Ok(Payload::Text(query::readable(body))),
        }
    }

    /// The record of `entity` it stands for: form text typed by the schema, JSON as it is.
    pub fn record(&self, registry: &Registry, entity: &Entity) -> Record {
        match self {
            Payload::Json(record) => record.clone(),
            Payload::Form(record) => with_typed_ttl(entity, registry.infer(entity, record.clone())),
            Payload::Text(_) => Record::new(),
        }
    }

    /// The fields as sent, whatever their types.
    pub fn fields(&self) -> &Record {
        static NONE: LazyLock<Record> = LazyLock::new(Record::new);
        match self {
            Payload::Json(record) | Payload::Form(record) => record,
            Payload::Text(_) => LazyLock::force(&NONE),
        }
    }

    /// Adds a field unless the client sent it.
    pub fn with_default(&self, name: &str, value: Value) -> Payload {
        let mut payload = self.clone();
        if let Payload::Json(record) | Payload::Form(record) = &mut payload {
            record.entry(name).or_insert(value);
        }
        payload
    }
}

impl Default for Payload {
    fn default() -> Self {
        Payload::Form(Map::new())
    }
}

/// The time a record may live is no field of it, so its table says nothing about the type.
fn with_typed_ttl(entity: &Entity, mut record: Record) -> Record {
    if entity.has_ttl()
        && let Some(Value::String(text)) = record.get("ttl")
    {
        let typed = match Registry::infer_number(text) {
            Some(number) => Value::Number(number),
            None if text.is_empty() => Value::Null,
            None => Value::String(text.clone()), // the judge says what is wrong with it
        };
        record.insert("ttl".into(), typed);
    }
    record
}

/// Kong: the test is a case-sensitive prefix, so `application/json-patch+json` passes and `APPLICATION/JSON`
/// does not.
fn kind(content_type: Option<&str>, is_empty: bool) -> Result<Kind, Failure> {
    let Some(content_type) = content_type else {
        return if is_empty {
            Ok(Kind::Form)
        } else {
            Err(Failure::UnsupportedMediaType)
        };
    };
    let starts = |prefix| content_type.starts_with(prefix);
    if starts("application/json") {
        Ok(Kind::Json)
    } else if YAML.iter().any(|yaml| starts(yaml)) {
        Ok(Kind::Yaml)
    } else if starts("multipart/form-data") {
        Ok(Kind::Multipart)
    } else if starts("application/x-www-form-urlencoded") || (content_type.is_empty() && is_empty) {
        Ok(Kind::Form)
    } else {
        Err(Failure::UnsupportedMediaType)
    }
}

/// JSON to a record. Nesting is limited by the parser (127 levels), the last of two equal names wins, and
/// numbers of any size are read as far as a double can hold them.
///
/// Kong: `[]` and `{}` are the same empty table, and a list has members `1`, `2`, …
fn json(body: &Bytes) -> Result<Record, Failure> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(record)) => Ok(record),
        Ok(Value::Array(elements)) => {
            let numbered = elements.into_iter().zip(1..);
            Ok(numbered
                .map(|(element, number): (Value, u32)| (number.to_string(), element))
                .collect())
        }
        _ => Err(Failure::BadJson),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(content_type: Option<&str>, body: &str) -> Result<Payload, Failure> {
        Payload::read(
            content_type,
            &Bytes::copy_from_slice(body.as_bytes()),
            &Options::default(),
        )
    }

    #[track_caller]
    fn check_json(body: &str, expected: Option<Value>) {
        let seen = read(Some("application/json"), body)
            .ok()
            .map(|p| Value::Object(p.fields().clone()));
        assert_eq!(seen, expected, "{body}");
    }

    #[test]
    fn json_becomes_a_record_or_is_refused() {
        check_json(r#"{"a":1,"a":2}"#, Some(json!({"a": 2})));
        check_json("[]", Some(json!({})));
        check_json("[5]", Some(json!({"1": 5})));
        check_json(
            r#"{"n":1e20,"m":99999999999999999999999}"#,
            Some(json!({"n": 1e20, "m": 1e23})),
        );
        for broken in [
            "",
            "{",
            "null",
            "5",
            "\"x\"",
            "{\"a\":}",
            "{} trailing",
            "\u{feff}{}",
        ] {
            check_json(broken, None);
        }
        check_json(&format!("{}1{}", "[".repeat(500), "]".repeat(500)), None);
    }

    #[test]
    fn the_content_type_is_a_case_sensitive_prefix() {
        for good in ["application/json; charset=utf-8", "application/json-patch+json"] {
            assert!(read(Some(good), "{}").is_ok(), "{good}");
        }
        for bad in ["APPLICATION/JSON", "text/plain", "", "application/xml"] {
            assert!(
                matches!(read(Some(bad), "{}"), Err(Failure::UnsupportedMediaType)),
                "{bad}"
            );
        }
        assert!(matches!(read(None, "{}"), Err(Failure::UnsupportedMediaType)));
        assert_eq!(read(None, "").unwrap(), Payload::default());
    }

    #[test]
    fn forms_of_both_kinds_are_nested() {
        let expected = json!({"config": {"a": "1"}});
        let form = read(Some("application/x-www-form-urlencoded"), "config.a=1").unwrap();
        let parts = "--X\r\nContent-Disposition: form-data; name=\"config.a\"\r\n\r\n1\r\n--X--";
        let multipart = read(Some("multipart/form-data; boundary=X"), parts).unwrap();
        assert_eq!(Value::Object(form.fields().clone()), expected);
        assert_eq!(multipart, form);
    }
}
