//! What obtaining certificates needs to remember: accounts, challenges, issued certificates.

use crate::{
    entity::Entity,
    field::{Auto, Field},
    typedef,
};

pub(crate) fn table() -> Entity {
    Entity::table(
        "acme_storage",
        vec![
            ("id", typedef::id()),
            ("key", Field::string().required().unique().auto(Auto::Token)),
            ("value", Field::string().required().auto(Auto::Token).secret()),
            ("created_at", typedef::created_at()),
        ],
    )
    .cached_by(vec!["key"])
    .with_ttl()
}
