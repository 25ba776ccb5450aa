//! Boxes that must agree with each other.
//!
//! A check looks at several fields at once and adds its remark to the entity as a whole. Paths may lead into records:
//! `config.redis.host`.
//!
//! The catch: a conditional check lays its demands over the field's own rules, so a field that is wrong anyway is
//! remarked twice. And no check looks at a field that holds a vault reference: its value is not known yet.

use crate::{
    Record,
    fault::Faults,
    field::{Field, Kind},
    rule::Rule,
    shape::{Layers, value_at},
    validate::Validator,
    vault_reference::is_vault_reference,
    violation::text,
};
use serde_json::Value;

/// Demands laid over a field's own.
#[derive(Clone, Debug, Default)]
pub struct Match {
    required: bool,
    rules: Vec<Rule>,
    elements: Vec<Rule>,
}

impl Match {
    /// Not null.
    pub fn required() -> Self {
        Match {
            required: true,
            ..Match::default()
        }
    }

    /// Satisfies the rule.
    pub fn rule(rule: Rule) -> Self {
        Match {
            rules: vec![rule],
            ..Match::default()
        }
    }

    /// Equals; `Value::Null` demands that there is nothing.
    pub fn eq(value: impl Into<Value>) -> Self {
        Match::rule(Rule::Eq(value.into()))
    }

    /// Is one of these.
    pub fn one_of<V: Into<Value>>(values: impl IntoIterator<Item = V>) -> Self {
        Match::rule(Rule::OneOf(values.into_iter().map(Into::into).collect()))
    }

    /// Is none of these.
    pub fn not_one_of<V: Into<Value>>(values: impl IntoIterator<Item = V>) -> Self {
        Match::rule(Rule::NotOneOf(values.into_iter().map(Into::into).collect()))
    }

    /// Has this element.
    pub fn contains(value: impl Into<Value>) -> Self {
        Match::rule(Rule::Contains(value.into()))
    }

    /// Every element satisfies the rule, and nothing else is asked of elements.
    pub fn elements(rule: Rule) -> Self {
        Match {
            elements: vec![rule],
            ..Match::default()
        }
    }

    /// And satisfies this rule.
    pub fn and(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// The field with these demands on top.
    fn over(&self, field: &Field) -> Field {
        let mut field = self.rules.iter().cloned().fold(field.clone(), Field::rule);
        field.required |= self.required;
        if !self.elements.is_empty() {
            let elements = self.elements.iter().cloned().fold(Field::string(), Field::rule);
            field.kind = Kind::Set(Box::new(elements.required()));
        }
        field
    }
}

/// A check over several fields.
#[derive(Clone, Debug)]
pub enum Check {
    /// One or more are non-empty.
    AtLeastOneOf(Vec<&'static str>),
    /// Exactly one is non-empty.
    OnlyOneOf(Vec<&'static str>),
    /// All or none are set.
    MutuallyRequired(Vec<&'static str>),
    /// One or none is set.
    MutuallyExclusive(Vec<&'static str>),
    /// Fields of one of the two groups only.
    MutuallyExclusiveSets(Vec<&'static str>, Vec<&'static str>),
    /// No two have the same value.
    Distinct(Vec<&'static str>),
    /// If one field matches, the other must.
    Conditional {
        /// Looked at.
        if_field: &'static str,
        /// When it matches,
        if_match: Match,
        /// this one
        then_field: &'static str,
        /// must match.
        then_match: Match,
        /// Said about the entity instead of the usual sentence.
        then_err: Option<&'static str>,
    },
    /// If a field matches, one or more of others are non-empty.
    ConditionalAtLeastOneOf(Vec<Branch>),
    /// A function over the record, not asked when one of its sources is at fault.
    Custom {
        /// The fields it looks at.
        sources: Vec<&'static str>,
        /// What it says.
        judge: fn(&Record) -> Result<(), String>,
    },
}

/// One arm of [`Check::ConditionalAtLeastOneOf`]; the first that matches counts.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Looked at.
    pub if_field: &'static str,
    /// When it matches,
    pub if_match: Match,
    /// one or more of these must be non-empty;
    pub then_at_least_one_of: Vec<&'static str>,
    /// said otherwise.
    pub then_err: &'static str,
}

impl Check {
    /// If `if_field` matches, `then_field` must match.
    pub fn conditional(
        if_field: &'static str,
        if_match: Match,
        then_field: &'static str,
        then_match: Match,
    ) -> Self {
        Check::Conditional {
            if_field,
            if_match,
            then_field,
            then_match,
            then_err: None,
        }
    }

    /// Says this about the entity instead of the usual sentence of a conditional check.
    pub fn or_say(mut self, text: &'static str) -> Self {
        if let Check::Conditional { then_err, .. } = &mut self {
            *then_err = Some(text);
        }
        self
    }

    /// A function over the record.
    pub fn custom(sources: Vec<&'static str>, judge: fn(&Record) -> Result<(), String>) -> Self {
        Check::Custom { sources, judge }
    }

    fn paths(&self) -> Vec<&'static str> {
        match self {
            Check::AtLeastOneOf(fields)
            | Check::OnlyOneOf(fields)
            | Check::MutuallyRequired(fields)
            | Check::MutuallyExclusive(fields)
            | Check::Distinct(fields)
            | Check::Custom { sources: fields, .. } => fields.clone(),
            Check::MutuallyExclusiveSets(a, b) => [a.as_slice(), b].concat(),
            Check::Conditional {
                if_field, then_field, ..
            } => vec![if_field, then_field],
            Check::ConditionalAtLeastOneOf(branches) => branches
                .iter()
                .flat_map(|b| std::iter::once(b.if_field).chain(b.then_at_least_one_of.iter().copied()))
                .collect(),
        }
    }
}

/// One run of the checks over one record.
pub(crate) struct Checks<'a> {
    pub(crate) validator: &'a Validator<'a>,
    pub(crate) layers: Layers<'a>,
    pub(crate) record: &'a Record,
    pub(crate) updating: bool,
}

impl Checks<'_> {
    pub(crate) fn run(&self, faults: &mut Faults) {
        for check in self.layers.checks() {
            let unknown_yet = check
                .paths()
                .iter()
                .any(|path| is_vault_reference(self.value(path)));
            if !unknown_yet && let Err(remark) = self.judge(check, faults) {
                faults.remark(remark);
            }
        }
    }

    fn judge(&self, check: &Check, faults: &mut Faults) -> Result<(), String> {
        match check {
            Check::AtLeastOneOf(fields) => ensure(self.filled(fields) > 0, || {
                text::at_least_one_of(fields, self.updating)
            }),
            Check::OnlyOneOf(fields) => ensure(self.filled(fields) == 1, || text::only_one_of(fields)),
            Check::MutuallyRequired(fields) => {
                let filled = self.filled(fields);
                ensure(filled == 0 || filled == fields.len(), || {
                    text::mutually_required(fields)
                })
            }
            Check::MutuallyExclusive(fields) => {
                ensure(self.filled(fields) < 2, || text::mutually_exclusive(fields))
            }
            Check::MutuallyExclusiveSets(a, b) => ensure(self.filled(a) == 0 || self.filled(b) == 0, || {
                text::exclusive_sets(&[a, b])
            }),
            Check::Distinct(fields) => ensure(self.are_distinct(fields), || text::distinct(fields)),
            Check::Conditional {
                if_field,
                if_match,
                then_field,
                then_match,
                then_err,
            } => {
                if self.verdict(if_field, if_match).is_err() {
                    return Ok(());
                }
                self.verdict(then_field, then_match).map_err(|fault| {
                    faults.set_path(then_field, fault);
                    then_err.map_or_else(|| text::conditional(if_field), str::to_owned)
                })
            }
            Check::ConditionalAtLeastOneOf(branches) => self.branches(branches),
            Check::Custom { sources, judge } => {
                if sources.iter().any(|path| faults.at(path).is_some()) {
                    return Ok(());
                }
                judge(self.record)
            }
        }
    }

    fn branches(&self, branches: &[Branch]) -> Result<(), String> {
        let taken = branches
            .iter()
            .find(|branch| self.verdict(branch.if_field, &branch.if_match).is_ok());
        match taken {
            Some(branch) => {
                let filled = self.filled(&branch.then_at_least_one_of);
                ensure(filled > 0, || branch.then_err.to_owned())
            }
            None => Ok(()),
        }
    }

    /// What the field's own rules with the demands on top say of its value.
    fn verdict(&self, path: &str, demands: &Match) -> Result<(), crate::Fault> {
        match self.layers.field_at(path) {
            Some(field) => self.validator.field(&demands.over(field), self.value(path)),
            None => Ok(()),
        }
    }

    fn value(&self, path: &str) -> &Value {
        value_at(self.record, path)
    }

    fn filled(&self, paths: &[&'static str]) -> usize {
        paths.iter().filter(|path| !is_empty(self.value(path))).count()
    }

    fn are_distinct(&self, paths: &[&'static str]) -> bool {
        let values: Vec<_> = paths
            .iter()
            .map(|path| self.value(path))
            .filter(|value| !is_empty(value))
            .collect();
        values
            .iter()
            .enumerate()
            .all(|(at, value)| !values[..at].contains(value))
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Kong: null, the empty string and the empty table count as nothing.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
