//! The configuration of `rate-limiting`.

use crate::{
    config::flag,
    limits::{self, redis},
};
use serde_json::Value;
use troop_schema::{Check, Fault, Field, Match, PluginSchema, typedef};

const PERIODS: [&str; 6] = [
    "config.second",
    "config.minute",
    "config.hour",
    "config.day",
    "config.month",
    "config.year",
];

/// Kong's fields, defaults and rules.
pub(super) fn schema() -> PluginSchema {
    let mut fields = limits::fields();
    fields.extend([
        (
            "limit_by",
            Field::string().default("consumer").one_of([
                "consumer",
                "credential",
                "ip",
                "service",
                "header",
                "path",
            ]),
        ),
        ("header_name", typedef::header_name()),
        ("path", typedef::path()),
        (
            "policy",
            Field::string()
                .default("local")
                .len_min(0)
                .one_of(["local", "cluster", "redis"]),
        ),
        ("fault_tolerant", flag(true)),
        ("redis", redis::field()),
        ("hide_client_headers", flag(false)),
        ("error_code", Field::number().default(429).gt(0)),
        (
            "error_message",
            Field::string().default("API rate limit exceeded"),
        ),
        ("sync_rate", Field::number().required().default(-1)),
    ]);
    let with = |by: &'static str, field| {
        Check::conditional("config.limit_by", Match::eq(by), field, Match::required())
    };
    let schema = PluginSchema::new("rate-limiting", fields)
        .config_rule(fits_together)
        .check(Check::AtLeastOneOf(PERIODS.to_vec()));
    redis::with_redis(schema)
        .check(with("header", "config.header_name"))
        .check(with("path", "config.path"))
}

fn fits_together(config: &Value) -> Result<(), Fault> {
    limits::grows(config, "The")?;
    let rate = config.get("sync_rate").and_then(Value::as_f64).unwrap_or(-1.0);
    let redis = config.get("policy").and_then(Value::as_str) == Some("redis");
    if rate != -1.0 && !redis {
        return Err("sync_rate can only be used with the redis policy".into());
    }
    if rate != -1.0 && rate < 0.02 {
        return Err("sync_rate must be greater than 0.02, or -1 to disable".into());
    }
    Ok(())
}
