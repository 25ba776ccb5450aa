//! Consumers: who may use what is behind the gateway.
//!
//! The catch: one of two names must be there, the caller's own (`custom_id`) or ours (`username`).

use crate::{Check, entity::Entity, field::Field, typedef};

pub(crate) fn table() -> Entity {
    Entity::table(
        "consumers",
        vec![
            ("id", typedef::id()),
            ("created_at", typedef::created_at()),
            ("updated_at", typedef::updated_at()),
            ("username", Field::string().unique()),
            ("custom_id", Field::string().unique()),
            ("tags", typedef::tags()),
        ],
    )
    .found_by("username")
    .check(Check::AtLeastOneOf(vec!["custom_id", "username"]))
}
