//! Names by which clients ask for a certificate while TLS is being agreed on.
//!
//! The catch: a name may begin or end with a `*`, and no two certificates share a name; but a name and a pattern that covers it
//! may belong to different ones, and the closer one counts.

use super::going_with;
use crate::{entity::Entity, typedef};

pub(crate) fn table() -> Entity {
    Entity::table(
        "snis",
        vec![
            ("id", typedef::id()),
            ("name", typedef::wildcard_host().required().unique()),
            ("created_at", typedef::created_at()),
            ("updated_at", typedef::updated_at()),
            ("tags", typedef::tags()),
            ("certificate", going_with("certificates").required()),
        ],
    )
    .found_by("name")
    .pathless("certificate")
}
