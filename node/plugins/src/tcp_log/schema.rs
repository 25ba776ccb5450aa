//! The configuration of `tcp-log`.

use crate::{config::flag, shipping::fields_field};
use troop_schema::{Field, PluginSchema, typedef};

/// Kong's fields and defaults.
pub(super) fn schema() -> PluginSchema {
    PluginSchema::new(
        "tcp-log",
        vec![
            ("host", typedef::host().required()),
            ("port", typedef::port().required()),
            ("timeout", Field::number().default(10_000)),
            ("keepalive", Field::number().default(60_000)),
            ("tls", flag(false)),
            ("tls_sni", Field::string()),
            ("custom_fields_by_lua", fields_field()),
        ],
    )
    .protocols(typedef::PROTOCOLS)
}
