//! Fields inside of a request's body: a web form, a form with parts, or a JSON object.
//!
//! Enough of the three formats to find a field by name and to take it out again. What is not understood has no fields: whether that
//! is an error is for the plugin to say.

mod multipart;

use crate::query;
use bytes::Bytes;
pub(crate) use multipart::Multipart;
use serde_json::{Map, Value};

/// A body whose fields can be asked for.
#[derive(Debug, PartialEq)]
pub(crate) enum Form {
    /// `application/x-www-form-urlencoded`
    Urlencoded(String),
    /// `application/json` holding an object.
    Json(Map<String, Value>),
    /// `multipart/form-data`
    Multipart(Multipart),
}

/// What a field holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// It is not there, or it is nothing that could be a text.
    Absent,
    /// One text.
    Text(String),
    /// Several values under one name.
    Several,
}

impl Form {
    /// Reads a body by its declared type.
    pub fn read(content_type: &str, body: &Bytes) -> Option<Form> {
        let kind = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match kind.as_str() {
            "application/x-www-form-urlencoded" => {
                Some(Form::Urlencoded(String::from_utf8_lossy(body).into_owned()))
            }
            "application/json" => serde_json::from_slice(body).ok().map(Form::Json),
            "multipart/form-data" => Multipart::read(content_type, body).map(Form::Multipart),
            _ => None,
        }
    }

    /// The field of that name.
    pub fn field(&self, name: &str) -> Field {
        let mut values = match self {
            Form::Urlencoded(text) => query::arguments(text)
                .filter(|a| a.name == name)
                .filter_map(|a| a.value)
                .collect::<Vec<_>>(),
            Form::Multipart(parts) => parts.values(name),
            Form::Json(object) => return Field::of_json(object.get(name)),
        };
        match (values.pop(), values.len()) {
            (None, _) => Field::Absent,
            (Some(text), 0) => Field::Text(text),
            (Some(_), _) => Field::Several,
        }
    }

    /// All fields as a JSON object, the way they are echoed.
    pub fn to_json(&self) -> Map<String, Value> {
        match self {
            Form::Json(object) => object.clone(),
            Form::Urlencoded(text) => query_object(text),
            Form::Multipart(parts) => parts.fields().map(|(name, text)| (name, text.into())).collect(),
        }
    }

    /// The body without the field of that name.
    pub fn without(mut self, name: &str) -> Bytes {
        match &mut self {
            Form::Urlencoded(text) => query::without(text, name).into(),
            Form::Json(object) => {
                object.remove(name);
                Value::Object(std::mem::take(object)).to_string().into()
            }
            Form::Multipart(parts) => {
                parts.remove(name);
                parts.write()
            }
        }
    }
}

impl Field {
    fn of_json(value: Option<&Value>) -> Field {
        match value {
            Some(Value::String(text)) => Field::Text(text.clone()),
            Some(Value::Array(_) | Value::Object(_)) => Field::Several,
            _ => Field::Absent,
        }
    }
}

/// A query or form as an object: bare names are `true`, repeated ones a list.
pub(crate) fn query_object(text: &str) -> Map<String, Value> {
    let mut object = Map::new();
    for argument in query::arguments(text) {
        let value = argument.value.map_or(Value::Bool(true), Value::String);
        match object.get_mut(&argument.name) {
            None => _ = object.insert(argument.name, value),
            Some(Value::Array(list)) => list.push(value),
            Some(single) => {
                let first = single.take();
                *single = Value::Array(vec![first, value]);
            }
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: &str = "--b\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\nsecret\r\n\
                         --b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n";

    fn check(content_type: &str, body: &str, field: Field, rest: &str) {
        let form = Form::read(content_type, &Bytes::copy_from_slice(body.as_bytes())).expect("a form");
        assert_eq!(form.field("k"), field, "{body}");
        assert_eq!(form.without("k"), rest.as_bytes(), "{body}");
    }

    #[test]
    fn a_field_is_found_and_taken_out_in_each_format() {
        let text = |t: &str| Field::Text(t.to_owned());
        let web = "application/x-www-form-urlencoded";
        check(web, "k=secret&a=1", text("secret"), "a=1");
        check(web, "k=1&k=2", Field::Several, "");
        check(web, "a=1", Field::Absent, "a=1");
        check(
            "application/json; charset=utf-8",
            r#"{"k":"secret","a":1}"#,
            text("secret"),
            r#"{"a":1}"#,
        );
        check("application/json", r#"{"k":["a"]}"#, Field::Several, "{}");
        check("application/json", r#"{"k":5}"#, Field::Absent, "{}");
        check(
            "multipart/form-data; boundary=b",
            PARTS,
            text("secret"),
            "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n",
        );
    }

    #[test]
    fn what_is_no_form_has_no_fields() {
        for (kind, body) in [
            ("text/plain", "k=1"),
            ("application/json", "{"),
            ("application/json", "[]"),
            ("multipart/form-data", PARTS),
            ("multipart/form-data; boundary=x", PARTS),
        ] {
            assert_eq!(
                Form::read(kind, &Bytes::from_static(body.as_bytes())),
                None,
                "{kind} {body}"
            );
        }
    }

    #[test]
    fn a_query_becomes_an_object() {
        let object = Value::Object(query_object("a=1&b&c=1&c=2"));
        assert_eq!(object, serde_json::json!({"a": "1", "b": true, "c": ["1", "2"]}));
    }
}
