//! Fields of a log record that the configuration adds, replaces or leaves out.
//!
//! Kong's `custom_fields_by_lua` holds a Lua program per field. No Lua runs here; what most such programs are is a constant, and those
//! are understood: `return 'text'`, `return 5`, `return true`, `return nil`. Anything else is refused when it is configured.

use crate::config::{Config, wrong};
use serde_json::{Map, Number, Value};
use troop_plugin_api::Misconfigured;
use troop_schema::{Fault, Field, Record};

/// The field.
pub(crate) fn fields_field() -> Field {
    let program = Field::string().len_min(1).custom(is_constant);
    Field::map(Field::string().len_min(1), program)
}

fn is_constant(value: &Value) -> Result<(), Fault> {
    match constant(value.as_str().unwrap_or_default()) {
        Some(_) => Ok(()),
        None => {
            Err("Lua is not supported: only 'return' with a text, a number, true, false or nil is".into())
        }
    }
}

/// What such a program returns; `Value::Null` for `nil`.
fn constant(program: &str) -> Option<Value> {
    let returned = program.trim().strip_prefix("return")?;
    if !returned.starts_with(|c: char| c.is_whitespace() || c == '\'' || c == '"') {
        return None;
    }
    let returned = returned.trim().trim_end_matches(';').trim_end();
    let quoted = |quote: char| {
        let inside = returned.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inside.contains([quote, '\\', '\n'])).then(|| inside.into())
    };
    match returned {
        "nil" => Some(Value::Null),
        "true" => Some(true.into()),
        "false" => Some(false.into()),
        _ => quoted('\'')
            .or_else(|| quoted('"'))
            .or_else(|| returned.parse::<i64>().ok().map(Value::from))
            .or_else(|| {
                returned
                    .parse()
                    .ok()
                    .and_then(Number::from_f64)
                    .map(Value::Number)
            }),
    }
}

/// The configured fields.
#[derive(Debug, Default)]
pub(super) struct CustomFields(Vec<(Vec<String>, Value)>);

impl CustomFields {
    /// Reads the field of that name.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        const FIELD: &str = "custom_fields_by_lua";
        let Some(programs) = Config(config).0.get(FIELD).and_then(Value::as_object) else {
            return Ok(CustomFields::default());
        };
        let read = |(path, program): (&String, &Value)| {
            let value = constant(program.as_str().unwrap_or_default());
            let value = value.ok_or_else(|| wrong(FIELD, "not a constant"))?;
            Ok((path.split('.').map(str::to_owned).collect(), value))
        };
        programs
            .iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map(CustomFields)
    }

    /// Changes a record.
    pub fn apply(&self, record: &mut Map<String, Value>) {
        for (path, value) in &self.0 {
            put(record, path, value);
        }
    }
}

/// Kong: nothing removes the member.
fn put(record: &mut Map<String, Value>, path: &[String], value: &Value) {
    match path {
        [] => {}
        [last] if value.is_null() => _ = record.remove(last),
        [last] => _ = record.insert(last.clone(), value.clone()),
        [first, rest @ ..] => {
            let inner = record.entry(first).or_insert_with(|| Map::new().into());
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_constants_are_understood() {
        for (program, value) in [
            ("return 'v'", Some(json!("v"))),
            ("return \"v\";", Some(json!("v"))),
            ("  return 5 ", Some(json!(5))),
            ("return -1.5", Some(json!(-1.5))),
            ("return nil", Some(Value::Null)),
            ("return true", Some(json!(true))),
            ("return'v'", Some(json!("v"))),
            ("return", None),
            ("returntrue", None),
            ("return os.time()", None),
            ("return 'a' .. 'b'", None),
            ("x = 5", None),
        ] {
            assert_eq!(constant(program), value, "{program}");
        }
    }

    #[test]
    fn fields_are_added_replaced_and_left_out_by_path() {
        let config = json!({"custom_fields_by_lua": {
            "extra": "return 'v'", "route": "return nil", "request.added": "return 5", "a.b.c": "return 1"
        }});
        let fields = CustomFields::configure(config.as_object().expect("an object")).expect("fields");
        let mut record = json!({"route": {"id": 1}, "request": {"uri": "/x"}});
        fields.apply(record.as_object_mut().expect("an object"));
        assert_eq!(
            record,
            json!({"request": {"uri": "/x", "added": 5}, "extra": "v", "a": {"b": {"c": 1}}})
        );
    }
}
