//! How messages print the key of a record: `{consumer=null,name="key-auth",service={id="…"}}`.

use serde_json::Value;
use troop_schema::Record;

/// Members by name, no blanks, text in quotes.
pub(crate) fn key_text(key: &Record) -> String {
    let members: Vec<_> = key
        .iter()
        .map(|(name, value)| format!("{name}={}", value_text(value)))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::String(text) => format!("\"{text}\""),
        Value::Object(inner) => key_text(inner),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_and_nested() {
        let key = json!({"name": "key-auth", "consumer": null, "service": {"id": "x"}});
        let text = key_text(key.as_object().unwrap());
        assert_eq!(text, r#"{consumer=null,name="key-auth",service={id="x"}}"#);
    }
}
