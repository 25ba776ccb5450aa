//! The configuration of `cors`.

use crate::config::flag;
use regex::Regex;
use serde_json::{Value, json};
use troop_schema::{Fault, Field, PluginSchema};

/// Kong's methods, in Kong's order.
const METHODS: [&str; 9] = [
    "GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE", "CONNECT",
];

/// Kong's fields and defaults.
pub(super) fn schema() -> PluginSchema {
    PluginSchema::new(
        "cors",
        vec![
            ("origins", Field::array(Field::string().custom(is_origin))),
            ("headers", Field::array(Field::string())),
            ("exposed_headers", Field::array(Field::string())),
            (
                "methods",
                Field::array(Field::string().one_of(METHODS)).default(json!(METHODS)),
            ),
            ("max_age", Field::number()),
            ("credentials", flag(false)),
            ("private_network", flag(false)),
            ("preflight_continue", flag(false)),
        ],
    )
    .without_consumer()
}

/// Kong: every origin must be fit for a regular expression, plain ones too.
fn is_origin(value: &Value) -> Result<(), Fault> {
    let text = value.as_str().unwrap_or_default();
    if text == "*" || Regex::new(text).is_ok() {
        Ok(())
    } else {
        Err(format!("'{text}' is not a valid regex").into())
    }
}
