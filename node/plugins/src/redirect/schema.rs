//! The configuration of `redirect`.

use troop_schema::{Field, PluginSchema, typedef};

/// Kong's fields and defaults.
pub(super) fn schema() -> PluginSchema {
    PluginSchema::new(
        "redirect",
        vec![
            (
                "status_code",
                Field::integer().required().default(301).between(100, 599),
            ),
            ("location", typedef::url().required()),
            ("keep_incoming_path", Field::boolean().default(false)),
        ],
    )
}
