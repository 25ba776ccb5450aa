//! The configuration of `key-auth`.

use crate::config::{flag, header_name};
use serde_json::{Value, json};
use troop_schema::{Fault, Field, PluginSchema};

/// Kong's fields and defaults.
pub(super) fn schema() -> PluginSchema {
    PluginSchema::new(
        "key-auth",
        vec![
            (
                "key_names",
                Field::array(Field::string().custom(is_header_name))
                    .required()
                    .default(json!(["apikey"])),
            ),
            ("hide_credentials", flag(false)),
            ("anonymous", Field::string()),
            ("key_in_header", flag(true)),
            ("key_in_query", flag(true)),
            ("key_in_body", flag(false)),
            ("run_on_preflight", flag(true)),
            ("realm", Field::string()),
        ],
    )
    .without_consumer()
}

fn is_header_name(value: &Value) -> Result<(), Fault> {
    Ok(header_name(value.as_str().unwrap_or_default())?)
}
