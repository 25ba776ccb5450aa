//! The configuration of `correlation-id`.

use troop_schema::{Field, PluginSchema};

/// Kong's fields and defaults.
pub(super) fn schema() -> PluginSchema {
    PluginSchema::new(
        "correlation-id",
        vec![
            ("header_name", Field::string().default("Kong-Request-ID")),
            (
                "generator",
                Field::string().required().default("uuid#counter").one_of([
                    "uuid",
                    "uuid#counter",
                    "tracker",
                ]),
            ),
            ("echo_downstream", Field::boolean().required().default(false)),
        ],
    )
}
