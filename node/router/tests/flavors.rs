//! The same routes in two flavours: which of them answers, side by side.

use std::sync::Arc;

use troop_expression::Flavor;
use troop_router::{NOWHERE, NoHeaders, RequestHead, RouteFields, RouteSpec, Router, Tls};
use uuid::Uuid;

/// A route by number: the number is its id and what the table expects to find.
#[derive(Clone, Copy, Default)]
struct Route {
    number: u128,
    methods: &'static [&'static str],
    hosts: &'static [&'static str],
    paths: &'static [&'static str],
    regex_priority: i64,
    created_at: u64,
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_string()).collect()
}

fn router(routes: &[Route], flavor: Flavor) -> Router<u128> {
    let install = |route: &Route| {
        let spec = RouteSpec::parse(RouteFields {
            id: Uuid::from_u128(route.number),
            methods: &strings(route.methods),
            hosts: &strings(route.hosts),
            paths: &strings(route.paths),
            regex_priority: route.regex_priority,
            created_at: route.created_at,
            flavor,
            ..Default::default()
        });
        (
            spec.expect("routes of this test are valid"),
            Arc::new(route.number),
        )
    };
    routes.iter().map(install).collect()
}

/// Each row: a request for `host path`, who answers in `traditional_compatible`, who in `traditional` (0: none). What is asked is
/// also what is explained.
fn check(routes: &[Route], rows: &[(&str, u128, u128)]) {
    for (request, compatible, traditional) in rows {
        let (host, path) = request.split_once(' ').expect("a row has two words");
        let head = RequestHead {
            method: "GET",
            host,
            port: 8000,
            path,
            headers: &NoHeaders,
            tls: Tls::Plain,
            source: NOWHERE,
            destination: NOWHERE,
            query: "",
        };
        for (flavor, expected) in [
            (Flavor::TraditionalCompatible, compatible),
            (Flavor::Traditional, traditional),
        ] {
            let router = router(routes, flavor);
            let found = router.find(&head).map_or(0, |found| **found.payload);
            assert_eq!(found, *expected, "{request} in {flavor:?}");
            let told = router.explain(&head, 1).pop().filter(|one| one.misses.is_empty());
            assert_eq!(
                told.map_or(0, |one| **one.payload),
                found,
                "{request} in {flavor:?}"
            );
        }
    }
}

#[test]
fn the_number_of_fields_comes_before_a_host_spelt_out() {
    let none = Route::default();
    check(
        &[
            Route {
                number: 1,
                hosts: &["a.test"],
                ..none
            },
            Route {
                number: 2,
                methods: &["GET"],
                paths: &["/a"],
                ..none
            },
            Route {
                number: 3,
                hosts: &["*.test"],
                paths: &["/a/b"],
                ..none
            },
        ],
        &[
            ("a.test /", 1, 1),
            ("a.test /a", 1, 2),
            ("a.test /a/b", 1, 3),
            ("b.test /a/b", 3, 3),
        ],
    );
}

#[test]
fn the_kind_of_fields_comes_before_a_regular_expression() {
    let none = Route::default();
    check(
        &[
            Route {
                number: 1,
                hosts: &["*.test"],
                methods: &["GET"],
                ..none
            },
            Route {
                number: 2,
                paths: &["~/a"],
                methods: &["GET"],
                ..none
            },
        ],
        &[("a.test /a", 2, 1), ("a.org /a", 2, 2), ("a.test /b", 1, 1)],
    );
}

#[test]
fn a_wildcard_with_a_port_comes_before_a_host_spelt_out() {
    let none = Route::default();
    check(
        &[
            Route {
                number: 1,
                hosts: &["a.test"],
                ..none
            },
            Route {
                number: 2,
                hosts: &["*.test:81"],
                ..none
            },
            Route {
                number: 3,
                hosts: &["*.test:80", "b.test:8000"],
                ..none
            },
        ],
        &[
            ("a.test:81 /", 1, 2),
            ("b.test:81 /", 2, 2),
            // No port is named: the listener's in the one flavour, the scheme's in the other.
            ("a.test /", 1, 3),
            ("c.test /", 0, 3),
            ("b.test /", 3, 3),
            ("b.test:8000 /", 3, 3),
            ("a.test:82 /", 1, 1),
        ],
    );
}

#[test]
fn of_equals_the_older_answers_and_not_the_greater_id() {
    let equal = Route {
        paths: &["/a"],
        ..Route::default()
    };
    check(
        &[
            Route {
                number: 1,
                created_at: 5,
                ..equal
            },
            Route {
                number: 2,
                created_at: 6,
                ..equal
            },
            Route {
                number: 3,
                created_at: 6,
                paths: &["/a", "/a/b"],
                ..equal
            },
        ],
        // In the other flavour the third enters the order under ids of its parts.
        &[("a.test /a", 3, 1), ("a.test /a/b", 3, 3)],
    );
}

#[test]
fn the_priority_of_a_regular_expression_outranks_nothing_but_regular_expressions() {
    let none = Route::default();
    check(
        &[
            Route {
                number: 1,
                paths: &["~/a"],
                regex_priority: 4096,
                ..none
            },
            Route {
                number: 2,
                paths: &["~/a/b"],
                regex_priority: 1,
                ..none
            },
            Route {
                number: 3,
                hosts: &["a.test"],
                paths: &["/a"],
                ..none
            },
        ],
        &[("a.test /a/b", 1, 3), ("b.test /a/b", 1, 1)],
    );
}

#[test]
fn every_branch_of_a_regular_expression_begins_where_the_path_does() {
    let route = Route {
        number: 1,
        paths: &["~/a|/b"],
        ..Route::default()
    };
    check(
        &[route],
        &[("a.test /a", 1, 1), ("a.test /b/x", 1, 1), ("a.test /x/b", 1, 0)],
    );
}
