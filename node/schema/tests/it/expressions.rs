//! Routes in the flavour `expressions`, and what it refuses in the words of Kong 3.9.

use crate::fixture::{judge_by, record};
use serde_json::{Value, json};
use troop_expression::Flavor;
use troop_schema::Registry;

fn registry() -> Registry {
    Registry::of_flavor(Flavor::Expressions, Vec::new()).unwrap()
}

/// The message of the violation, or the empty string.
#[track_caller]
fn check(input: Value, message: &str) {
    let got = judge_by(&registry(), "routes", input.clone())
        .err()
        .map(|violation| violation.message());
    assert_eq!(got.as_deref().unwrap_or_default(), message, "{input}");
}

/// The same, of one violation.
#[track_caller]
fn one(input: Value, inner: &str) {
    check(input, &format!("schema violation ({inner})"));
}

#[test]
fn an_expression_takes_the_place_of_all_other_fields() {
    for protocols in [
        json!(["http", "https"]),
        json!(["http"]),
        json!(["grpc"]),
        json!(["grpcs"]),
    ] {
        let expression = r#"http.path ^= "/a" && http.headers.x_a == "b""#;
        check(json!({"protocols": protocols, "expression": expression}), "");
    }
}

#[test]
fn without_any_field_the_expression_is_among_those_asked_for() {
    one(
        json!({}),
        "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis', 'expression' when 'protocols' is 'https'",
    );
    one(
        json!({"protocols": ["grpc"]}),
        "must set one of 'hosts', 'headers', 'paths', 'expression' when 'protocols' is 'grpc'",
    );
}

#[test]
fn a_route_is_a_form_or_a_sentence() {
    let prefix = "Router Expression failed validation: cannot set";
    let form = "'methods', 'hosts', 'paths', 'headers', 'snis', 'sources' or 'destinations'";
    let sentence = r#"http.path == "/""#;
    one(
        json!({"expression": sentence, "hosts": ["a.test"]}),
        &format!("{prefix} 'expression' with {form} simultaneously"),
    );
    one(
        json!({"expression": sentence, "regex_priority": 1}),
        &format!("{prefix} 'regex_priority' with 'expression' simultaneously"),
    );
    one(
        json!({"paths": ["/"], "priority": 1}),
        &format!("{prefix} 'priority' with {form} simultaneously"),
    );
    check(
        json!({"expression": sentence, "hosts": [], "regex_priority": 0}),
        "",
    );
    check(json!({"paths": ["/"], "priority": 0}), "");
}

#[test]
fn a_wrong_sentence_is_refused_with_what_is_wrong_with_it() {
    let failed = |problem: &str| format!("Router Expression failed validation: {problem}");
    for (sentence, problem) in [
        (r#"http.nothing == "a""#, "Unknown LHS field"),
        (
            "http.path == 1",
            "Type mismatch between the LHS and RHS values of predicate",
        ),
        (
            "http.path in 10.0.0.0/8",
            "In/NotIn operators only supports IP in CIDR",
        ),
        (
            r#"http.path.segments.2_1 == "a""#,
            "illformed http.path.segments.* field",
        ),
        (
            "http.path ==",
            " --> 1:13\n  |\n1 | http.path ==\n  |             ^---\n  |\n  = expected rhs",
        ),
    ] {
        one(json!({"expression": sentence}), &failed(problem));
    }
}

#[test]
fn of_what_a_sentence_may_speak_depends_on_the_protocols() {
    let failed = |problem: &str| format!("Router Expression failed validation: {problem}");
    let (address, name) = (
        "net.src.ip in 10.0.0.0/8 && net.dst.port == 1",
        r#"tls.sni == "a.test""#,
    );
    for protocol in ["tcp", "tls", "tls_passthrough", "udp"] {
        for sentence in [address, name, r#"net.protocol == "tcp""#] {
            check(
                json!({"protocols": [protocol], "expression": sentence, "priority": 7}),
                "",
            );
        }
        for sentence in [
            r#"http.path == "/""#,
            r#"http.headers.x_a == "b""#,
            "http.path.segments.len > 1",
        ] {
            let route = json!({"protocols": [protocol], "expression": sentence});
            one(route, &failed("Unknown LHS field"));
        }
    }
    one(
        json!({"protocols": ["tcp"], "expression": address, "sources": [{"port": 1}]}),
        &failed(
            "cannot set 'expression' with 'methods', 'hosts', 'paths', 'headers', 'snis', 'sources' or 'destinations' simultaneously",
        ),
    );
}

#[test]
fn a_route_of_connections_asks_for_something_too() {
    one(
        json!({"protocols": ["udp"]}),
        "must set one of 'sources', 'destinations', 'snis', 'expression' when 'protocols' is 'tcp', 'tls' or 'udp'",
    );
    one(
        json!({"protocols": ["tls_passthrough"]}),
        "must set snis when 'protocols' is 'tls_passthrough'",
    );
}

#[test]
fn priorities_are_whole_numbers_of_46_bits() {
    let sentence = r#"http.path == "/""#;
    let range = "priority: value should be between 0 and 70368744177663";
    for (priority, message) in [(-1_i64, range), (1 << 46, range), ((1 << 46) - 1, "")] {
        let route = json!({"expression": sentence, "priority": priority});
        match message {
            "" => check(route, ""),
            message => one(route, message),
        }
    }
}

#[test]
fn routes_of_every_family_may_ask_for_both_ends_of_the_connection() {
    let ends = json!([{"ip": "10.0.0.0/8"}, {"port": 80}]);
    check(json!({"paths": ["/"], "sources": ends}), "");
    check(
        json!({"protocols": ["grpc"], "hosts": ["a.test"], "destinations": ends}),
        "",
    );
}

#[test]
fn the_two_fields_are_there_in_this_flavour_only() {
    let written = judge_by(&registry(), "routes", json!({"paths": ["/"]})).unwrap();
    assert_eq!(written["expression"], Value::Null);
    assert_eq!(written["priority"], json!(0));
    let forms = record("routes", json!({"paths": ["/"]}));
    assert!(!forms.contains_key("expression") && !forms.contains_key("priority"));
}
