//! The configuration of `bot-detection`.

use serde_json::json;
use troop_schema::{Field, PluginSchema};

/// Kong's fields and defaults.
pub(super) fn schema() -> PluginSchema {
    let patterns = || Field::array(Field::string().is_regex()).default(json!([]));
    PluginSchema::new("bot-detection", vec![("allow", patterns()), ("deny", patterns())]).without_consumer()
}
