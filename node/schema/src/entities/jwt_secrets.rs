//! Keys by which the tokens of consumers are verified.
//!
//! The catch: `key` is the name by which a token says which of these is meant. What verifies is `secret` for the HS algorithms
//! and `rsa_public_key` for all others, whatever its name says.

use super::owner;
use crate::{
    Check, Match,
    entity::Entity,
    fault::Fault,
    field::{Auto, Field},
    pki::PublicKey,
    rule::Rule,
    typedef,
};
use serde_json::Value;

const ALGORITHMS: [&str; 13] = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384",
    "PS512", "EdDSA",
];
/// Kong: those for which a public key is asked for when the record is written. The ES ones are not among them.
const WITH_PUBLIC_KEY: [&str; 7] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"];

pub(crate) fn table() -> Entity {
    Entity::table(
        "jwt_secrets",
        vec![
            ("id", typedef::id()),
            ("created_at", typedef::created_at()),
            ("consumer", owner()),
            ("key", Field::string().unique().auto(Auto::Token)),
            ("secret", Field::string().auto(Auto::Token).secret()),
            ("rsa_public_key", Field::string()),
            ("algorithm", Field::string().one_of(ALGORITHMS).default("HS256")),
            ("tags", typedef::tags()),
        ],
    )
    .at("jwts")
    .nested_at("jwt")
    .found_by("key")
    .cached_by(vec!["key"])
    .check(Check::conditional(
        "algorithm",
        Match::one_of(WITH_PUBLIC_KEY),
        "rsa_public_key",
        Match::required().and(Rule::Custom(public_key)),
    ))
}

fn public_key(value: &Value) -> Result<(), Fault> {
    match PublicKey::from_pem(value.as_str().unwrap_or_default()) {
        Ok(_) => Ok(()),
        Err(_) => Err("invalid key".into()),
    }
}
