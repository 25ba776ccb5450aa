//! The arguments of a query or of a web form, to be changed and written again.

use crate::{
    query::{self, Argument},
    transform::Target,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// RFC 3986's unreserved characters stay as they are; everything else is encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Arguments in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments(Vec<Argument>);

impl Arguments {
    /// Those of a query without its question mark, or of a form.
    pub fn read(text: &str) -> Self {
        Arguments(query::arguments(text).collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes over another's arguments; its values count where both have a name.
    pub fn merge(&mut self, other: Arguments) {
        self.0
            .retain(|own| other.0.iter().all(|theirs| theirs.name != own.name));
        self.0.extend(other.0);
    }

    /// As text.
    pub fn write(&self) -> String {
        let pieces: Vec<String> = self.0.iter().map(written).collect();
        pieces.join("&")
    }
}

fn written(argument: &Argument) -> String {
    let encode = |text| utf8_percent_encode(text, ENCODED);
    match &argument.value {
        None => encode(&argument.name).to_string(),
        Some(value) => format!("{}={}", encode(&argument.name), encode(value)),
    }
}

impl Target for Arguments {
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|argument| argument.name == name)
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|argument| argument.name != name);
    }

    fn rename(&mut self, old: &str, new: &str) {
        self.remove(new);
        for argument in self.0.iter_mut().filter(|argument| argument.name == old) {
            new.clone_into(&mut argument.name);
        }
    }

    fn set(&mut self, name: &str, value: String) {
        self.remove(name);
        self.append(name, value);
    }

    fn append(&mut self, name: &str, value: String) {
        self.0.push(Argument {
            name: name.to_owned(),
            value: Some(value),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, change: impl FnOnce(&mut Arguments), expected: &str) {
        let mut arguments = Arguments::read(text);
        change(&mut arguments);
        assert_eq!(arguments.write(), expected, "{text}");
    }

    #[test]
    fn arguments_are_changed_by_name() {
        check("a=1&b&c=%20", |_| {}, "a=1&b&c=%20");
        check("a=1&a=2&b=3", |a| a.remove("a"), "b=3");
        check("a=1&b=3", |a| a.rename("a", "b"), "b=1");
        check("a=1", |a| a.set("a", "x y&=".into()), "a=x%20y%26%3D");
        check("a=1", |a| a.append("a", "2".into()), "a=1&a=2");
        check("a=1&b=2", |a| a.merge(Arguments::read("b=3&c=4")), "a=1&b=3&c=4");
    }
}
