//! Fields inside of a request's body: a web form, a form with parts, or a JSON object.
//!
//! Enough of the three formats to find a field by name and to take it out again. What is not understood has no fields: whether that
//! is an error is for the plugin to say.

use crate::query;
use bytes::Bytes;
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
            "multipart/form-data" => Multipart::read(boundary(content_type)?, body).map(Form::Multipart),
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
            Form::Multipart(parts) => parts
                .parts
                .iter()
                .filter_map(|p| Some((p.name.clone()?, Value::from(p.text()))))
                .collect(),
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
                parts.parts.retain(|p| p.name.as_deref() != Some(name));
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

/// The parts between the boundaries, each kept with its own head.
#[derive(Debug, PartialEq)]
pub(crate) struct Multipart {
    boundary: String,
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq)]
struct Part {
    name: Option<String>,
    /// Head and body as they came, without the line end before the next boundary.
    raw: Vec<u8>,
    body_at: usize,
}

impl Part {
    fn read(raw: &[u8]) -> Option<Part> {
        let body_at = find(raw, b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&raw[..body_at]);
        let disposition = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim()
                .eq_ignore_ascii_case("content-disposition")
                .then_some(value)
        });
        Some(Part {
            name: disposition.and_then(|d| parameter(d, "name")),
            raw: raw.to_vec(),
            body_at,
        })
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw[self.body_at..]).into_owned()
    }
}

impl Multipart {
    fn read(boundary: String, body: &[u8]) -> Option<Multipart> {
        let delimiter = format!("--{boundary}");
        let mut rest = &body[find(body, delimiter.as_bytes())? + delimiter.len()..];
        let mut parts = Vec::new();
        while let Some(part) = rest.strip_prefix(b"\r\n") {
            let end = find(part, format!("\r\n{delimiter}").as_bytes())?;
            parts.push(Part::read(&part[..end])?);
            rest = &part[end + 2 + delimiter.len()..];
        }
        Some(Multipart { boundary, parts })
    }

    fn values(&self, name: &str) -> Vec<String> {
        let named = self.parts.iter().filter(|p| p.name.as_deref() == Some(name));
        named.map(Part::text).collect()
    }

    fn write(&self) -> Bytes {
        let mut out = Vec::new();
        for part in &self.parts {
            out.extend_from_slice(format!("--{}\r\n", self.boundary).as_bytes());
            out.extend_from_slice(&part.raw);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        out.into()
    }
}

fn boundary(content_type: &str) -> Option<String> {
    parameter(content_type, "boundary").filter(|b| !b.is_empty())
}

/// The value of `; name=value` or `; name="value"`.
fn parameter(header: &str, name: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|piece| {
        let (own, value) = piece.split_once('=')?;
        let value = value.trim().trim_matches('"');
        own.trim().eq_ignore_ascii_case(name).then(|| value.to_owned())
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
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
