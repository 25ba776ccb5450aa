//! The configuration of `jwt`.

use crate::config::flag;
use serde_json::json;
use troop_schema::{Check, Field, Match, PluginSchema, Rule};

/// Kong's fields, defaults and check.
pub(super) fn schema() -> PluginSchema {
    let names = |default| Field::set(Field::string()).default(default);
    PluginSchema::new(
        "jwt",
        vec![
            ("uri_param_names", names(json!(["jwt"]))),
            ("cookie_names", names(json!([]))),
            ("key_claim_name", Field::string().default("iss")),
            ("secret_is_base64", flag(false)),
            (
                "claims_to_verify",
                Field::set(Field::string().one_of(["exp", "nbf"])),
            ),
            ("anonymous", Field::string()),
            ("run_on_preflight", flag(true)),
            (
                "maximum_expiration",
                Field::number().default(0).between(0, 31_536_000),
            ),
            ("header_names", names(json!(["authorization"]))),
            ("realm", Field::string()),
        ],
    )
    .without_consumer()
    .check(Check::conditional(
        "config.maximum_expiration",
        Match::rule(Rule::Gt(0.0)),
        "config.claims_to_verify",
        Match::contains("exp"),
    ))
}
