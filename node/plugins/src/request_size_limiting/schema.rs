//! The configuration of `request-size-limiting`.

use crate::config::flag;
use troop_schema::{Field, PluginSchema};

/// Kong's fields and defaults.
pub(super) fn schema() -> PluginSchema {
    PluginSchema::new(
        "request-size-limiting",
        vec![
            ("allowed_payload_size", Field::integer().default(128)),
            (
                "size_unit",
                Field::string()
                    .required()
                    .default("megabytes")
                    .one_of(["megabytes", "kilobytes", "bytes"]),
            ),
            ("require_content_length", flag(false)),
        ],
    )
}
