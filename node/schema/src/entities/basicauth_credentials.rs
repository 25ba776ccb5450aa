//! User names and passwords of consumers.
//!
//! The catch: what is stored is a hash over the password and the consumer's id, so neither can be changed without the other.

use super::owner;
use crate::{
    Record,
    entity::Entity,
    field::Field,
    password,
    shape::value_at,
    stamp::Stamp,
    transform::{Hash, Transform},
    typedef,
};
use serde_json::Value;

pub(crate) fn table() -> Entity {
    Entity::table(
        "basicauth_credentials",
        vec![
            ("id", typedef::id()),
            ("created_at", typedef::created_at()),
            ("consumer", owner()),
            ("username", Field::string().required().unique()),
            ("password", Field::string().required().secret()),
            ("tags", typedef::tags()),
        ],
    )
    .at("basic-auths")
    .nested_at("basic-auth")
    .found_by("username")
    .cached_by(vec!["username"])
    .transform(Transform {
        input: "password",
        needs: Some("consumer.id"),
        write: hash,
        hash: Some(Hash {
            is_in: |_| true,
            keep: None,
        }),
        derived: None,
    })
}

fn hash(record: &mut Record, _: &mut Stamp<'_>) {
    let text = |path| value_at(record, path).as_str().unwrap_or_default();
    let hash = password::of_consumer(text("password"), text("consumer.id"));
    record.insert("password".into(), Value::from(hash));
}
