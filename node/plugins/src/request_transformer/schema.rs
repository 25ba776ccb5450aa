//! The configuration of `request-transformer`.

use super::template::Template;
use crate::{config::is_header_name, transform::split};
use serde_json::{Value, json};
use troop_schema::{Fault, Field, PluginSchema, typedef};

/// Kong: a name, a colon, a value.
const NAMED: &str = r"^[^:]+:.*$";

/// Kong's fields and rules.
pub(super) fn schema() -> PluginSchema {
    PluginSchema::new(
        "request-transformer",
        vec![
            ("http_method", Field::string().matches(r"^[A-Z]+$")),
            ("remove", record(Field::string(), removed_header())),
            ("rename", record(value(), renamed_header())),
            ("replace", replaced()),
            ("add", record(value(), header())),
            ("append", record(value(), header())),
        ],
    )
    .protocols(typedef::PROTOCOLS)
}

fn list(elements: Field) -> Field {
    Field::array(elements).required().default(json!([]))
}

fn record(other: Field, header: Field) -> Field {
    Field::record(members(other, header))
}

fn members(other: Field, header: Field) -> Vec<(&'static str, Field)> {
    vec![
        ("body", list(other.clone())),
        ("headers", list(header)),
        ("querystring", list(other)),
    ]
}

fn replaced() -> Field {
    let mut members = members(value(), header());
    members.push(("uri", Field::string().custom(is_template)));
    Field::record(members)
}

fn value() -> Field {
    Field::string().custom(has_template)
}

fn header() -> Field {
    Field::string().matches(NAMED).custom(is_header)
}

fn renamed_header() -> Field {
    Field::string().matches(NAMED).custom(is_renamed_header)
}

fn removed_header() -> Field {
    Field::string().custom(|value| is_header_name(split(text(value)).0))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn is_header(value: &Value) -> Result<(), Fault> {
    is_header_name(split(text(value)).0)?;
    has_template(value)
}

fn is_renamed_header(value: &Value) -> Result<(), Fault> {
    let (old, new) = split(text(value));
    is_header_name(old)?;
    is_header_name(new.unwrap_or_default())
}

fn has_template(value: &Value) -> Result<(), Fault> {
    split(text(value)).1.map_or(Ok(()), check_template)
}

fn is_template(value: &Value) -> Result<(), Fault> {
    check_template(text(value))
}

fn check_template(text: &str) -> Result<(), Fault> {
    match Template::read(text) {
        Ok(_) => Ok(()),
        Err(why) => Err(format!("value '{text}' is not in supported format, error:{why}").into()),
    }
}
