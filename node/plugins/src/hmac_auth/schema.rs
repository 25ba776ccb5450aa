//! The configuration of `hmac-auth`.

use crate::config::flag;
use serde_json::json;
use troop_schema::{Field, PluginSchema};

/// What a signature may be made with, as clients and configurations name it.
pub(super) const ALGORITHMS: [&str; 4] = ["hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512"];

/// Kong's fields and defaults.
pub(super) fn schema() -> PluginSchema {
    PluginSchema::new(
        "hmac-auth",
        vec![
            ("hide_credentials", flag(false)),
            ("clock_skew", Field::number().default(300).gt(0)),
            ("anonymous", Field::string()),
            ("validate_request_body", flag(false)),
            (
                "enforce_headers",
                Field::array(Field::string()).default(json!([])),
            ),
            (
                "algorithms",
                Field::array(Field::string().one_of(ALGORITHMS)).default(json!(ALGORITHMS)),
            ),
            ("realm", Field::string()),
        ],
    )
    .without_consumer()
}
