//! The configuration of `acl`.

use crate::config::flag;
use troop_schema::{Check, Field, PluginSchema};

/// Kong's fields and checks.
pub(super) fn schema() -> PluginSchema {
    let lists = || vec!["config.allow", "config.deny"];
    PluginSchema::new(
        "acl",
        vec![
            ("allow", Field::array(Field::string())),
            ("deny", Field::array(Field::string())),
            ("hide_groups_header", flag(false)),
            ("always_use_authenticated_groups", flag(false)),
        ],
    )
    .without_consumer()
    .check(Check::OnlyOneOf(lists()))
    .check(Check::AtLeastOneOf(lists()))
}
