//! The configuration of `file-log`.

use crate::{config::flag, shipping::fields_field};
use troop_schema::{Field, PluginSchema, typedef};

/// Kong's fields and rules.
pub(super) fn schema() -> PluginSchema {
    PluginSchema::new(
        "file-log",
        vec![
            (
                "path",
                Field::string()
                    .required()
                    .matches(r"^[^*&%\\`]+$")
                    .err("not a valid filename"),
            ),
            ("reopen", flag(false)),
            ("custom_fields_by_lua", fields_field()),
        ],
    )
    .protocols(typedef::PROTOCOLS)
}
