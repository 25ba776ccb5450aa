//! Changes of named things: header fields, arguments, members of a JSON object, parts of a form.
//!
//! A list of changes is always carried out in the same order, whoever configured them: remove, rename, replace what is there, add what is
//! not, append.

use crate::config::wrong;
use serde_json::Value;
use troop_plugin_api::Misconfigured;
use troop_schema::Record;

/// What has named things to change, their values being of type `V`.
pub(crate) trait Target<V = String> {
    /// Whether it has one of that name.
    fn has(&self, name: &str) -> bool;

    /// Has none of that name afterwards.
    fn remove(&mut self, name: &str);

    /// Calls it something else. Only called for a name that is there.
    fn rename(&mut self, old: &str, new: &str);

    /// Exactly this value.
    fn set(&mut self, name: &str, value: V);

    /// This value too.
    fn append(&mut self, name: &str, value: V);
}

/// Changes of one kind of thing, their values not made yet.
pub(crate) struct Changes<V> {
    remove: Vec<String>,
    rename: Vec<(String, String)>,
    replace: Vec<(String, V)>,
    add: Vec<(String, V)>,
    append: Vec<(String, V)>,
}

impl<V> Changes<V> {
    /// The changes of `kind` (`headers`, `body`, …); `read` makes a value of its text and of its place in the list.
    pub fn configure(
        config: &Record,
        kind: &'static str,
        read: impl Fn(&str, &str, usize) -> Result<V, Misconfigured>,
    ) -> Result<Self, Misconfigured> {
        let values = |action: &'static str| {
            let entries = entries(config, action, kind)?.into_iter().enumerate();
            let named = entries.filter_map(|(at, (name, text))| Some((at, name, text?)));
            named
                .map(|(at, name, text)| Ok((name, read(action, &text, at)?)))
                .collect::<Result<Vec<_>, Misconfigured>>()
        };
        let renamed = entries(config, "rename", kind)?.into_iter();
        Ok(Changes {
            remove: texts(config, "remove", kind)?,
            rename: renamed.filter_map(|(old, new)| Some((old, new?))).collect(),
            replace: values("replace")?,
            add: values("add")?,
            append: values("append")?,
        })
    }

    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty()
            && self.rename.is_empty()
            && self.replace.is_empty()
            && self.add.is_empty()
            && self.append.is_empty()
    }

    /// Carries the changes out; `render` makes a value.
    pub fn apply<T, E>(
        &self,
        target: &mut dyn Target<T>,
        render: impl Fn(&V) -> Result<T, E>,
    ) -> Result<(), E> {
        for name in &self.remove {
            target.remove(name);
        }
        for (old, new) in self.rename.iter().filter(|(old, new)| old != new) {
            if target.has(old) {
                target.rename(old, new);
            }
        }
        for (name, value) in &self.replace {
            if target.has(name) {
                target.set(name, render(value)?);
            }
        }
        for (name, value) in &self.add {
            if !target.has(name) {
                target.set(name, render(value)?);
            }
        }
        for (name, value) in &self.append {
            target.append(name, render(value)?);
        }
        Ok(())
    }
}

/// Kong: the name ends at the first colon; colons right behind it belong to neither.
pub(crate) fn split(entry: &str) -> (&str, Option<&str>) {
    match entry.split_once(':') {
        None => (entry, None),
        Some((name, rest)) => {
            let value = rest.trim_start_matches(':');
            (name, Some(value).filter(|value| !value.is_empty()))
        }
    }
}

fn entries(
    config: &Record,
    action: &'static str,
    kind: &'static str,
) -> Result<Vec<(String, Option<String>)>, Misconfigured> {
    let texts = texts(config, action, kind)?;
    let owned = texts.iter().map(|text| {
        let (name, value) = split(text);
        (name.to_owned(), value.map(str::to_owned))
    });
    Ok(owned.collect())
}

fn texts(config: &Record, action: &'static str, kind: &str) -> Result<Vec<String>, Misconfigured> {
    let list = config.get(action).and_then(|of| of.get(kind));
    let Some(list) = list.filter(|list| !list.is_null()) else {
        return Ok(Vec::new());
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let texts = list.as_array().and_then(|list| list.iter().map(text).collect());
    texts.ok_or_else(|| wrong(action, "not a list of texts"))
}

/// A member of a JSON object with one more value. Kong: only texts and lists keep what was there.
pub(crate) fn appended(there: Option<Value>, value: Value) -> Value {
    match there {
        Some(Value::Array(mut list)) => {
            list.push(value);
            Value::Array(list)
        }
        Some(Value::String(text)) => Value::Array(vec![text.into(), value]),
        _ => Value::Array(vec![value]),
    }
}
