//! From flat form names to a nested record.
//!
//! A form is a heap of labelled slips: `config.limits.sms.minute=10`, `tags[]=a`, `service[id]=x`. This file
//! reads the labels and sorts the slips into drawers within drawers; what is inside stays text, because only
//! the schema knows whether `10` is a number (`Entity::infer`).
//!
//! | label | place |
//! |---|---|
//! | `a.b` or `a[b]` | member `b` of `a`; inside brackets a dot is a letter |
//! | `a[]` | next element of `a` |
//! | `a[2]` | second element of `a` (Kong: counted from 1; gaps close) |
//! | `a=1&a=2` | two elements of `a` |
//!
//! The catch: labels come from the network, so depth is limited, and `a=1&a.b=2` must mean something: the
//! drawer wins over the slip that lay in its place.

use crate::{problem::Failure, query::Pair};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Sorts `pairs` into one record. A pair without a value is `true` (Kong: as OpenResty reads it).
///
/// # Errors
/// [`Failure::TooManyArguments`] when a name nests deeper than `depth_max`.
pub fn nest(
    pairs: impl IntoIterator<Item = (String, Value)>,
    depth_max: usize,
) -> Result<Map<String, Value>, Failure> {
    let mut root = Drawer::default();
    for (name, value) in pairs {
        let path = parse_name(&name);
        if path.len() > depth_max {
            return Err(Failure::TooManyArguments);
        }
        root.put(&path, value);
    }
    Ok(root.into_record())
}

/// The value of a pair as the schema's inference wants it.
pub fn value_of((name, value): Pair) -> (String, Value) {
    (name, value.map_or(Value::Bool(true), Value::String))
}

/// One step of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Index(usize),
    Next,
}

/// `a.b[c.d][]` is the steps a, b, c.d, next.
fn parse_name(name: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let after_bracket = rest.strip_prefix('[').and_then(|inner| inner.split_once(']'));
        if let (Some((inner, after)), false) = (after_bracket, steps.is_empty()) {
            steps.push(bracketed(inner));
            rest = after.strip_prefix('.').unwrap_or(after);
            continue;
        }
        let end = member_end(rest);
        steps.push(Step::Member(rest[..end].to_owned()));
        rest = &rest[end..];
        rest = rest.strip_prefix('.').unwrap_or(rest);
    }
    if steps.is_empty() {
        steps.push(Step::Member(String::new()));
    }
    steps
}

/// Where a member's name ends: at a dot, or at a bracket that closes later and is not the first letter.
fn member_end(text: &str) -> usize {
    let dot = text.find('.');
    let mut brackets = text.char_indices().skip(1).filter(|(_, letter)| *letter == '[');
    let bracket = brackets
        .next()
        .map(|(at, _)| at)
        .filter(|at| text[*at..].contains(']'));
    let end = dot.into_iter().chain(bracket).min().unwrap_or(text.len());
    // A leading dot is part of the name: there must be progress.
    if end == 0 {
        text.chars().next().map_or(0, char::len_utf8)
    } else {
        end
    }
}

fn bracketed(inner: &str) -> Step {
    if inner.is_empty() {
        return Step::Next;
    }
    match inner.parse() {
        Ok(index) if inner.bytes().all(|b| b.is_ascii_digit()) => Step::Index(index),
        _ => Step::Member(inner.to_owned()),
    }
}

/// A place while slips are being sorted.
#[derive(Debug)]
enum Place {
    Slip(Value),
    Drawer(Drawer),
}

/// Members by name and elements by number; a drawer with members is an object, one with elements only is a
/// list.
#[derive(Debug, Default)]
struct Drawer {
    members: BTreeMap<String, Place>,
    elements: BTreeMap<usize, Place>,
}

impl Drawer {
    fn put(&mut self, path: &[Step], value: Value) {
        let Some((step, rest)) = path.split_first() else {
            return;
        };
        let repeats = matches!(step, Step::Member(_));
        match (rest.is_empty(), self.find(step)) {
            (true, Some(Place::Slip(first))) if repeats => {
                let mut list = Drawer::default();
                list.push(Place::Slip(first.take()));
                list.push(Place::Slip(value));
                self.place(step, Place::Drawer(list));
            }
            (true, Some(Place::Drawer(list))) => list.push(Place::Slip(value)),
            (true, _) => self.place(step, Place::Slip(value)),
            (false, Some(Place::Drawer(drawer))) => drawer.put(rest, value),
            (false, _) => {
                let mut drawer = Drawer::default();
                drawer.put(rest, value);
                self.place(step, Place::Drawer(drawer));
            }
        }
    }

    fn find(&mut self, step: &Step) -> Option<&mut Place> {
        match step {
            Step::Member(name) => self.members.get_mut(name),
            Step::Index(index) => self.elements.get_mut(index),
            Step::Next => None,
        }
    }

    fn place(&mut self, step: &Step, place: Place) {
        match step {
            Step::Member(name) => drop(self.members.insert(name.clone(), place)),
            Step::Index(index) => drop(self.elements.insert(*index, place)),
            Step::Next => self.push(place),
        }
    }

    fn push(&mut self, place: Place) {
        let next = self
            .elements
            .last_key_value()
            .map_or(1, |(last, _)| last.saturating_add(1));
        self.elements.insert(next, place);
    }

    fn into_value(self) -> Value {
        if self.members.is_empty() {
            Value::Array(self.elements.into_values().map(Place::into_value).collect())
        } else {
            Value::Object(self.into_record())
        }
    }

    fn into_record(self) -> Map<String, Value> {
        let numbered = self
            .elements
            .into_iter()
            .map(|(index, place)| (index.to_string(), place));
        let named = self.members.into_iter().chain(numbered);
        named.map(|(name, place)| (name, place.into_value())).collect()
    }
}

impl Place {
    fn into_value(self) -> Value {
        match self {
            Place::Slip(value) => value,
            Place::Drawer(drawer) => drawer.into_value(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(form: &str, expected: Value) {
        let pairs = crate::query::parse_pairs(form, 100).unwrap();
        let record = nest(pairs.into_iter().map(value_of), 32).unwrap();
        assert_eq!(Value::Object(record), expected, "{form}");
    }

    #[test]
    fn names_become_nested_places() {
        check(
            "config.key_names=a&config.key_names=b",
            json!({"config": {"key_names": ["a", "b"]}}),
        );
        check("config.key_names[]=a", json!({"config": {"key_names": ["a"]}}));
        check(
            "config.key_names[1]=a&config.key_names[2]=b",
            json!({"config": {"key_names": ["a", "b"]}}),
        );
        check("a[2]=y&a[1]=x", json!({"a": ["x", "y"]}));
        check("service.id=x", json!({"service": {"id": "x"}}));
        check("service[id]=x", json!({"service": {"id": "x"}}));
        check("hosts=a.com", json!({"hosts": "a.com"}));
        check(
            "hosts[]=a.com&hosts[]=b.com",
            json!({"hosts": ["a.com", "b.com"]}),
        );
        check("headers.x-foo=a", json!({"headers": {"x-foo": "a"}}));
        check("headers[x.foo]=a", json!({"headers": {"x.foo": "a"}}));
        check(
            "headers[x.foo][]=a&headers[x.foo][]=b",
            json!({"headers": {"x.foo": ["a", "b"]}}),
        );
        check(
            "config.limits.sms.minute=10",
            json!({"config": {"limits": {"sms": {"minute": "10"}}}}),
        );
        check("a.b[1].c=z", json!({"a": {"b": [{"c": "z"}]}}));
        check(
            "a.b[1].c=z&a.b[1].d=y",
            json!({"a": {"b": [{"c": "z", "d": "y"}]}}),
        );
        check("config%5Bx%5D=1", json!({"config": {"x": "1"}}));
    }

    #[test]
    fn odd_names_mean_something_and_never_hang() {
        check("username", json!({"username": true}));
        check("a=1&a.b=2", json!({"a": {"b": "2"}}));
        check("a=1&a=2&a=3", json!({"a": ["1", "2", "3"]}));
        check("a[=1", json!({"a[": "1"}));
        check("[a]=1", json!({"[a]": "1"}));
        check(".=1", json!({".": "1"}));
        check("=1", json!({"": "1"}));
        check("ü[a]=1", json!({"ü": {"a": "1"}}));
        check("a..b=1", json!({"a": {".": {"b": "1"}}}));
        check(
            "a[99999999999999999999999]=1",
            json!({"a": {"99999999999999999999999": "1"}}),
        );
        check("a[18446744073709551615]=1&a[]=2", json!({"a": ["2"]}));
    }

    proptest::proptest! {
        #[test]
        fn any_form_becomes_a_record(form in "([ab]|[\\[\\].&=1]|%5B|ü){0,40}") {
            let pairs = crate::query::parse_pairs(&form, 100).unwrap();
            nest(pairs.into_iter().map(value_of), 100).unwrap();
        }
    }

    #[test]
    fn a_name_nested_too_deeply_is_refused() {
        let name = vec!["a"; 33].join(".");
        assert!(matches!(
            nest([(name, Value::Null)], 32),
            Err(Failure::TooManyArguments)
        ));
    }
}
