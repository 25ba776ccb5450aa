//! Certificates of authorities that the gateway believes when a service shows its own.
//!
//! The catch: a service names those it believes in a list of ids. That is no formal reference, so a service may name one that
//! is not there yet; but one that is named cannot be deleted.

use crate::{
    Check, Fault, Record, entity::Entity, field::Field, password::hex, pki::Certificate, stamp::Stamp,
    transform::Transform, typedef,
};
use serde_json::Value;

pub(crate) fn table() -> Entity {
    Entity::table(
        "ca_certificates",
        vec![
            ("id", typedef::id()),
            ("created_at", typedef::created_at()),
            ("updated_at", typedef::updated_at()),
            ("cert", Field::string().required().custom(certificates)),
            ("cert_digest", Field::string().unique()),
            ("tags", typedef::tags()),
        ],
    )
    .check(Check::custom(vec!["cert"], one_authority))
    .transform(Transform {
        input: "cert",
        needs: None,
        write: digest,
        hash: None,
        derived: Some("cert_digest"),
    })
}

fn certificates(value: &Value) -> Result<(), Fault> {
    match Certificate::all_from_pem(value.as_str().unwrap_or_default()) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("invalid certificate: {error}").into()),
    }
}

fn all(record: &Record) -> Vec<Certificate> {
    let text = record.get("cert").and_then(Value::as_str).unwrap_or_default();
    Certificate::all_from_pem(text).unwrap_or_default()
}

/// The time of judging is that of the write, which stands in the record.
fn one_authority(record: &Record) -> Result<(), String> {
    let now = record
        .get("updated_at")
        .and_then(Value::as_i64)
        .unwrap_or_default();
    let fault = match all(record).as_slice() {
        [one] if one.not_after < now => "certificate expired, \"Not After\" time is in the past",
        [one] if !one.is_ca => {
            "certificate does not appear to be a CA because it is missing the \"CA\" basic constraint"
        }
        [] | [_] => return Ok(()),
        _ => "please submit only one certificate at a time",
    };
    Err(fault.to_owned())
}

fn digest(record: &mut Record, _: &mut Stamp<'_>) {
    if let Some(one) = all(record).first() {
        record.insert("cert_digest".into(), hex(&one.digest).into());
    }
}
