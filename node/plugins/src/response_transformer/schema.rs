//! The configuration of `response-transformer`.

use crate::{config::is_header_name, transform::split};
use serde_json::{Value, json};
use troop_schema::{Fault, Field, PluginSchema};

/// Kong: a name, a colon, a value.
const NAMED: &str = r"^[^:]+:.*$";

/// Kong's fields and rules. Kong: only the names of fields to be renamed are judged; a name that is none changes nothing.
pub(super) fn schema() -> PluginSchema {
    PluginSchema::new(
        "response-transformer",
        vec![
            (
                "remove",
                Field::record(vec![
                    ("json", list(Field::string())),
                    ("headers", list(Field::string())),
                ]),
            ),
            (
                "rename",
                Field::record(vec![
                    ("json", list(named())),
                    ("headers", list(named().custom(is_renamed_header))),
                ]),
            ),
            ("replace", values()),
            ("add", values()),
            ("append", values()),
        ],
    )
}

fn list(elements: Field) -> Field {
    Field::array(elements).required().default(json!([]))
}

fn named() -> Field {
    Field::string().matches(NAMED)
}

fn values() -> Field {
    Field::record(vec![
        ("json", list(named())),
        (
            "json_types",
            list(Field::string().one_of(["boolean", "number", "string"])),
        ),
        ("headers", list(named())),
    ])
}

fn is_renamed_header(value: &Value) -> Result<(), Fault> {
    let (old, new) = split(value.as_str().unwrap_or_default());
    is_header_name(old)?;
    is_header_name(new.unwrap_or_default())
}
