//! Tokens that applications hold.
//!
//! The catch: `expires_in` says how long the access token is good; how long the record lives is its `ttl`, because a refresh token
//! outlives the access token.

use super::going_with;
use crate::{
    entity::Entity,
    field::{Auto, Field},
    typedef,
};
use serde_json::Value;

pub(crate) fn table() -> Entity {
    Entity::table(
        "oauth2_tokens",
        vec![
            ("id", typedef::id()),
            ("created_at", typedef::created_at()),
            ("service", going_with("services").default(Value::Null)),
            ("credential", going_with("oauth2_credentials").required()),
            (
                "token_type",
                Field::string().one_of(["bearer"]).required().default("bearer"),
            ),
            ("expires_in", Field::integer().required()),
            (
                "access_token",
                Field::string().unique().auto(Auto::Token).secret(),
            ),
            ("refresh_token", Field::string().unique().secret()),
            ("authenticated_userid", Field::string()),
            ("scope", Field::string()),
        ],
    )
    .found_by("access_token")
    .cached_by(vec!["access_token"])
    .with_ttl()
}
