//! Applications of consumers that ask for tokens in the name of others.
//!
//! The catch: the secret may be kept as a hash, and whether it is is decided when it is written. Saying `hash_secret` without the
//! secret, or the other way round, could only hash a hash.

use super::owner;
use crate::{
    Record,
    entity::Entity,
    fault::Fault,
    field::{Auto, Field},
    password,
    stamp::Stamp,
    transform::{Hash, Transform},
    typedef,
};
use serde_json::{Value, json};

pub(crate) fn table() -> Entity {
    Entity::table(
        "oauth2_credentials",
        vec![
            ("id", typedef::id()),
            ("created_at", typedef::created_at()),
            ("consumer", owner()),
            ("name", Field::string().required()),
            ("client_id", Field::string().unique().auto(Auto::Token)),
            ("client_secret", Field::string().auto(Auto::Token).secret()),
            ("hash_secret", Field::boolean().required().default(false)),
            (
                "redirect_uris",
                Field::array(Field::string().custom(redirect_uri)),
            ),
            ("tags", typedef::tags()),
            (
                "client_type",
                Field::string()
                    .one_of(["confidential", "public"])
                    .required()
                    .default("confidential"),
            ),
        ],
    )
    .at("oauth2")
    .found_by("client_id")
    .cached_by(vec!["client_id"])
    .transform(Transform {
        input: "hash_secret",
        needs: Some("client_secret"),
        write: hash,
        hash: Some(Hash {
            is_in: is_hashed,
            keep: Some(keep),
        }),
        derived: None,
    })
}

/// Kong: an absolute URL, and nothing after a `#`.
fn redirect_uri(value: &Value) -> Result<(), Fault> {
    let uri = value.as_str().unwrap_or_default();
    if typedef::judge_url(value).is_err() {
        Err(format!("cannot parse '{uri}'").into())
    } else if uri.contains('#') {
        Err(format!("fragment not allowed in '{uri}'").into())
    } else {
        Ok(())
    }
}

fn is_hashed(record: &Record) -> bool {
    record.get("hash_secret") == Some(&Value::Bool(true))
}

fn secret(record: &Record) -> &str {
    let secret = record.get("client_secret").and_then(Value::as_str);
    secret.unwrap_or_default()
}

fn hash(record: &mut Record, stamp: &mut Stamp<'_>) {
    if is_hashed(record) {
        let hash = password::hashed(secret(record), &stamp.salt());
        record.insert("client_secret".into(), json!(hash));
    }
}

/// Each hash has a salt of its own, so that a secret sent again would look like another one.
fn keep(record: &mut Record, stored: &Record) -> bool {
    let is_same = is_hashed(record) && is_hashed(stored) && password::is_of(secret(stored), secret(record));
    if is_same {
        record.insert("client_secret".into(), json!(secret(stored)));
    }
    is_same
}
