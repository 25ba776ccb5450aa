//! Whether two Admin APIs speak of the same record.
//!
//! The catch: they may print it differently. A number with a fraction of nothing is the number without it, Kong's encoder
//! cannot tell an empty list from an empty table, what is left of a life is a second less a second later, and the time of the last
//! write is the copier's.

use serde_json::Value;
use troop_schema::Record;

/// Written by whoever writes.
const UPDATED_AT: &str = "updated_at";
/// What is left of a record's life.
const TTL: &str = "ttl";
/// Lives that differ by less end together; copying takes a while.
const TTL_SLACK_SECONDS: f64 = 3.0;

/// Whether `there` already is what `record` says. Members that `record` does not have do not matter.
pub(super) fn is_there(record: &Record, there: &Record) -> bool {
    record.iter().all(|(name, value)| match name.as_str() {
        UPDATED_AT => true,
        TTL => ends_together(value, there.get(name).unwrap_or(&Value::Null)),
        _ => alike(value, there.get(name).unwrap_or(&Value::Null)),
    })
}

fn ends_together(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => (one - other).abs() <= TTL_SLACK_SECONDS,
        (one, other) => one == other,
    }
}

fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::Array(a), Value::Object(b)) | (Value::Object(b), Value::Array(a)) => {
            a.is_empty() && b.is_empty()
        }
        (Value::Object(a), Value::Object(b)) => a
            .iter()
            .all(|(name, value)| alike(value, b.get(name).unwrap_or(&Value::Null))),
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(record: Value, there: Value, expected: bool) {
        let (one, other) = (record.as_object().unwrap(), there.as_object().unwrap());
        assert_eq!(is_there(one, other), expected, "{record} {there}");
    }

    #[test]
    fn spelling_does_not_make_a_difference() {
        check(json!({"port": 80}), json!({"port": 80.0, "more": 1}), true);
        check(json!({"tags": {}}), json!({"tags": []}), true);
        check(json!({"updated_at": 1}), json!({"updated_at": 2}), true);
        check(json!({"ttl": 100}), json!({"ttl": 98}), true);
        check(json!({"config": {"a": null}}), json!({"config": {}}), true);
    }

    #[test]
    fn what_differs_differs() {
        check(json!({"port": 80}), json!({"port": 81}), false);
        check(json!({"tags": ["a"]}), json!({"tags": []}), false);
        check(json!({"ttl": 100}), json!({"ttl": 9}), false);
        check(json!({"ttl": 100}), json!({"ttl": null}), false);
        check(json!({"config": {"a": 1}}), json!({"config": {"b": 1}}), false);
    }
}
