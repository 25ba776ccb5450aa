//! The form itself, as `/schemas/…` prints it.
//!
//! An array of one-member objects keeps the order of the fields. Functions cannot be printed and are left out, as Kong
//! leaves out its own.

use crate::{
    Record,
    field::{Field, Kind},
    rule::Rule,
    shape::{Layers, Shape},
};
use serde_json::{Map, Value, json};

/// `{"fields": […], "entity_checks": […]}`.
pub(crate) fn of(layers: Layers<'_>) -> Value {
    json!({ "fields": fields(layers), "entity_checks": checks(layers) })
}

/// The `fields` array alone.
pub(crate) fn fields(layers: Layers<'_>) -> Value {
    layers
        .fields()
        .map(|(name, field)| json!({ name: Value::Object(describe(field)) }))
        .collect()
}

/// Kong: the sort of each check; what it compares is internal.
fn checks(layers: Layers<'_>) -> Value {
    layers.checks().filter_map(check).collect()
}

fn check(check: &crate::Check) -> Option<Value> {
    use crate::Check;
    Some(match check {
        Check::AtLeastOneOf(fields) => json!({ "at_least_one_of": fields }),
        Check::OnlyOneOf(fields) => json!({ "only_one_of": fields }),
        Check::MutuallyRequired(fields) => json!({ "mutually_required": fields }),
        Check::MutuallyExclusive(fields) => json!({ "mutually_exclusive": fields }),
        Check::MutuallyExclusiveSets(a, b) => json!({ "mutually_exclusive_sets": { "set1": a, "set2": b } }),
        Check::Distinct(fields) => json!({ "distinct": fields }),
        Check::Conditional {
            if_field, then_field, ..
        } => json!({ "conditional": { "if_field": if_field, "then_field": then_field } }),
        Check::ConditionalAtLeastOneOf(_) | Check::Custom { .. } => return None,
    })
}

fn describe(field: &Field) -> Record {
    let mut out = Map::new();
    kind(&field.kind, &mut out);
    let flags = [
        ("required", field.required),
        ("unique", field.unique),
        ("auto", field.auto.is_some()),
        ("immutable", field.immutable),
        ("encrypted", field.secret),
        ("referenceable", field.referenceable),
        ("abstract", field.specialised_later),
    ];
    for (name, _) in flags.into_iter().filter(|(_, set)| *set) {
        out.insert(name.into(), true.into());
    }
    if let Some(default) = &field.default {
        out.insert("default".into(), default.clone());
    }
    for (name, value) in field.rules.iter().filter_map(rule) {
        out.insert(name.into(), value);
    }
    out
}

fn kind(kind: &Kind, out: &mut Record) {
    let name = match kind {
        Kind::String => "string",
        Kind::Number => "number",
        Kind::Integer => "integer",
        Kind::Boolean => "boolean",
        Kind::Array(elements) => container("array", "elements", elements, out),
        Kind::Set(elements) => container("set", "elements", elements, out),
        Kind::Map(keys, values) => {
            out.insert("keys".into(), describe(keys).into());
            container("map", "values", values, out)
        }
        Kind::Record(shape) => record(shape, out),
        Kind::Foreign(schema) => {
            out.insert("reference".into(), (*schema).into());
            "foreign"
        }
    };
    out.insert("type".into(), name.into());
}

fn container(name: &'static str, member: &str, inner: &Field, out: &mut Record) -> &'static str {
    out.insert(member.into(), describe(inner).into());
    name
}

fn record(shape: &Shape, out: &mut Record) -> &'static str {
    if !shape.fields.is_empty() {
        out.insert("fields".into(), fields(Layers::plain(shape)));
    }
    "record"
}

fn rule(rule: &Rule) -> Option<(&'static str, Value)> {
    Some(match rule {
        Rule::Eq(value) => ("eq", value.clone()),
        Rule::Ne(value) => ("ne", value.clone()),
        Rule::NotOneOf(values) => ("not_one_of", values.as_slice().into()),
        Rule::OneOf(values) => ("one_of", values.as_slice().into()),
        Rule::Gt(bound) => ("gt", number(*bound)),
        Rule::Timestamp => ("timestamp", true.into()),
        Rule::Uuid => ("uuid", true.into()),
        Rule::IsRegex => ("is_regex", true.into()),
        Rule::Between(low, high) => ("between", json!([number(*low), number(*high)])),
        Rule::LenEq(len) => ("len_eq", (*len).into()),
        Rule::LenMin(1) => return None, // what every string has
        Rule::LenMin(len) => ("len_min", (*len).into()),
        Rule::LenMax(len) => ("len_max", (*len).into()),
        Rule::StartsWith(head) => ("starts_with", (*head).into()),
        Rule::NotMatch(pattern) => ("not_match", pattern.as_str().into()),
        Rule::Match(pattern) => ("match", pattern.as_str().into()),
        Rule::MatchNone(patterns) => ("match_none", with_texts(patterns)),
        Rule::MatchAll(patterns) => ("match_all", with_texts(patterns)),
        Rule::MatchAny(patterns, err) => {
            let patterns: Vec<_> = patterns.iter().map(crate::Pattern::as_str).collect();
            ("match_any", json!({ "patterns": patterns, "err": err }))
        }
        Rule::Contains(value) => ("contains", value.clone()),
        Rule::ExclusiveSubsets(groups) => ("mutually_exclusive_subsets", json!(groups)),
        Rule::Custom(_) => return None,
    })
}

fn with_texts(patterns: &[(crate::Pattern, &'static str)]) -> Value {
    patterns
        .iter()
        .map(|(pattern, err)| json!({ "pattern": pattern.as_str(), "err": err }))
        .collect()
}

/// Bounds of integers are written without a fraction.
pub(crate) fn number(n: f64) -> Value {
    let mut value = Value::from(n);
    crate::tidy(&mut value);
    value
}
