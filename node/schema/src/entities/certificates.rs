//! Certificates that the gateway shows to clients, or to services that ask who it is.
//!
//! The catch: a certificate is found by the names it is shown for, its SNIs, which are records of their own. It lists
//! them as `snis`, takes such a list when it is written, and a path may name it by one of them.

use crate::{
    Check, Record,
    entity::{Entity, Names},
    field::Field,
    pki::{Certificate, PkiError, PublicKey},
    typedef,
};
use serde_json::Value;

pub(crate) fn table() -> Entity {
    Entity::table(
        "certificates",
        vec![
            ("id", typedef::id()),
            ("created_at", typedef::created_at()),
            ("updated_at", typedef::updated_at()),
            ("cert", typedef::certificate().required()),
            ("key", typedef::private_key().required()),
            ("cert_alt", typedef::certificate()),
            ("key_alt", typedef::private_key()),
            ("tags", typedef::tags()),
            ("snis", Field::array(typedef::wildcard_host())),
        ],
    )
    .named_by(Names {
        field: "snis",
        entity: "snis",
        foreign: "certificate",
        key: "name",
        missing: "SNI not found",
    })
    .check(Check::MutuallyRequired(vec!["cert_alt", "key_alt"]))
    .check(Check::custom(vec!["cert", "key"], key_fits))
    .check(Check::custom(vec!["cert_alt", "key_alt"], alternative_key_fits))
    .check(Check::custom(vec!["cert", "cert_alt"], kinds_differ))
}

fn key_fits(record: &Record) -> Result<(), String> {
    fits(record, "cert", "key", "certificate does not match key")
}

fn alternative_key_fits(record: &Record) -> Result<(), String> {
    let otherwise = "alternative certificate does not match key";
    fits(record, "cert_alt", "key_alt", otherwise)
}

fn fits(record: &Record, cert: &str, key: &str, otherwise: &str) -> Result<(), String> {
    let Some((cert, key)) = both(record, cert, key) else {
        return Ok(());
    };
    let pair = || -> Result<_, PkiError> {
        let lock = Certificate::from_pem(cert)?.public_key;
        Ok((lock, PublicKey::from_private_pem(key)?))
    };
    match pair() {
        Ok((lock, other)) if lock == other => Ok(()),
        _ => Err(otherwise.to_owned()),
    }
}

/// Two certificates of one kind could never be chosen between: which is shown depends on what the client can verify.
fn kinds_differ(record: &Record) -> Result<(), String> {
    let Some((one, other)) = both(record, "cert", "cert_alt") else {
        return Ok(());
    };
    let kind = |pem| Certificate::from_pem(pem).map(|certificate| certificate.public_key.kind());
    match (kind(one), kind(other)) {
        (Ok(one), Ok(other)) if one != other => Ok(()),
        _ => Err(
            "certificate and alternative certificate need to have different type (e.g. RSA and ECDSA), the provided \
             certificates were both of the same type"
                .to_owned(),
        ),
    }
}

/// Kong: nothing is compared while one of the two is missing.
fn both<'a>(record: &'a Record, one: &str, other: &str) -> Option<(&'a str, &'a str)> {
    let text = |field| record.get(field).and_then(Value::as_str);
    Some((text(one)?, text(other)?))
}
