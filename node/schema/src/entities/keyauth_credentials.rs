//! API keys of consumers. A key may expire.

use crate::{
    entity::Entity,
    field::{Auto, Field, OnDelete},
    typedef,
};

pub(crate) fn table() -> Entity {
    Entity::table(
        "keyauth_credentials",
        vec![
            ("id", typedef::id()),
            ("created_at", typedef::created_at()),
            (
                "consumer",
                Field::foreign("consumers")
                    .required()
                    .on_delete(OnDelete::Cascade),
            ),
            ("key", Field::string().unique().auto(Auto::Token).secret()),
            ("tags", typedef::tags()),
        ],
    )
    .at("key-auths")
    .nested_at("key-auth")
    .found_by("key")
    .cached_by(vec!["key"])
    .with_ttl()
}
