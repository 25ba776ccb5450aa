//! The form as a table for people: what the reference pages of the book print.
//!
//! A field is a row: its path (`healthchecks.active.timeout`), what sort of value stands there, what stands there when
//! nobody says anything, and the rules it obeys. Records are flattened into paths; what is inside of lists has `[]` in its path,
//! what is inside of maps has `{}`.
//!
//! What it does not do: explain. A rule that is a function is named as such, and its sentences appear where it is broken.

use crate::{
    Branch, Check,
    entity::Entity,
    field::{Auto, Field, Kind, OnDelete},
    plugin::PluginSchema,
    rule::Rule,
    shape::Shape,
};
use serde_json::Value;
use std::fmt::Write as _;

const COLUMNS: &str = "| field | type | default | rules |\n|---|---|---|---|\n";

/// Lists longer than this are cut in the column of defaults and rules.
const CELL_MAX_BYTES: usize = 160;

/// The tables of one entity.
pub fn entity(entity: &Entity) -> String {
    let mut page = COLUMNS.to_owned();
    rows("", entity.shape(), &mut page);
    if entity.has_ttl() {
        page.push_str("| `ttl` | integer | | seconds until it expires; what is left of them in answers |\n");
    }
    shorthands(entity.shape(), "", &mut page);
    checks(entity.shape(), &mut page);
    page
}

/// The tables of one plugin's part.
pub fn plugin(plugin: &PluginSchema) -> String {
    let shape = plugin.shape();
    let mut page = COLUMNS.to_owned();
    rows("", &shape, &mut page);
    shorthands(plugin.config(), "config.", &mut page);
    checks(&shape, &mut page);
    page
}

fn rows(prefix: &str, shape: &Shape, page: &mut String) {
    for (name, field) in &shape.fields {
        row(&format!("{prefix}{name}"), field, page);
    }
}

fn row(path: &str, field: &Field, page: &mut String) {
    let line = [
        format!("`{path}`"),
        sort(&field.kind),
        field.default.as_ref().map(code).unwrap_or_default(),
        habits(field).join("; "),
    ];
    writeln!(
        page,
        "| {} |",
        line.map(|cell| cell.replace('|', "\\|")).join(" | ")
    )
    .expect("invariant: writing to a String cannot fail");
    inside(path, &field.kind, page);
}

/// The rows of what a value has inside.
fn inside(path: &str, kind: &Kind, page: &mut String) {
    match kind {
        Kind::Record(shape) => rows(&format!("{path}."), shape, page),
        Kind::Array(elements) | Kind::Set(elements) => inside(&format!("{path}[]"), &elements.kind, page),
        Kind::Map(_, values) => inside(&format!("{path}{{}}"), &values.kind, page),
        _ => {}
    }
}

fn sort(kind: &Kind) -> String {
    match kind {
        Kind::String => "string".to_owned(),
        Kind::Number => "number".to_owned(),
        Kind::Integer => "integer".to_owned(),
        Kind::Boolean => "boolean".to_owned(),
        Kind::Array(elements) => format!("array of {}", element(elements)),
        Kind::Set(elements) => format!("set of {}", element(elements)),
        Kind::Map(keys, values) => format!("map of {} to {}", element(keys), element(values)),
        Kind::Record(_) => "record".to_owned(),
        Kind::Foreign(schema) => format!("reference to {schema}"),
    }
}

/// An element with its rules, since it has no row of its own.
fn element(field: &Field) -> String {
    let rules: Vec<String> = field.rules.iter().filter_map(rule).collect();
    if rules.is_empty() {
        sort(&field.kind)
    } else {
        format!("{} ({})", sort(&field.kind), rules.join("; "))
    }
}

fn habits(field: &Field) -> Vec<String> {
    let flags = [
        (
            field.required && field.default.is_none() && !is_record(field),
            "required",
        ),
        (field.unique, "unique"),
        (field.immutable, "cannot be changed"),
        (field.secret, "secret"),
        (field.referenceable, "may be a vault reference"),
    ];
    let mut habits: Vec<String> = flags
        .into_iter()
        .filter(|(set, _)| *set)
        .map(|(_, word)| word.to_owned())
        .collect();
    habits.extend(field.auto.map(|auto| filled(auto).to_owned()));
    habits
        .extend((field.on_delete == OnDelete::Cascade).then(|| "deleted with what it refers to".to_owned()));
    habits.extend(field.rules.iter().filter_map(rule));
    habits
}

fn is_record(field: &Field) -> bool {
    matches!(field.kind, Kind::Record(_))
}

fn filled(auto: Auto) -> &'static str {
    match auto {
        Auto::Id => "a random UUID unless sent",
        Auto::CreatedAt => "the time of creation unless sent",
        Auto::UpdatedAt => "the time of the last write, whatever is sent",
        Auto::Token => "32 random letters and digits unless sent",
    }
}

fn rule(rule: &Rule) -> Option<String> {
    Some(match rule {
        Rule::LenMin(1) => return None,
        Rule::Eq(Value::Null) => "must stay null".to_owned(),
        Rule::Eq(value) => format!("equals {}", code(value)),
        Rule::Ne(value) => format!("is not {}", code(value)),
        Rule::NotOneOf(values) => format!("none of {}", list(values)),
        Rule::OneOf(values) => format!("one of {}", list(values)),
        Rule::Gt(bound) => format!("above {bound}"),
        Rule::Timestamp => "a time in seconds since 1970".to_owned(),
        Rule::Uuid => "a UUID".to_owned(),
        Rule::IsRegex => "a regular expression".to_owned(),
        Rule::Between(low, high) => format!("{low} to {high}"),
        Rule::LenEq(len) => format!("length {len}"),
        Rule::LenMin(len) => format!("length at least {len}"),
        Rule::LenMax(len) => format!("length at most {len}"),
        Rule::StartsWith(head) => format!("starts with `{head}`"),
        Rule::NotMatch(pattern) => format!("does not match `{}`", pattern.as_str()),
        Rule::Match(pattern) => format!("matches `{}`", pattern.as_str()),
        Rule::MatchNone(patterns) => said(patterns.iter().map(|(_, text)| *text)),
        Rule::MatchAll(patterns) => said(patterns.iter().map(|(_, text)| *text)),
        Rule::MatchAny(_, text) => (*text).to_owned(),
        Rule::Contains(value) => format!("has {}", code(value)),
        Rule::Custom(_) => "spelling is checked".to_owned(),
        Rule::ExclusiveSubsets(groups) => {
            let groups: Vec<String> = groups.iter().map(|group| names(group)).collect();
            format!("of one group only: {}", groups.join(" / "))
        }
    })
}

fn said<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.collect::<Vec<_>>().join("; ")
}

fn list(values: &[Value]) -> String {
    let texts: Vec<String> = values.iter().map(code).collect();
    cut(texts.join(", "))
}

fn names(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn code(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => format!("`\"{text}\"`"),
        other => format!("`{}`", cut(other.to_string())),
    }
}

fn cut(text: String) -> String {
    if text.len() <= CELL_MAX_BYTES {
        return text;
    }
    let end = text.floor_char_boundary(CELL_MAX_BYTES);
    format!("{} …", &text[..end])
}

fn shorthands(shape: &Shape, prefix: &str, page: &mut String) {
    let spare: Vec<_> = shape
        .shorthands
        .iter()
        .filter(|s| shape.field(s.name).is_none())
        .collect();
    if spare.is_empty() {
        return;
    }
    page.push_str("\nAlso accepted:\n\n");
    for shorthand in spare {
        let meaning = match shorthand.echo {
            Some(path) => format!("the old name of `{prefix}{path}`, shown as well"),
            None => "spread over other fields, not shown".to_owned(),
        };
        writeln!(
            page,
            "* `{prefix}{}` ({}): {meaning}",
            shorthand.name,
            sort(&shorthand.field.kind)
        )
        .expect("invariant: writing to a String cannot fail");
    }
}

fn checks(shape: &Shape, page: &mut String) {
    let mut lines: Vec<String> = shape
        .checks
        .iter()
        .flat_map(check)
        .map(|line| format!("* {line}\n"))
        .collect();
    lines.dedup();
    if !lines.is_empty() {
        write!(page, "\nTogether:\n\n{}", lines.concat())
            .expect("invariant: writing to a String cannot fail");
    }
}

fn check(check: &Check) -> Vec<String> {
    let one = match check {
        Check::AtLeastOneOf(fields) => format!("at least one of {}", names(fields)),
        Check::OnlyOneOf(fields) => format!("exactly one of {}", names(fields)),
        Check::MutuallyRequired(fields) => format!("all or none of {}", names(fields)),
        Check::MutuallyExclusive(fields) => format!("at most one of {}", names(fields)),
        Check::MutuallyExclusiveSets(a, b) => format!("either {} or {}", names(a), names(b)),
        Check::Distinct(fields) => format!("values of {} differ", names(fields)),
        Check::Conditional {
            if_field,
            then_field,
            then_err,
            ..
        } => match then_err {
            Some(text) => (*text).to_owned(),
            None => format!("what `{then_field}` may be depends on `{if_field}`"),
        },
        Check::ConditionalAtLeastOneOf(branches) => return branches.iter().map(branch).collect(),
        Check::Custom { sources, .. } => format!("{} must agree", names(sources)),
    };
    vec![one]
}

fn branch(branch: &Branch) -> String {
    branch.then_err.to_owned()
}
