//! Keys for signing, verifying and encrypting: a JSON Web Key or a pair in PEM, one of the two.
//!
//! The catch: `kid` is what tokens call the key, and is unique within its set only. Paths name it by `name`.

use super::going_with;
use crate::{
    Check, Fault, Record,
    entity::Entity,
    field::Field,
    pki::{PublicKey, jwk},
    shape::Shape,
    typedef,
};
use serde_json::Value;

pub(crate) fn table() -> Entity {
    Entity::table(
        "keys",
        vec![
            ("id", typedef::id()),
            ("set", going_with("key_sets")),
            ("name", Field::string().unique()),
            ("kid", Field::string().required()),
            ("jwk", Field::string().referenceable().secret()),
            ("pem", Field::record_of(pair()).nullable().custom(loadable)),
            ("tags", typedef::tags()),
            ("created_at", typedef::created_at()),
            ("updated_at", typedef::updated_at()),
        ],
    )
    .found_by("name")
    .cached_by(vec!["kid", "set"])
    .names_first()
    .check(Check::MutuallyExclusive(vec!["jwk", "pem"]))
    .check(Check::AtLeastOneOf(vec!["jwk", "pem"]))
    .check(Check::custom(vec!["jwk", "kid"], jwk_is_the_key))
}

fn pair() -> Shape {
    Shape::new(vec![
        ("private_key", Field::string().referenceable().secret()),
        ("public_key", Field::string().referenceable()),
    ])
    .check(Check::AtLeastOneOf(vec!["private_key", "public_key"]))
}

/// Kong: the public half is looked at first, and a value from a vault not at all.
fn loadable(value: &Value) -> Result<(), Fault> {
    let half = |name: &str| {
        let text = value.get(name).and_then(Value::as_str);
        text.filter(|text| !text.starts_with("{vault://"))
    };
    let public = half("public_key")
        .map(PublicKey::from_pem)
        .transpose()
        .map_err(|_| Fault::from("could not load public key"))?;
    let private = half("private_key")
        .map(PublicKey::from_private_pem)
        .transpose()
        .map_err(|error| Fault::from(format!("could not load private key: {error}")))?;
    match (public, private) {
        (Some(public), Some(private)) if public != private => {
            Err("public key does not match private key".into())
        }
        _ => Ok(()),
    }
}

fn jwk_is_the_key(record: &Record) -> Result<(), String> {
    let text = |field| record.get(field).and_then(Value::as_str);
    match text("jwk") {
        Some(jwk) => jwk::judge(jwk, text("kid").unwrap_or_default()).map_err(str::to_owned),
        None => Ok(()),
    }
}
