//! The configuration of `request-termination`.

use crate::config::header_name;
use serde_json::Value;
use troop_schema::{Fault, Field, PluginSchema};

/// Kong's fields, defaults and rules.
pub(super) fn schema() -> PluginSchema {
    PluginSchema::new(
        "request-termination",
        vec![
            (
                "status_code",
                Field::integer().required().default(503).between(100, 599),
            ),
            ("message", Field::string()),
            ("content_type", Field::string()),
            ("body", Field::string()),
            ("echo", Field::boolean().required().default(false)),
            ("trigger", Field::string().custom(is_header_name)),
        ],
    )
    .config_rule(fits_together)
}

fn is_header_name(value: &Value) -> Result<(), Fault> {
    Ok(header_name(value.as_str().unwrap_or_default())?)
}

fn fits_together(config: &Value) -> Result<(), Fault> {
    let given = |field: &str| config.get(field).is_some_and(Value::is_string);
    let echo = config.get("echo").and_then(Value::as_bool).unwrap_or(false);
    let (typed, body) = (given("content_type"), given("body"));
    if given("message") && (typed || body) {
        return Err("message cannot be used with content_type or body".into());
    }
    if typed && !body {
        return Err("content_type requires a body".into());
    }
    if echo && (typed || body) {
        return Err("echo cannot be used with content_type and body".into());
    }
    Ok(())
}
