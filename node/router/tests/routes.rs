//! Which of a handful of routes answers, written as tables a reader can check by eye.

use std::sync::Arc;

use troop_router::{NOWHERE, NoHeaders, PathMatch, RequestHead, RouteFields, RouteSpec, Router, Tls};
use uuid::Uuid;

/// A route by number: the number is its id and what the table expects to find.
#[derive(Default)]
struct Route {
    number: u128,
    methods: &'static [&'static str],
    hosts: &'static [&'static str],
    paths: &'static [&'static str],
    regex_priority: i64,
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_string()).collect()
}

fn router(routes: &[Route]) -> Router<u128> {
    let install = |route: &Route| {
        let spec = RouteSpec::parse(RouteFields {
            id: Uuid::from_u128(route.number),
            methods: &strings(route.methods),
            hosts: &strings(route.hosts),
            paths: &strings(route.paths),
            regex_priority: route.regex_priority,
            ..Default::default()
        });
        (
            spec.expect("routes of this test are valid"),
            Arc::new(route.number),
        )
    };
    routes.iter().map(install).collect()
}

fn head<'a>(method: &'a str, host: &'a str, path: &'a str) -> RequestHead<'a, NoHeaders> {
    RequestHead {
        method,
        host,
        port: 8000,
        path,
        headers: &NoHeaders,
        tls: Tls::Plain,
        source: NOWHERE,
        destination: NOWHERE,
        query: "",
    }
}

/// Each row: a request as `METHOD host path`, the number of the route that answers (0: none).
fn check(routes: &[Route], rows: &[(&str, u128)]) {
    let router = router(routes);
    for (request, expected) in rows {
        let mut words = request.split(' ');
        let mut word = || words.next().expect("a row has three words");
        let found = router.find(&head(word(), word(), word()));
        assert_eq!(found.map_or(0, |found| **found.payload), *expected, "{request}");
    }
}

#[test]
fn more_attributes_beat_a_longer_path() {
    check(
        &[
            Route {
                number: 1,
                paths: &["/long/path/here"],
                ..Default::default()
            },
            Route {
                number: 2,
                hosts: &["a.test"],
                methods: &["GET"],
                ..Default::default()
            },
            Route {
                number: 3,
                hosts: &["a.test"],
                ..Default::default()
            },
            Route {
                number: 4,
                hosts: &["a.test"],
                methods: &["GET"],
                paths: &["/long"],
                ..Default::default()
            },
        ],
        &[
            ("GET a.test /long/path/here", 4),
            ("GET a.test /other", 2),
            ("POST a.test /other", 3),
            ("GET b.test /long/path/here", 1),
            ("POST a.test /long/path/here", 3),
            ("POST b.test /other", 0),
        ],
    );
}

#[test]
fn a_host_spelt_out_beats_wildcards_and_hosts_keep_their_case() {
    check(
        &[
            Route {
                number: 1,
                hosts: &["*.a.test"],
                ..Default::default()
            },
            Route {
                number: 2,
                hosts: &["b.*"],
                ..Default::default()
            },
            Route {
                number: 3,
                hosts: &["x.a.test"],
                ..Default::default()
            },
            Route {
                number: 4,
                hosts: &["p.test:1234"],
                ..Default::default()
            },
        ],
        &[
            ("GET y.a.test /", 1),
            ("GET z.y.a.test /", 1),
            ("GET a.test /", 0),
            ("GET b.co.uk /", 2),
            ("GET bb.com /", 0),
            ("GET x.a.test /", 3),
            ("GET X.A.TEST /", 0),
            ("GET p.test:1234 /", 4),
            ("GET p.test /", 0),
            ("GET p.test:99 /", 0),
        ],
    );
}

#[test]
fn a_regex_beats_a_plain_path_and_priority_orders_regexes() {
    check(
        &[
            Route {
                number: 1,
                paths: &["/status/longest"],
                ..Default::default()
            },
            Route {
                number: 2,
                paths: &["~/status/\\w+"],
                ..Default::default()
            },
            Route {
                number: 3,
                paths: &["~/status/\\d+"],
                regex_priority: 5,
                ..Default::default()
            },
            Route {
                number: 4,
                paths: &["/"],
                ..Default::default()
            },
        ],
        &[
            ("GET h /status/longest", 2),
            ("GET h /status/12", 3),
            ("GET h /status/", 4),
            ("GET h /x/status/1", 4),
        ],
    );
}

#[test]
fn a_regex_beats_more_attributes_but_not_hosts_spelt_out() {
    check(
        &[
            Route {
                number: 1,
                paths: &["~/(a|b)/x$"],
                ..Default::default()
            },
            Route {
                number: 2,
                paths: &["/b/"],
                methods: &["GET"],
                ..Default::default()
            },
            Route {
                number: 3,
                paths: &["/b/"],
                hosts: &["a.test"],
                ..Default::default()
            },
        ],
        &[("GET h /b/x", 1), ("GET h /b/y", 2), ("GET a.test /b/x", 3)],
    );
}

#[test]
fn a_prefix_needs_no_segment_boundary_and_the_longest_wins() {
    check(
        &[
            Route {
                number: 1,
                paths: &["/foo"],
                ..Default::default()
            },
            Route {
                number: 2,
                paths: &["/foo/bar", "/x"],
                ..Default::default()
            },
        ],
        &[
            ("GET h /foobar", 1),
            ("GET h /foo/barbecue", 2),
            ("GET h /fo", 0),
            ("GET h /x", 2),
        ],
    );
}

#[test]
fn among_equals_the_larger_id_wins() {
    check(
        &[
            Route {
                number: 9,
                paths: &["/x"],
                ..Default::default()
            },
            Route {
                number: 1,
                paths: &["/x"],
                ..Default::default()
            },
        ],
        &[("GET h /x", 9)],
    );
}

#[test]
fn the_match_tells_what_to_strip_and_what_was_captured() {
    let router = router(&[
        Route {
            number: 1,
            paths: &["~/v(?<version>\\d+)/items"],
            ..Default::default()
        },
        Route {
            number: 2,
            paths: &["/plain"],
            ..Default::default()
        },
        Route {
            number: 3,
            hosts: &["a.test"],
            ..Default::default()
        },
    ]);
    let path = |host, path| router.find(&head("GET", host, path)).map(|found| found.path);

    let regex = path("h", "/v22/items/9").expect("the regex route answers");
    assert_eq!(regex.length(), "/v22/items".len());
    let named: Vec<_> = regex
        .captures("/v22/items/9")
        .into_iter()
        .filter_map(|c| Some((c.name?, c.value)))
        .collect();
    assert_eq!(named, [("version", "22")]);
    assert!(matches!(
        path("h", "/plain/x"),
        Some(PathMatch::Prefix { length: 6 })
    ));
    assert!(matches!(path("a.test", "/"), Some(PathMatch::Any)));
}

#[test]
fn a_route_that_is_inserted_again_replaces_the_one_before() {
    let mut router = router(&[Route {
        number: 1,
        paths: &["/old"],
        ..Default::default()
    }]);
    let spec = RouteSpec::parse(RouteFields {
        id: Uuid::from_u128(1),
        paths: &strings(&["/new"]),
        ..Default::default()
    });
    router.insert(spec.expect("the route is valid"), Arc::new(7));
    assert_eq!(router.len(), 1);
    assert_eq!(router.get(Uuid::from_u128(1)).map(|payload| **payload), Some(7));
    assert!(router.find(&head("GET", "h", "/old")).is_none());
    assert!(router.find(&head("GET", "h", "/new")).is_some());
}
