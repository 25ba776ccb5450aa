//! Groups that consumers are in, for lists of who may and who may not.
//!
//! The catch: a group's name says which membership is meant only together with the consumer, so it stands in paths below
//! a consumer and nowhere else.

use super::owner;
use crate::{entity::Entity, field::Field, typedef};

pub(crate) fn table() -> Entity {
    Entity::table(
        "acls",
        vec![
            ("id", typedef::id()),
            ("created_at", typedef::created_at()),
            ("consumer", owner()),
            ("group", Field::string().required()),
            ("tags", typedef::tags()),
        ],
    )
    .found_below_by("group")
    .cached_by(vec!["consumer", "group"])
}
