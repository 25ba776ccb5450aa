//! The configuration of `ip-restriction`.

use serde_json::Value;
use troop_schema::{Check, Fault, Field, PluginSchema, typedef};

/// Kong's fields and checks.
pub(super) fn schema() -> PluginSchema {
    PluginSchema::new(
        "ip-restriction",
        vec![
            ("allow", Field::array(typedef::ip_or_cidr())),
            ("deny", Field::array(typedef::ip_or_cidr())),
            ("status", Field::number().custom(is_status)),
            ("message", Field::string()),
        ],
    )
    .protocols(typedef::PROTOCOLS)
    .usual_protocols(["http", "https", "tcp", "tls", "grpc", "grpcs"])
    .check(Check::AtLeastOneOf(vec!["config.allow", "config.deny"]))
}

/// Kong takes any number here and then fails to send it.
fn is_status(value: &Value) -> Result<(), Fault> {
    match value.as_u64() {
        Some(200..=599) => Ok(()),
        _ => Err("value should be between 200 and 599".into()),
    }
}
