//! What the flavour `expressions` adds to routes: two fields, more freedom, and a check of the sentence.
//!
//! The catch: a route is a form or a sentence, never both, and the number that orders sentences means nothing on a form. So the check looks
//! at all of these fields together. And the protocols decide of what a sentence may speak: connections have no path.

use crate::{Branch, Check, Record, field::Field};
use serde_json::Value;
use troop_expression::{Expression, Subsystem};

/// Kong: what fits into an expression's share of the order.
const PRIORITY_MAX: f64 = 70_368_744_177_663.0; // 2^46 - 1

/// In front of everything the check says.
const FAILED: &str = "Router Expression failed validation: ";

/// Fields of a form.
const FORM: [&str; 7] = [
    "snis",
    "sources",
    "destinations",
    "methods",
    "hosts",
    "paths",
    "headers",
];

pub(super) fn fields() -> [(&'static str, Field); 2] {
    let priority = Field::integer().between(0.0, PRIORITY_MAX).required().default(0);
    [("expression", Field::string()), ("priority", priority)]
}

pub(super) fn check() -> Check {
    let mut sources = vec!["protocols", "expression", "priority", "regex_priority"];
    sources.extend(FORM);
    Check::custom(sources, |route| {
        judge(route).map_err(|problem| format!("{FAILED}{problem}"))
    })
}

/// `expression` satisfies what a family demands, too.
pub(super) fn satisfied_by_expression(check: Check) -> Check {
    let Check::ConditionalAtLeastOneOf(branches) = check else {
        return check;
    };
    let freed = branches.into_iter().map(|branch| Branch {
        then_err: with_expression(branch.then_err),
        then_at_least_one_of: [branch.then_at_least_one_of.as_slice(), &["expression"]].concat(),
        ..branch
    });
    Check::ConditionalAtLeastOneOf(freed.collect())
}

/// Kong: the list of fields in the message grows by one, where there is a list.
fn with_expression(message: &'static str) -> &'static str {
    match message {
        "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'" => {
            "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis', 'expression' when 'protocols' is 'https'"
        }
        "must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'" => {
            "must set one of 'methods', 'hosts', 'headers', 'paths', 'expression' when 'protocols' is 'http'"
        }
        "must set one of 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'grpcs'" => {
            "must set one of 'hosts', 'headers', 'paths', 'snis', 'expression' when 'protocols' is 'grpcs'"
        }
        "must set one of 'hosts', 'headers', 'paths' when 'protocols' is 'grpc'" => {
            "must set one of 'hosts', 'headers', 'paths', 'expression' when 'protocols' is 'grpc'"
        }
        "must set one of 'sources', 'destinations', 'snis' when 'protocols' is 'tcp', 'tls' or 'udp'" => {
            "must set one of 'sources', 'destinations', 'snis', 'expression' when 'protocols' is 'tcp', 'tls' or 'udp'"
        }
        other => other,
    }
}

fn judge(route: &Record) -> Result<(), String> {
    let text = route.get("expression").and_then(Value::as_str);
    let is_form = FORM.iter().any(|field| is_filled(route.get(*field)));
    let is_set = |field: &str| {
        route
            .get(field)
            .and_then(Value::as_f64)
            .is_some_and(|number| number != 0.0)
    };
    let form = "'methods', 'hosts', 'paths', 'headers', 'snis', 'sources' or 'destinations'";
    match text {
        Some(_) if is_form => Err(format!("cannot set 'expression' with {form} simultaneously")),
        Some(_) if is_set("regex_priority") => {
            Err("cannot set 'regex_priority' with 'expression' simultaneously".into())
        }
        None if is_form && is_set("priority") => {
            Err(format!("cannot set 'priority' with {form} simultaneously"))
        }
        None => Ok(()),
        Some(text) => Expression::parse(text, subsystem(route))
            .map(drop)
            .map_err(|error| error.to_string()),
    }
}

fn is_filled(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::Object(map)) => !map.is_empty(),
        _ => false,
    }
}

fn subsystem(route: &Record) -> Subsystem {
    let protocols = route.get("protocols").and_then(Value::as_array);
    Subsystem::of(protocols.into_iter().flatten().filter_map(Value::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Match;

    #[test]
    fn every_message_that_lists_fields_lists_the_expression() {
        let families = [super::super::http(), super::super::grpc(), super::super::stream()];
        for family in families {
            for check in family.checks {
                let Check::ConditionalAtLeastOneOf(branches) = satisfied_by_expression(check) else {
                    continue;
                };
                for branch in branches {
                    let lists = branch.then_err.contains("one of");
                    let names_it = branch.then_err.contains("'expression'");
                    assert_eq!(names_it, lists, "{}", branch.then_err);
                    assert!(branch.then_at_least_one_of.contains(&"expression"));
                }
            }
        }
    }

    #[test]
    fn matches_over_protocols_stay_what_they_were() {
        let check = Check::ConditionalAtLeastOneOf(vec![Branch {
            if_field: "protocols",
            if_match: Match::contains("http"),
            then_at_least_one_of: vec!["hosts"],
            then_err: "other",
        }]);
        let Check::ConditionalAtLeastOneOf(branches) = satisfied_by_expression(check) else {
            unreachable!("the kind of a check does not change");
        };
        assert_eq!(branches[0].if_field, "protocols");
        assert_eq!(branches[0].then_err, "other");
    }
}
