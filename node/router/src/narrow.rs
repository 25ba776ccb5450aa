//! Where an expression is filed: hosts and path prefixes without which it cannot hold.
//!
//! The index knows drawers for hosts and for beginnings of paths. An expression is a sentence, but most say somewhere "and the path begins with `/api`": that
//! is enough to look at it only for such requests. `a && b` needs both, so either may decide the drawer; `a || b` needs one of
//! both, so it goes into the drawers of both; of what is behind a `!` nothing is known.
//!
//! The catch: a drawer must never be too narrow. When in doubt an expression stands in the drawer of all requests, and is judged for
//! each of them: correct, only slower. A property test holds look-ups against judging every expression.

use troop_expression::ast::{BinaryOperator, Expression, LogicalExpression, Predicate, Value};

use crate::host::{HostPattern, HostRule, PortRule};
use crate::literal::literal_prefix;

/// Drawers of one kind beyond which one drawer for all is better: every drawer costs memory and work when the route changes.
const DRAWERS_MAX: usize = 64;

/// What an expression needs; `None` where it may need anything.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    hosts: Option<Vec<HostPattern>>,
    prefixes: Option<Vec<Box<[u8]>>>,
}

impl Needs {
    pub(crate) fn of(expression: &Expression) -> Needs {
        match expression {
            Expression::Predicate(predicate) => needs_of(predicate),
            Expression::Logical(logical) => match &**logical {
                LogicalExpression::And(left, right) => Needs::of(left).and(Needs::of(right)),
                LogicalExpression::Or(left, right) => Needs::of(left).or(Needs::of(right)),
                LogicalExpression::Not(_) => Needs::default(),
            },
        }
    }

    /// As rules of a route; none for any host.
    pub(crate) fn hosts(&self) -> Vec<HostRule> {
        let patterns = self.hosts.iter().flatten().cloned();
        let on_any_port = |pattern| HostRule {
            pattern,
            port: PortRule::Any,
        };
        patterns.map(on_any_port).collect()
    }

    /// Beginnings of paths, none of them beginning with another.
    pub(crate) fn prefixes(&self) -> Vec<Box<[u8]>> {
        let mut prefixes = self.prefixes.clone().unwrap_or_else(|| vec![Box::default()]);
        prefixes.sort();
        prefixes.dedup_by(|longer, shorter| longer.starts_with(shorter));
        prefixes
    }

    fn and(self, other: Needs) -> Needs {
        Needs {
            hosts: fewer(self.hosts, other.hosts),
            prefixes: fewer(self.prefixes, other.prefixes),
        }
    }

    fn or(self, other: Needs) -> Needs {
        Needs {
            hosts: all(self.hosts, other.hosts),
            prefixes: all(self.prefixes, other.prefixes),
        }
    }
}

fn fewer<T>(one: Option<Vec<T>>, other: Option<Vec<T>>) -> Option<Vec<T>> {
    match (one, other) {
        (Some(one), Some(other)) if other.len() < one.len() => Some(other),
        (None, other) => other,
        (one, _) => one,
    }
}

fn all<T: PartialEq>(one: Option<Vec<T>>, other: Option<Vec<T>>) -> Option<Vec<T>> {
    let mut all = one?;
    for drawer in other? {
        if !all.contains(&drawer) {
            all.push(drawer);
        }
    }
    (all.len() <= DRAWERS_MAX).then_some(all)
}

fn needs_of(predicate: &Predicate) -> Needs {
    let (in_lower_case, _) = predicate.lhs.get_transformations();
    if in_lower_case {
        // The drawers go by what was sent.
        return Needs::default();
    }
    match predicate.lhs.var_name.as_str() {
        "http.host" => Needs {
            hosts: host(predicate).map(|pattern| vec![pattern]),
            prefixes: None,
        },
        "http.path" => Needs {
            hosts: None,
            prefixes: prefix(predicate).map(|prefix| vec![prefix]),
        },
        _ => Needs::default(),
    }
}

fn host(predicate: &Predicate) -> Option<HostPattern> {
    let Value::String(text) = &predicate.rhs else {
        return None;
    };
    match predicate.op {
        BinaryOperator::Equals => Some(HostPattern::Exact(text.as_str().into())),
        BinaryOperator::Prefix => Some(HostPattern::Prefix(text.as_str().into())),
        BinaryOperator::Postfix => Some(HostPattern::Suffix(text.as_str().into())),
        _ => None,
    }
}

fn prefix(predicate: &Predicate) -> Option<Box<[u8]>> {
    match (&predicate.op, &predicate.rhs) {
        (BinaryOperator::Equals | BinaryOperator::Prefix, Value::String(text)) => {
            Some(text.as_bytes().into())
        }
        (BinaryOperator::Regex, Value::Regex(regex)) => Some(literal_prefix(regex.as_str()).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use troop_expression::{Expression, Subsystem};

    fn check(text: &str, hosts: &[&str], prefixes: &[&str]) {
        let expression = Expression::parse(text, Subsystem::Http).unwrap();
        let needs = Needs::of(expression.tree());
        let name = |rule: HostRule| match rule.pattern {
            HostPattern::Exact(host) => host.to_string(),
            HostPattern::Suffix(suffix) => format!("*{suffix}"),
            HostPattern::Prefix(prefix) => format!("{prefix}*"),
        };
        let found: Vec<String> = needs.hosts().into_iter().map(name).collect();
        assert_eq!(found, hosts, "{text}");
        let text_of = |prefix: Box<[u8]>| String::from_utf8(prefix.into()).unwrap();
        let found: Vec<String> = needs.prefixes().into_iter().map(text_of).collect();
        assert_eq!(found, prefixes, "{text}");
    }

    #[test]
    fn a_conjunction_is_filed_by_either_part() {
        check(
            r#"http.host == "a.test" && http.path ^= "/a" && http.method == "GET""#,
            &["a.test"],
            &["/a"],
        );
        check(
            r#"(http.path ^= "/a" || http.path ^= "/b") && http.path == "/b/c""#,
            &[],
            &["/b/c"],
        );
    }

    #[test]
    fn a_disjunction_is_filed_by_both_parts_or_not_at_all() {
        check(
            r#"http.host =^ ".a.test" || http.host ^= "b.""#,
            &["*.a.test", "b.*"],
            &[""],
        );
        check(r#"http.host == "a" || http.method == "GET""#, &[], &[""]);
        check(
            r#"http.path ^= "/a/b" || http.path ^= "/a" || http.path == "/c""#,
            &[],
            &["/a", "/c"],
        );
    }

    #[test]
    fn nothing_is_known_of_negations_and_of_what_is_put_in_lower_case() {
        check(r#"!(http.path ^= "/a")"#, &[], &[""]);
        check(r#"http.path != "/a" && lower(http.host) == "a""#, &[], &[""]);
        check(r#"http.path =^ "/a" && http.path contains "b""#, &[], &[""]);
    }

    #[test]
    fn a_regex_is_filed_by_what_it_must_begin_with() {
        check(r##"http.path ~ r#"^/a/\d+"#"##, &[], &["/a/"]);
        check(r##"http.path ~ r#"/a/\d+"#"##, &[], &[""]);
    }

    #[test]
    fn too_many_drawers_become_one() {
        let many: Vec<String> = (0..=DRAWERS_MAX)
            .map(|n| format!(r#"http.path == "/{n:03}/""#))
            .collect();
        check(&many.join(" || "), &[], &[""]);
        let first: Vec<String> = (0..DRAWERS_MAX).map(|n| format!("/{n:03}/")).collect();
        let first: Vec<&str> = first.iter().map(String::as_str).collect();
        check(&many[..DRAWERS_MAX].join(" || "), &[], &first);
    }
}
