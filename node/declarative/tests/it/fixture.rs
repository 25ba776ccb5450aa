//! A registry with a few plugins, and a way through the crate.

use serde_json::{Value, json};
use troop_declarative::{Dialect, Document, Format, LoadError, Loader, Records};
use troop_schema::{Check, Field, PluginSchema, Record, Registry, Stamp};

/// When every document of these tests is loaded.
pub const NOW_MS: u64 = 1_700_000_000_123;

/// An id to give.
pub const ID_1: &str = "00000001-1111-4111-8111-111111111111";
/// Another.
pub const ID_2: &str = "00000002-1111-4111-8111-111111111111";

/// The built-in entities and four plugins.
pub fn registry() -> Registry {
    let limits = ["second", "minute", "hour", "day", "month", "year"];
    let rate_limiting = PluginSchema::new(
        "rate-limiting",
        limits.map(|limit| (limit, Field::number().gt(0))).to_vec(),
    )
    .check(Check::AtLeastOneOf(vec![
        "config.second",
        "config.minute",
        "config.hour",
        "config.day",
        "config.month",
        "config.year",
    ]));
    let texts = || Field::array(Field::string());
    let acl = PluginSchema::new("acl", vec![("allow", texts()), ("deny", texts())])
        .check(Check::OnlyOneOf(vec!["config.allow", "config.deny"]));
    let cors = PluginSchema::new("cors", vec![("max_age", Field::number())]).without_consumer();
    let key_auth = PluginSchema::new(
        "key-auth",
        vec![
            ("key_names", texts().required().default(json!(["apikey"]))),
            ("secret", Field::string().secret()),
        ],
    )
    .without_consumer();
    Registry::new(vec![rate_limiting, acl, cors, key_auth]).unwrap()
}

/// A JSON object.
pub fn object(value: Value) -> Record {
    value.as_object().cloned().unwrap()
}

/// Runs with a stamp whose random bytes count up.
pub fn stamped<R>(now_ms: u64, f: impl FnOnce(&mut Stamp<'_>) -> R) -> R {
    let mut drawn = 0u128;
    let mut random = || {
        drawn += 1;
        drawn.to_be_bytes()
    };
    f(&mut Stamp::new(now_ms, &mut random))
}

/// A document of the current version with these collections.
pub fn document(mut collections: Value) -> Value {
    collections["_format_version"] = json!("3.0");
    collections
}

/// Loads collections in Kong's dialect.
pub fn load(collections: Value) -> Result<Document, LoadError> {
    let registry = registry();
    stamped(NOW_MS, |stamp| {
        Loader::new(&registry).load_value(document(collections), stamp)
    })
}

/// Loads a text.
pub fn load_text(text: &str, dialect: Dialect) -> Result<Document, LoadError> {
    let registry = registry();
    stamped(NOW_MS, |stamp| {
        Loader::new(&registry)
            .dialect(dialect)
            .load_text(text, Format::Either, stamp)
    })
}

/// The records of collections that are right.
#[track_caller]
pub fn records(collections: Value) -> Records {
    load(collections).unwrap().into_records()
}

/// The one record of a schema that has this member.
#[track_caller]
pub fn one<'r>(records: &'r Records, entity: &str, field: &str, value: &str) -> &'r Record {
    let mut found = records.of(entity).filter(|(_, record)| record[field] == value);
    let (_, record) = found
        .next()
        .unwrap_or_else(|| panic!("no {entity} with {field} {value}"));
    assert!(found.next().is_none(), "two {entity} with {field} {value}");
    record
}
