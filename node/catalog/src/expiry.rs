//! Records with an end.
//!
//! A key may be valid for a while. What is stored is the moment of its end, so that every node agrees and nothing has to
//! count down; what is shown is what is left of it.
//!
//! The catch: between its end and its removal an expired record still lies on the shelf. Readers do not see it, and who
//! claims a value that it holds removes it on the way.

use crate::problem::Problem;
use serde_json::Value;
use troop_schema::{Entity, Record};

/// The stored moment of expiry.
const EXPIRES_AT: &str = "expires_at_ms";
/// The member that clients send and see.
const TTL: &str = "ttl";
/// Kong: three years and some.
const TTL_MAX_SECONDS: u64 = 100_000_000;

/// What a sender says about the end of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Nothing.
    Silent,
    /// It has none.
    Never,
    /// After so many seconds.
    After(u64),
}

/// Takes the wish out of a body, if the entity's records can expire.
pub(crate) fn take(entity: &Entity, body: &mut Record) -> Result<Wish, Problem> {
    if !entity.has_ttl() {
        return Ok(Wish::Silent);
    }
    let Some(value) = body.remove(TTL) else {
        return Ok(Wish::Silent);
    };
    let whole = value.as_f64().filter(|seconds| seconds.fract() == 0.0);
    match (&value, whole) {
        (Value::Null, _) => Ok(Wish::Never),
        (_, Some(seconds)) if (0.0..=TTL_MAX_SECONDS as f64).contains(&seconds) => {
            // Kong: zero means no end.
            Ok(if seconds == 0.0 {
                Wish::Never
            } else {
                Wish::After(seconds as u64)
            })
        }
        _ => Err(Problem::Option {
            option: TTL,
            text: "must be an integer between 0 and 100000000",
        }),
    }
}

/// Writes the moment into a record that is about to be stored.
pub(crate) fn write(entity: &Entity, record: &mut Record, wish: Wish, stored: Option<&Record>, now_ms: u64) {
    if !entity.has_ttl() {
        return;
    }
    let at_ms = match wish {
        Wish::After(seconds) => Value::from(now_ms + seconds * 1000),
        Wish::Never => Value::Null,
        Wish::Silent => stored
            .and_then(|stored| stored.get(EXPIRES_AT).cloned())
            .unwrap_or_default(),
    };
    record.insert(EXPIRES_AT.to_owned(), at_ms);
}

/// Takes the moment out of a stored record: it is no field, and judging would refuse it.
pub(crate) fn strip(record: &Record) -> Record {
    let mut record = record.clone();
    record.remove(EXPIRES_AT);
    record
}

/// The moment of expiry.
pub(crate) fn at_ms(record: &Record) -> Option<u64> {
    record.get(EXPIRES_AT)?.as_u64()
}

/// Whether the record is over.
pub(crate) fn is_over(record: &Record, now_ms: u64) -> bool {
    at_ms(record).is_some_and(|at_ms| at_ms <= now_ms)
}

/// Shows the seconds left instead of the moment, and nothing where there is no end.
pub(crate) fn show_plain(entity: &Entity, record: &mut Record, now_ms: u64) {
    show(entity, record, now_ms);
    if record.get(TTL).is_some_and(Value::is_null) && entity.has_ttl() {
        record.remove(TTL);
    }
}

/// Shows the seconds left instead of the moment; nothing for a record that never heard of one.
pub(crate) fn show(entity: &Entity, record: &mut Record, now_ms: u64) {
    if entity.has_ttl() {
        let left = at_ms(record).map(|at_ms| at_ms.saturating_sub(now_ms) / 1000);
        if record.remove(EXPIRES_AT).is_some() {
            record.insert(TTL.to_owned(), left.map_or(Value::Null, Value::from));
        }
    }
}
