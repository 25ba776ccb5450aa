//! Sessions of people who logged in, where they are kept in the cluster and not in a cookie.

use crate::{entity::Entity, field::Field, typedef};

pub(crate) fn table() -> Entity {
    Entity::table(
        "sessions",
        vec![
            ("id", typedef::id()),
            ("session_id", Field::string().unique().required()),
            ("expires", Field::integer()),
            ("data", Field::string().secret()),
            ("created_at", typedef::created_at()),
        ],
    )
    .found_by("session_id")
    .cached_by(vec!["session_id"])
    .with_ttl()
}
