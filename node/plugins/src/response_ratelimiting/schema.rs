//! The configuration of `response-ratelimiting`.

use crate::{
    config::flag,
    limits::{self, redis},
};
use serde_json::Value;
use troop_schema::{Check, Fault, Field, PluginSchema, Shape, typedef};

const PERIODS: [&str; 6] = ["second", "minute", "hour", "day", "month", "year"];

/// Kong's fields, defaults and rules.
pub(super) fn schema() -> PluginSchema {
    let schema = PluginSchema::new(
        "response-ratelimiting",
        vec![
            ("header_name", typedef::header_name().default("x-kong-limit")),
            (
                "limit_by",
                Field::string()
                    .default("consumer")
                    .one_of(["consumer", "credential", "ip"]),
            ),
            (
                "policy",
                Field::string()
                    .default("local")
                    .one_of(["local", "cluster", "redis"]),
            ),
            ("fault_tolerant", flag(true)),
            ("redis", redis::field()),
            ("block_on_first_violation", flag(false)),
            ("hide_client_headers", flag(false)),
            (
                "limits",
                Field::map(Field::string(), limit()).required().len_min(1),
            ),
        ],
    );
    redis::with_redis(schema)
}

fn limit() -> Field {
    let shape = Shape::new(limits::fields()).check(Check::AtLeastOneOf(PERIODS.to_vec()));
    Field::record_of(shape).custom(grows)
}

fn grows(limit: &Value) -> Result<(), Fault> {
    Ok(limits::grows(limit, "the")?)
}
