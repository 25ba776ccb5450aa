//! The configuration of `basic-auth`.

use crate::config::flag;
use troop_schema::{Field, PluginSchema};

/// Kong's fields and defaults.
pub(super) fn schema() -> PluginSchema {
    PluginSchema::new(
        "basic-auth",
        vec![
            ("anonymous", Field::string()),
            ("hide_credentials", flag(false)),
            ("realm", Field::string().required().default("service")),
        ],
    )
    .without_consumer()
}
