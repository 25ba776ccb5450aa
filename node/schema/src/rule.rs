//! Rules of single values, and the order they are judged in.
//!
//! The catch: a value that breaks three rules is told about one, so the order is part of the wire format. The variants stand
//! in that order and [`Rule::rank`] spells it out.

use crate::{fault::Fault, violation::text};
use regex::Regex;
use serde_json::Value;

/// A rule that no other variant can say.
pub type Custom = fn(&Value) -> Result<(), Fault>;

/// A regular expression that was right when the program was written.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles it.
    ///
    /// # Panics
    /// When `pattern` is not a regular expression: tables are constants, and each is built by a test.
    pub fn new(pattern: &str) -> Self {
        Pattern(Regex::new(pattern).expect("invariant: patterns in tables compile"))
    }

    fn is_in(&self, value: &Value) -> bool {
        value.as_str().is_some_and(|text| self.0.is_match(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// As JavaScript would write it; none when it uses what JavaScript does not know.
    pub(crate) fn as_ecma(&self) -> Option<&str> {
        let text = self.0.as_str();
        let foreign = ["(?", "\\A", "\\z", "[[:", "\\p", "&&", "\\x{"];
        (!foreign.iter().any(|word| text.contains(word))).then_some(text)
    }
}

/// One rule.
#[derive(Clone, Debug)]
pub enum Rule {
    /// Equals.
    Eq(Value),
    /// Differs.
    Ne(Value),
    /// Is none of these.
    NotOneOf(Vec<Value>),
    /// Is one of these.
    OneOf(Vec<Value>),
    /// Is greater.
    Gt(f64),
    /// Is a point in time after 1970.
    Timestamp,
    /// Is a UUID.
    Uuid,
    /// Is a regular expression.
    IsRegex,
    /// Lies between, both ends included.
    Between(f64, f64),
    /// Has this many bytes or elements.
    LenEq(usize),
    /// Has at least this many.
    LenMin(usize),
    /// Has at most this many.
    LenMax(usize),
    /// Begins with.
    StartsWith(&'static str),
    /// Does not match.
    NotMatch(Pattern),
    /// Matches none; each has its own sentence.
    MatchNone(Vec<(Pattern, &'static str)>),
    /// Matches.
    Match(Pattern),
    /// Matches all; each has its own sentence.
    MatchAll(Vec<(Pattern, &'static str)>),
    /// Matches one at least.
    MatchAny(Vec<Pattern>, &'static str),
    /// Has this element.
    Contains(Value),
    /// Satisfies a function.
    Custom(Custom),
    /// Has elements of one group only.
    ExclusiveSubsets(Vec<Vec<&'static str>>),
}

impl Rule {
    /// The place in the order of judging.
    pub fn rank(&self) -> u8 {
        match self {
            Rule::Eq(_) => 0,
            Rule::Ne(_) => 1,
            Rule::NotOneOf(_) => 2,
            Rule::OneOf(_) => 3,
            Rule::Gt(_) => 4,
            Rule::Timestamp => 5,
            Rule::Uuid => 6,
            Rule::IsRegex => 7,
            Rule::Between(..) => 8,
            Rule::LenEq(_) => 9,
            Rule::LenMin(_) => 10,
            Rule::LenMax(_) => 11,
            Rule::StartsWith(_) => 12,
            Rule::NotMatch(_) => 13,
            Rule::MatchNone(_) => 14,
            Rule::Match(_) => 15,
            Rule::MatchAll(_) => 16,
            Rule::MatchAny(..) => 17,
            Rule::Contains(_) => 18,
            Rule::Custom(_) => 19,
            Rule::ExclusiveSubsets(_) => 20,
        }
    }

    /// Judges a value that is not null and of the right kind.
    pub(crate) fn judge(&self, value: &Value) -> Result<(), Fault> {
        match self {
            Rule::Eq(wanted) => ensure(value == wanted, || text::eq(wanted)),
            Rule::Ne(refused) => ensure(value != refused, || text::ne(refused)),
            Rule::NotOneOf(refused) => ensure(!refused.contains(value), || text::not_one_of(refused)),
            Rule::OneOf(wanted) => ensure(wanted.contains(value), || text::one_of(wanted)),
            Rule::Gt(bound) => ensure(number(value) > *bound, || text::gt(*bound)),
            Rule::Timestamp => ensure(number(value) > 0.0, || text::TIMESTAMP.into()),
            Rule::Uuid => ensure(is_uuid(value), || text::UUID.into()),
            Rule::IsRegex => ensure(is_regex(value), || text::not_a_regex(value)),
            Rule::Between(low, high) => {
                let n = number(value);
                ensure(*low <= n && n <= *high, || text::between(*low, *high))
            }
            Rule::LenEq(len) => ensure(length(value) == *len, || text::len_eq(*len)),
            Rule::LenMin(len) => ensure(length(value) >= *len, || text::len_min(*len)),
            Rule::LenMax(len) => ensure(length(value) <= *len, || text::len_max(*len)),
            Rule::StartsWith(head) => {
                let begins = value.as_str().is_some_and(|text| text.starts_with(head));
                ensure(begins, || text::starts_with(head))
            }
            Rule::NotMatch(pattern) => ensure(!pattern.is_in(value), || text::invalid(value)),
            Rule::Match(pattern) => ensure(pattern.is_in(value), || text::invalid(value)),
            Rule::MatchNone(patterns) => first_text(patterns.iter().find(|(p, _)| p.is_in(value))),
            Rule::MatchAll(patterns) => first_text(patterns.iter().find(|(p, _)| !p.is_in(value))),
            Rule::MatchAny(patterns, err) => {
                ensure(patterns.iter().any(|p| p.is_in(value)), || (*err).to_owned())
            }
            Rule::Contains(wanted) => {
                let there = value.as_array().is_some_and(|list| list.contains(wanted));
                ensure(there, || text::contains(wanted))
            }
            Rule::Custom(custom) => custom(value),
            Rule::ExclusiveSubsets(groups) => exclusive(groups, value),
        }
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Fault> {
    if holds {
        Ok(())
    } else {
        Err(Fault::Text(otherwise()))
    }
}

fn first_text(broken: Option<&(Pattern, &'static str)>) -> Result<(), Fault> {
    broken.map_or(Ok(()), |(_, err)| Err(Fault::from(*err)))
}

/// Not a number compares with nothing, so every rule about size is broken by it.
fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// Kong: Lua counts the bytes of a string and the elements of a list.
fn length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(list) => list.len(),
        Value::Object(map) => map.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn is_regex(value: &Value) -> bool {
    value.as_str().is_some_and(|text| Regex::new(text).is_ok())
}

/// Kong: 36 characters with dashes, any version, any case.
fn is_uuid(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.len() == 36 && uuid::Uuid::try_parse(text).is_ok())
}

fn exclusive(groups: &[Vec<&'static str>], value: &Value) -> Result<(), Fault> {
    let used: Vec<&[&'static str]> = groups
        .iter()
        .filter(|group| group.iter().any(|name| has(value, name)))
        .map(Vec::as_slice)
        .collect();
    ensure(used.len() < 2, || {
        text::exclusive_sets(&order_of_use(used, value))
    })
}

/// Kong: the groups are named in the order in which the value uses them.
fn order_of_use<'a>(mut used: Vec<&'a [&'static str]>, value: &Value) -> Vec<&'a [&'static str]> {
    let first_use = |group: &[&'static str]| {
        let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter()
            .position(|v| v.as_str().is_some_and(|v| group.contains(&v)))
    };
    used.sort_by_key(|group| first_use(group));
    used
}

fn has(value: &Value, element: &str) -> bool {
    value
        .as_array()
        .is_some_and(|list| list.iter().any(|v| v.as_str() == Some(element)))
}
