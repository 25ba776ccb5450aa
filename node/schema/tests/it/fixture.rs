//! A registry with one plugin, and a way through its counters.

use serde_json::{Value, json};
use troop_schema::{Check, Field, PluginSchema, Record, Registry, Sent, Shorthand, Stamp, Violation};

/// When every record of these tests is written.
pub const NOW_MS: u64 = 1_700_000_000_123;

/// The built-in entities and the plugin `stamp`.
pub fn registry() -> Registry {
    Registry::new(vec![stamp()]).unwrap()
}

fn stamp() -> PluginSchema {
    PluginSchema::new(
        "stamp",
        vec![
            ("header", Field::string().required().default("X-Stamp")),
            ("password", Field::string().secret()),
            ("second", Field::number().gt(0)),
            ("minute", Field::number().gt(0)),
            (
                "limits",
                Field::map(
                    Field::string(),
                    Field::record(vec![("hour", Field::number()), ("day", Field::number())]),
                ),
            ),
            ("redis", Field::record(vec![("host", Field::string())])),
        ],
    )
    .without_consumer()
    .protocols(["http", "https"])
    .shorthand(
        Shorthand::new("redis_host", Field::string(), |host| {
            [("redis".to_owned(), json!({ "host": host }))]
                .into_iter()
                .collect()
        })
        .echo("redis.host"),
    )
    .check(Check::custom(vec!["config"], |plugin| {
        let limit = |name: &str| plugin["config"][name].as_f64();
        match (limit("minute"), limit("second")) {
            (Some(minute), Some(second)) if minute < second => Err("minute is lower than second".into()),
            _ => Ok(()),
        }
    }))
}

/// A JSON object.
pub fn object(value: Value) -> Record {
    value.as_object().cloned().unwrap()
}

/// Runs with a stamp whose random bytes count up.
pub fn stamped<R>(f: impl FnOnce(&mut Stamp<'_>) -> R) -> R {
    let mut byte = 0;
    let mut random = || {
        byte += 1;
        [byte; 16]
    };
    f(&mut Stamp::new(NOW_MS, &mut random))
}

/// What a new record of `entity` becomes.
pub fn judge(entity: &str, input: Value) -> Result<Record, Violation> {
    judge_by(&registry(), entity, input)
}

/// The same, by other tables.
pub fn judge_by(registry: &Registry, entity: &str, input: Value) -> Result<Record, Violation> {
    let entity = registry.entity(entity).unwrap();
    let body = object(input);
    stamped(|stamp| {
        let record = registry.draft(entity, body.clone(), stamp)?;
        registry.judged_as_sent(entity, record, &Sent::whole(&body), false, stamp)
    })
}

/// What a stored record becomes under a change.
pub fn change(entity: &str, stored: &Record, slip: Value) -> Result<Record, Violation> {
    let registry = registry();
    let entity = registry.entity(entity).unwrap();
    stamped(|stamp| {
        let slip = registry.draft_change(entity, object(slip), stamp)?;
        let record = registry.merged(entity, slip.clone(), stored, stamp)?;
        let sent = Sent {
            fields: &slip,
            stored: Some(stored),
        };
        registry.judged_as_sent(entity, record, &sent, true, stamp)
    })
}

/// A record that is right.
#[track_caller]
pub fn record(entity: &str, input: Value) -> Record {
    judge(entity, input).unwrap()
}
