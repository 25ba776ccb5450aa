//! One box of the form: what may stand in it.
//!
//! A field is a kind (string, integer, array of …, record of …, reference to …) with rules and habits: required, a default,
//! filled in by itself, unique, secret. Tables read like sentences:
//! `Field::integer().between(0, 65535).required().default(80)`.
//!
//! The catch: rules are judged in a fixed order whatever the order they are written in, and only the first broken one is
//! reported; [`crate::rule`] holds that order. An empty string is refused unless `len_min(0)` says otherwise.

use crate::{
    rule::{Custom, Pattern, Rule},
    shape::Shape,
};
use serde_json::Value;

/// What sort of value a field holds.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Text.
    String,
    /// Any number.
    Number,
    /// A number without a fraction.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// Elements in order.
    Array(Box<Field>),
    /// Elements in order, duplicates dropped.
    Set(Box<Field>),
    /// Free keys to values.
    Map(Box<Field>, Box<Field>),
    /// Fixed fields.
    Record(Box<Shape>),
    /// A reference to a record of this schema.
    Foreign(&'static str),
}

/// What a field is filled with when the sender leaves it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auto {
    /// A random id.
    Id,
    /// The time of creation.
    CreatedAt,
    /// The time of the last write; the sender's value is ignored.
    UpdatedAt,
    /// 32 random letters and digits.
    Token,
}

/// What becomes of a record when the one it refers to is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDelete {
    /// The deletion is refused.
    #[default]
    Restrict,
    /// It is deleted too.
    Cascade,
}

/// A field: kind, rules, habits.
#[derive(Clone, Debug)]
pub struct Field {
    pub(crate) kind: Kind,
    pub(crate) rules: Vec<Rule>,
    pub(crate) required: bool,
    pub(crate) default: Option<Value>,
    pub(crate) auto: Option<Auto>,
    pub(crate) unique: bool,
    pub(crate) immutable: bool,
    pub(crate) secret: bool,
    pub(crate) referenceable: bool,
    pub(crate) specialised_later: bool,
    pub(crate) never_null: bool,
    pub(crate) refers_softly: Option<&'static str>,
    pub(crate) on_delete: OnDelete,
    pub(crate) err: Option<&'static str>,
}

/// Kinds.
impl Field {
    fn of(kind: Kind) -> Self {
        Field {
            kind,
            rules: Vec::new(),
            required: false,
            default: None,
            auto: None,
            unique: false,
            immutable: false,
            secret: false,
            referenceable: false,
            specialised_later: false,
            never_null: false,
            refers_softly: None,
            on_delete: OnDelete::Restrict,
            err: None,
        }
    }

    /// Text, not empty.
    pub fn string() -> Self {
        Field::of(Kind::String).len_min(1)
    }

    /// Any number.
    pub fn number() -> Self {
        Field::of(Kind::Number)
    }

    /// A number without a fraction.
    pub fn integer() -> Self {
        Field::of(Kind::Integer)
    }

    /// `true` or `false`.
    pub fn boolean() -> Self {
        Field::of(Kind::Boolean)
    }

    /// A list.
    pub fn array(elements: Field) -> Self {
        Field::of(Kind::Array(Box::new(elements.required())))
    }

    /// A list without duplicates.
    pub fn set(elements: Field) -> Self {
        Field::of(Kind::Set(Box::new(elements.required())))
    }

    /// Free keys.
    pub fn map(keys: Field, values: Field) -> Self {
        Field::of(Kind::Map(Box::new(keys), Box::new(values.required())))
    }

    /// Fixed members. Required, and made of its members' defaults when left out; [`Field::nullable`] takes that back.
    pub fn record(fields: Vec<(&'static str, Field)>) -> Self {
        Field::record_of(Shape::new(fields))
    }

    /// As [`Field::record`], with shorthands and checks of its own.
    pub fn record_of(shape: Shape) -> Self {
        Field::of(Kind::Record(Box::new(shape))).required()
    }

    /// A record whose members depend on another field and are declared elsewhere.
    pub(crate) fn specialised_later() -> Self {
        let mut field = Field::of(Kind::Record(Box::new(Shape::new(Vec::new()))));
        field.specialised_later = true;
        field
    }

    /// A reference to a record of `schema`.
    pub fn foreign(schema: &'static str) -> Self {
        Field::of(Kind::Foreign(schema))
    }
}

/// Habits.
impl Field {
    /// Null is refused.
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Null is allowed.
    pub fn nullable(mut self) -> Self {
        self.required = false;
        self
    }

    /// What stands there when the sender leaves it out.
    pub fn default(mut self, value: impl Into<Value>) -> Self {
        self.default = Some(value.into());
        self
    }

    /// Filled in by itself.
    pub fn auto(mut self, auto: Auto) -> Self {
        self.auto = Some(auto);
        self
    }

    /// No two records share a value.
    pub fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// Cannot be changed once written.
    pub fn immutable(mut self) -> Self {
        self.immutable = true;
        self
    }

    /// Never to be shown outside the Admin API: logs and change histories redact it.
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// May hold a vault reference instead of a value.
    pub fn referenceable(mut self) -> Self {
        self.referenceable = true;
        self
    }

    /// Passes judging as null and is refused when it is stored. Kong: its table has a `NOT NULL` here that its schema does
    /// not know, and reports the primary key as violated.
    pub fn never_null(mut self) -> Self {
        self.never_null = true;
        self
    }

    /// Is the id of a record of `schema` that need not exist, but cannot go while it is named here.
    pub(crate) fn refers_softly(mut self, schema: &'static str) -> Self {
        self.refers_softly = Some(schema);
        self
    }

    /// What becomes of the record when the one referred to is deleted.
    pub fn on_delete(mut self, on_delete: OnDelete) -> Self {
        self.on_delete = on_delete;
        self
    }

    /// Says this instead of the sentence of whichever rule is broken.
    pub fn err(mut self, text: &'static str) -> Self {
        self.err = Some(text);
        self
    }
}

/// Rules.
impl Field {
    /// Adds a rule; one of the same sort is replaced.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.retain(|old| old.rank() != rule.rank());
        let at = self.rules.partition_point(|old| old.rank() < rule.rank());
        self.rules.insert(at, rule);
        self
    }

    /// Equals.
    pub fn eq(self, value: impl Into<Value>) -> Self {
        self.rule(Rule::Eq(value.into()))
    }

    /// Differs.
    pub fn ne(self, value: impl Into<Value>) -> Self {
        self.rule(Rule::Ne(value.into()))
    }

    /// Is one of these.
    pub fn one_of<V: Into<Value>>(self, values: impl IntoIterator<Item = V>) -> Self {
        self.rule(Rule::OneOf(values.into_iter().map(Into::into).collect()))
    }

    /// Is none of these.
    pub fn not_one_of<V: Into<Value>>(self, values: impl IntoIterator<Item = V>) -> Self {
        self.rule(Rule::NotOneOf(values.into_iter().map(Into::into).collect()))
    }

    /// Is greater.
    pub fn gt(self, bound: impl Into<f64>) -> Self {
        self.rule(Rule::Gt(bound.into()))
    }

    /// Lies between, both ends included.
    pub fn between(self, low: impl Into<f64>, high: impl Into<f64>) -> Self {
        self.rule(Rule::Between(low.into(), high.into()))
    }

    /// Has this many bytes or elements.
    pub fn len_eq(self, len: usize) -> Self {
        self.rule(Rule::LenEq(len))
    }

    /// Has at least this many bytes or elements.
    pub fn len_min(self, len: usize) -> Self {
        self.rule(Rule::LenMin(len))
    }

    /// Has at most this many bytes or elements.
    pub fn len_max(self, len: usize) -> Self {
        self.rule(Rule::LenMax(len))
    }

    /// Begins with.
    pub fn starts_with(self, head: &'static str) -> Self {
        self.rule(Rule::StartsWith(head))
    }

    /// Matches a regular expression.
    pub fn matches(self, pattern: &str) -> Self {
        self.rule(Rule::Match(Pattern::new(pattern)))
    }

    /// Does not match it.
    pub fn not_match(self, pattern: &str) -> Self {
        self.rule(Rule::NotMatch(Pattern::new(pattern)))
    }

    /// Matches none of these; each has its own sentence.
    pub fn match_none(self, patterns: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
        self.rule(Rule::MatchNone(with_texts(patterns)))
    }

    /// Matches all of these; each has its own sentence.
    pub fn match_all(self, patterns: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
        self.rule(Rule::MatchAll(with_texts(patterns)))
    }

    /// Matches at least one of these.
    pub fn match_any(self, patterns: impl IntoIterator<Item = &'static str>, err: &'static str) -> Self {
        self.rule(Rule::MatchAny(
            patterns.into_iter().map(Pattern::new).collect(),
            err,
        ))
    }

    /// Has this element.
    pub fn contains(self, value: impl Into<Value>) -> Self {
        self.rule(Rule::Contains(value.into()))
    }

    /// Is a UUID.
    pub fn uuid(self) -> Self {
        self.rule(Rule::Uuid)
    }

    /// Is a point in time after 1970.
    pub fn timestamp(self) -> Self {
        self.rule(Rule::Timestamp)
    }

    /// Is a regular expression.
    pub fn is_regex(self) -> Self {
        self.rule(Rule::IsRegex)
    }

    /// Has elements of one of these groups only.
    pub fn exclusive_subsets(self, groups: Vec<Vec<&'static str>>) -> Self {
        self.rule(Rule::ExclusiveSubsets(groups))
    }

    /// Satisfies a function.
    pub fn custom(self, custom: Custom) -> Self {
        self.rule(Rule::Custom(custom))
    }
}

/// What tables are asked.
impl Field {
    /// The sort of value.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    pub(crate) fn kind_is_string(&self) -> bool {
        matches!(self.kind, Kind::String)
    }

    /// Whether no two records share a value.
    pub fn is_unique(&self) -> bool {
        self.unique
    }

    /// Whether null is refused.
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// Whether it must not be shown outside the Admin API.
    pub fn is_secret(&self) -> bool {
        self.secret
    }

    /// Whether it may hold a vault reference.
    pub fn is_referenceable(&self) -> bool {
        self.referenceable
    }
}

fn with_texts(
    patterns: impl IntoIterator<Item = (&'static str, &'static str)>,
) -> Vec<(Pattern, &'static str)> {
    patterns
        .into_iter()
        .map(|(pattern, err)| (Pattern::new(pattern), err))
        .collect()
}
