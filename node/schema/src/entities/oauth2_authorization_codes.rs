//! Codes that an application exchanges for a token. The gateway writes them and they live for minutes; no path leads to them.

use super::going_with;
use crate::{
    entity::Entity,
    field::{Auto, Field},
    typedef,
};
use serde_json::Value;

pub(crate) fn table() -> Entity {
    Entity::table(
        "oauth2_authorization_codes",
        vec![
            ("id", typedef::id()),
            ("created_at", typedef::created_at()),
            ("service", going_with("services").default(Value::Null)),
            ("credential", going_with("oauth2_credentials").required()),
            ("code", Field::string().unique().auto(Auto::Token).secret()),
            ("authenticated_userid", Field::string()),
            ("scope", Field::string()),
            ("challenge", Field::string()),
            ("challenge_method", Field::string().one_of(["S256"])),
            ("plugin", going_with("plugins").default(Value::Null)),
        ],
    )
    .with_ttl()
    .without_endpoints()
}
