//! Sets of keys. A set takes its keys along when it goes.

use crate::{entity::Entity, field::Field, typedef};

pub(crate) fn table() -> Entity {
    Entity::table(
        "key_sets",
        vec![
            ("id", typedef::id()),
            ("name", Field::string().unique()),
            ("tags", typedef::tags()),
            ("created_at", typedef::created_at()),
            ("updated_at", typedef::updated_at()),
        ],
    )
    .at("key-sets")
    .found_by("name")
    .cached_by(vec!["name"])
}
