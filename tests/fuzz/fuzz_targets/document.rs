//! Configuration documents: refused with reasons, or loaded, exported and loaded again to the same records.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::sync::LazyLock;
use troop_declarative::{Dialect, Export, Format, Loader, Records};
use troop_schema::{Field, PluginSchema, Registry, Stamp};

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let fields = vec![
        ("key_names", Field::array(Field::string())),
        ("limits", Field::map(Field::string(), Field::number().gt(0))),
    ];
    Registry::new(vec![PluginSchema::new("key-auth", fields)]).expect("one plugin has one name")
});

fuzz_target!(|bytes: &[u8]| {
    let Some((first, text)) = bytes.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let dialect = if first % 2 == 0 {
        Dialect::Kong
    } else {
        Dialect::Deck
    };
    let Some(records) = load(text, dialect) else {
        return;
    };
    let exported = Export::new(&REGISTRY, &records).to_yaml();
    let again = load(&exported, Dialect::Kong);
    assert_eq!(
        again.map(|records| counted(records.to_json())),
        Some(counted(records.to_json())),
        "an export loads to what was exported: {exported}"
    );
});

/// JSON knows one kind of number, its library two: what is whole is written without a fraction.
fn counted(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        Value::Array(list) => list.into_iter().map(counted).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(name, value)| (name, counted(value)))
            .collect(),
        other => other,
    }
}

fn load(text: &str, dialect: Dialect) -> Option<Records> {
    let mut drawn = 0u128;
    let mut random = || {
        drawn += 1;
        drawn.to_be_bytes()
    };
    let mut stamp = Stamp::new(1_700_000_000_000, &mut random);
    let loader = Loader::new(&REGISTRY).dialect(dialect);
    let document = loader.load_text(text, Format::Either, &mut stamp).ok()?;
    Some(document.into_records())
}
