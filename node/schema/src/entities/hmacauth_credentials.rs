//! User names of consumers, with secrets that sign requests.

use super::owner;
use crate::{
    entity::Entity,
    field::{Auto, Field},
    typedef,
};

pub(crate) fn table() -> Entity {
    Entity::table(
        "hmacauth_credentials",
        vec![
            ("id", typedef::id()),
            ("created_at", typedef::created_at()),
            ("consumer", owner()),
            ("username", Field::string().required().unique()),
            ("secret", Field::string().auto(Auto::Token).secret()),
            ("tags", typedef::tags()),
        ],
    )
    .at("hmac-auths")
    .nested_at("hmac-auth")
    .found_by("username")
    .cached_by(vec!["username"])
}
