//! The configuration of `http-log`.

use crate::shipping::{fields_field, queue_field};
use troop_schema::{Field, PluginSchema, typedef};

/// Kong's fields and defaults. The last three are old names: accepted and shown, without an effect.
pub(super) fn schema() -> PluginSchema {
    let header = typedef::header_name().match_none([
        ("^[Hh][Oo][Ss][Tt]$", "cannot contain 'Host' header"),
        ("^(?i)content-length$", "cannot contain 'Content-Length' header"),
        ("^(?i)content-type$", "cannot contain 'Content-Type' header"),
    ]);
    PluginSchema::new(
        "http-log",
        vec![
            (
                "http_endpoint",
                typedef::url().required().referenceable().secret(),
            ),
            (
                "method",
                Field::string().default("POST").one_of(["POST", "PUT", "PATCH"]),
            ),
            (
                "content_type",
                Field::string()
                    .default("application/json")
                    .one_of(["application/json", "application/json; charset=utf-8"]),
            ),
            ("timeout", Field::number().default(10_000)),
            ("keepalive", Field::number().default(60_000)),
            ("headers", Field::map(header, Field::string().referenceable())),
            ("queue", queue_field()),
            ("custom_fields_by_lua", fields_field()),
            ("retry_count", Field::integer()),
            ("queue_size", Field::integer()),
            ("flush_timeout", Field::number()),
        ],
    )
    .protocols(typedef::PROTOCOLS)
}
