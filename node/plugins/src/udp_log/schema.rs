//! The configuration of `udp-log`.

use crate::shipping::fields_field;
use troop_schema::{Field, PluginSchema, typedef};

/// Kong's fields and defaults.
pub(super) fn schema() -> PluginSchema {
    PluginSchema::new(
        "udp-log",
        vec![
            ("host", typedef::host().required()),
            ("port", typedef::port().required()),
            ("timeout", Field::number().default(10_000)),
            ("custom_fields_by_lua", fields_field()),
        ],
    )
    .protocols(typedef::PROTOCOLS)
}
