//! `{vault://env/NAME}`: a value that stands somewhere else.
//!
//! A note in place of a key: "at the neighbour's, under the mat". The note is what is stored, shown and exported; whoever needs the
//! key goes and fetches it at the moment of use, and nobody writes down what he found.
//!
//! Kong: `{vault://<vault>/<resource>[/<member>][?<option>=<value>&…]}`. The vault is the name of a kind of vault or the prefix of a
//! vault entity; the member names a field of a resource that is a JSON object; options overlay the vault's configuration.
//!
//! What this file does not do: fetch. Only fields whose table says `referenceable` are looked at; anywhere else the same text is
//! just text.

use crate::{
    Record,
    field::{Field, Kind},
    plugin::PluginSchema,
    shape::{Layers, Shape},
};
use serde_json::Value;

const OPEN: &str = "{vault://";
const CLOSE: char = '}';

/// A reference, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultReference<'t> {
    /// The kind of vault, or the prefix of one.
    pub vault: &'t str,
    /// What is asked for.
    pub resource: &'t str,
    /// A member of it, if it is an object.
    pub member: Option<&'t str>,
    /// Options, in order.
    pub options: Vec<(&'t str, &'t str)>,
}

impl<'t> VaultReference<'t> {
    /// Reads a text; `None` if it is not a reference.
    pub fn parse(text: &'t str) -> Option<Self> {
        let inner = text.strip_prefix(OPEN)?.strip_suffix(CLOSE)?;
        let (path, options) = inner.split_once('?').unwrap_or((inner, ""));
        let mut parts = path.splitn(3, '/');
        let vault = parts.next().filter(|part| !part.is_empty())?;
        let resource = parts.next().filter(|part| !part.is_empty())?;
        let member = parts.next().filter(|part| !part.is_empty());
        let options = options.split('&').filter_map(|option| option.split_once('='));
        Some(VaultReference {
            vault,
            resource,
            member,
            options: options.collect(),
        })
    }
}

/// Whether a value has the form of a reference.
pub fn is_vault_reference(value: &Value) -> bool {
    let text = value.as_str();
    text.is_some_and(|text| text.starts_with(OPEN) && text.ends_with(CLOSE))
}

impl PluginSchema {
    /// Puts what `fetch` gives in the place of every reference in a configuration.
    pub fn dereference(&self, config: &mut Record, fetch: &mut dyn FnMut(&str) -> Value) {
        record(self.config(), config, &mut |value| {
            if let Value::String(text) = &*value
                && is_vault_reference(value)
            {
                *value = fetch(text);
            }
        });
    }
}

fn record(shape: &Shape, values: &mut Record, visit: &mut dyn FnMut(&mut Value)) {
    let layers = Layers::plain(shape);
    for (name, value) in values.iter_mut() {
        if let Some(field) = layers.field(name) {
            walk(field, value, visit);
        }
    }
}

fn walk(field: &Field, value: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    if field.referenceable {
        visit(value);
    }
    match (&field.kind, value) {
        (Kind::Array(elements) | Kind::Set(elements), Value::Array(list)) => {
            list.iter_mut().for_each(|inner| walk(elements, inner, visit));
        }
        (Kind::Map(_, values), Value::Object(map)) => {
            map.values_mut().for_each(|inner| walk(values, inner, visit))
        }
        (Kind::Record(shape), Value::Object(inner)) => record(shape, inner, visit),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Vault, resource, member, options.
    type Parts<'t> = (&'t str, &'t str, Option<&'t str>, &'t [(&'t str, &'t str)]);

    #[track_caller]
    fn check(text: &str, wanted: Option<Parts<'_>>) {
        let wanted = wanted.map(|(vault, resource, member, options)| VaultReference {
            vault,
            resource,
            member,
            options: options.to_vec(),
        });
        assert_eq!(VaultReference::parse(text), wanted, "{text}");
    }

    #[test]
    fn references_are_taken_apart() {
        check("{vault://env/a-b}", Some(("env", "a-b", None, &[])));
        check("{vault://v1/a/b/c}", Some(("v1", "a", Some("b/c"), &[])));
        check(
            "{vault://env/a?prefix=x_&y=1}",
            Some(("env", "a", None, &[("prefix", "x_"), ("y", "1")])),
        );
        for none in [
            "",
            "x",
            "{vault://env}",
            "{vault://env/}",
            "{vault:///a}",
            "{vault://env/a",
            " {vault://env/a}",
        ] {
            check(none, None);
        }
    }

    #[test]
    fn only_fields_that_may_hold_a_reference_are_looked_at() {
        let plugin = PluginSchema::new(
            "p",
            vec![
                ("key", Field::string().referenceable()),
                ("text", Field::string()),
                ("list", Field::array(Field::string().referenceable())),
                (
                    "map",
                    Field::map(Field::string(), Field::string().referenceable()),
                ),
                (
                    "inner",
                    Field::record(vec![("key", Field::string().referenceable())]),
                ),
            ],
        );
        let reference = "{vault://env/x}";
        let config = json!({
            "key": reference, "text": reference, "list": ["a", reference], "map": {"m": reference}, "inner": {"key": reference},
        });
        let mut config = config.as_object().cloned().unwrap();
        plugin.dereference(&mut config, &mut |text| {
            assert_eq!(text, reference);
            json!("found")
        });
        let wanted = json!({
            "key": "found", "text": reference, "list": ["a", "found"], "map": {"m": "found"}, "inner": {"key": "found"},
        });
        assert_eq!(Value::Object(config), wanted);
    }
}
