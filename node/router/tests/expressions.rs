//! Routes that are expressions: which of them answers, what of the path it matched, and that filing them never changes who wins.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use troop_expression::{Expression, Subsystem};
use troop_router::{Channel, Endpoint, RequestHead, RouteFields, RouteSpec, Router, Tls};
use uuid::Uuid;

fn expression(text: &str) -> Arc<Expression> {
    let read = Expression::parse(text, Subsystem::Http);
    Arc::new(read.unwrap_or_else(|error| panic!("{text}: {error}")))
}

fn of(id: u128, priority: u64, text: &str) -> RouteSpec {
    RouteSpec::of_expression(Uuid::from_u128(id), expression(text), priority, Channel::Any)
}

fn router(specs: impl IntoIterator<Item = RouteSpec>) -> Router<()> {
    specs.into_iter().map(|spec| (spec, Arc::new(()))).collect()
}

const HEADERS: [(&str, &str); 3] = [("x-tenant", "Alpha"), ("x-many", "one"), ("x-many", "two")];

/// A request as `METHOD host/path?query`, from `10.1.2.3:4000` to `192.168.0.1:8000`.
fn ask<R>(request: &str, tls: Tls<'_>, look: impl FnOnce(&RequestHead<'_, [(&str, &str)]>) -> R) -> R {
    let (method, url) = request.split_once(' ').expect("a method");
    let (url, query) = url.split_once('?').unwrap_or((url, ""));
    let (host, path) = url.split_at(url.find('/').expect("a path"));
    look(&RequestHead {
        method,
        host,
        port: 8000,
        path,
        query,
        headers: &HEADERS[..],
        tls,
        source: "10.1.2.3:4000".parse().expect("an address"),
        destination: "192.168.0.1:8000".parse().expect("an address"),
    })
}

fn holds(text: &str, request: &str, tls: Tls<'_>) -> bool {
    let router = router([of(1, 0, text)]);
    ask(request, tls, |head| router.find(head).is_some())
}

#[test]
fn a_sentence_sees_all_of_a_request() {
    const SNI: Tls<'static> = Tls::Https { sni: Some("a.test") };
    for (text, tls, expected) in [
        (r#"http.method == "GET""#, Tls::Plain, true),
        (r#"http.host == "a.test""#, Tls::Plain, true),
        (r#"http.host =^ ".test""#, Tls::Plain, true),
        (r#"http.host == "a.test:8080""#, Tls::Plain, false),
        (r#"http.path == "/api/v1/items""#, Tls::Plain, true),
        (r#"http.path contains "v1""#, Tls::Plain, true),
        (r#"http.path.segments.len == 3"#, Tls::Plain, true),
        (r#"http.path.segments.1 == "v1""#, Tls::Plain, true),
        (r#"http.path.segments.1_2 == "v1/items""#, Tls::Plain, true),
        (r#"http.path.segments.3 == "v1""#, Tls::Plain, false),
        (r#"http.headers.x_tenant == "Alpha""#, Tls::Plain, true),
        (r#"http.headers.x_tenant == "alpha""#, Tls::Plain, false),
        (r#"lower(http.headers.x_tenant) == "alpha""#, Tls::Plain, true),
        // All values, unless any will do.
        (r#"http.headers.x_many == "two""#, Tls::Plain, false),
        (r#"any(http.headers.x_many) == "two""#, Tls::Plain, true),
        (r#"http.headers.x_none != "two""#, Tls::Plain, false),
        (r#"http.queries.q == "a b""#, Tls::Plain, true),
        (r#"any(http.queries.n) == "2""#, Tls::Plain, true),
        ("net.src.ip in 10.0.0.0/8", Tls::Plain, true),
        ("net.src.ip not in 10.0.0.0/8", Tls::Plain, false),
        ("net.src.ip == 10.1.2.3 && net.src.port == 4000", Tls::Plain, true),
        ("net.dst.ip == 192.168.0.1", Tls::Plain, true),
        // The port of the Host header.
        ("net.dst.port == 8080", Tls::Plain, true),
        (r#"net.protocol == "http""#, Tls::Plain, true),
        (r#"net.protocol == "https" && tls.sni == "a.test""#, SNI, true),
        (r#"tls.sni == "a.test""#, Tls::Plain, false),
    ] {
        let request = "GET a.test:8080/api/v1/items?q=a+b&n=1&n=2";
        assert_eq!(holds(text, request, tls), expected, "{text}");
    }
}

#[test]
fn the_greater_priority_is_asked_first_then_the_greater_id_and_fields_last() {
    let path = ["/".to_owned()];
    let fields = RouteSpec::parse(RouteFields {
        id: Uuid::from_u128(9),
        paths: &path,
        hosts: &["a.test".to_owned()],
        ..RouteFields::default()
    })
    .unwrap();
    let mut router = router([
        of(1, 0, r#"http.path ^= "/""#),
        of(2, 0, r#"http.path ^= "/""#),
        of(3, 7, r#"http.path ^= "/a""#),
        fields,
    ]);
    for (request, expected) in [("GET a.test/a", 3), ("GET a.test/b", 2)] {
        let found = ask(request, Tls::Plain, |head| {
            router.find(head).map(|found| found.route)
        });
        assert_eq!(found, Some(Uuid::from_u128(expected)), "{request}");
    }
    for id in [1, 2] {
        assert!(router.remove(Uuid::from_u128(id)));
    }
    let found = ask("GET a.test/b", Tls::Plain, |head| {
        router.find(head).map(|f| f.route)
    });
    assert_eq!(found, Some(Uuid::from_u128(9)));
}

#[test]
fn groups_of_a_regex_are_captures() {
    let text = r##"http.path ~ r#"^/api/(?<version>v\d+)/(\w+)"#"##;
    let router = router([of(1, 0, text)]);
    ask("GET a.test/api/v1/items/7", Tls::Plain, |head| {
        let found = router.find(head).unwrap();
        assert_eq!(found.path.length(), "/api/v1/items".len());
        let captures = found.path.captures(head.path);
        let seen: Vec<_> = captures.iter().map(|c| (c.index, c.name, c.value)).collect();
        assert_eq!(
            seen,
            [
                (0, None, "/api/v1/items"),
                (1, Some("version"), "v1"),
                (2, None, "items")
            ]
        );
    });
}

#[test]
fn a_route_may_be_for_one_kind_of_connection() {
    for (channel, plain, tls) in [
        (Channel::Any, true, true),
        (Channel::Plain, true, false),
        (Channel::Tls, false, true),
    ] {
        let rule = expression(r#"http.path ^= "/""#);
        let router = router([RouteSpec::of_expression(Uuid::nil(), rule, 0, channel)]);
        let found = |tls| ask("GET a.test/", tls, |head| router.find(head).is_some());
        assert_eq!(found(Tls::Plain), plain, "{channel:?}");
        assert_eq!(found(Tls::Https { sni: None }), tls, "{channel:?}");
    }
}

#[test]
fn sources_and_destinations_count_as_attributes() {
    let source = [Endpoint {
        net: Some("10.0.0.0/8".parse().unwrap()),
        port: None,
    }];
    let of = |id: u128, paths: &[&str], sources: &[Endpoint]| {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let fields = RouteFields {
            id: Uuid::from_u128(id),
            paths: &paths,
            sources,
            ..RouteFields::default()
        };
        RouteSpec::parse(fields).unwrap()
    };
    let router = router([of(1, &["/a"], &source), of(2, &["/a/b"], &[])]);
    let found = ask("GET a.test/a/b", Tls::Plain, |head| {
        router.find(head).map(|found| found.route)
    });
    assert_eq!(found, Some(Uuid::from_u128(1)));
}

fn term() -> impl Strategy<Value = String> {
    let path = select(vec!["/", "/a", "/a/b", "/ab", "/b"]);
    let host = select(vec!["a.test", "b.test", ".test", "a.", ""]);
    let compare = select(vec!["==", "!=", "^=", "=^", "contains"]);
    prop_oneof![
        (compare.clone(), path).prop_map(|(op, path)| format!(r#"http.path {op} "{path}""#)),
        (compare, host).prop_map(|(op, host)| format!(r#"http.host {op} "{host}""#)),
        select(vec![
            r##"http.path ~ r#"^/a"#"##,
            r##"http.path ~ r#"b$"#"##,
            r##"http.path ~ r#"^/a|^/b"#"##,
            r#"lower(http.host) == "a.test""#,
            r#"http.method == "GET""#,
            "http.path.segments.len > 1",
        ])
        .prop_map(str::to_owned),
    ]
}

fn sentence() -> impl Strategy<Value = String> {
    term().prop_recursive(4, 16, 2, |inner| {
        (inner.clone(), inner, select(vec!["&&", "||", "!"])).prop_map(|(a, b, joint)| match joint {
            "!" => format!("!({a})"),
            joint => format!("({a}) {joint} ({b})"),
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Explaining reads every route in full and knows no drawers.
    #[test]
    fn filing_never_changes_who_wins(
        routes in proptest::collection::vec((sentence(), 0_u64..3), 0..10),
        host in select(vec!["a.test", "b.test", "a.b.test", "A.test", "c.org"]),
        path in select(vec!["/", "/a", "/a/b", "/ab", "/b", "/c/a/b"]),
        method in select(vec!["GET", "POST"]),
        gone in proptest::collection::vec(0_u128..10, 0..4),
    ) {
        let specs = routes.iter().enumerate();
        let mut router = router(specs.map(|(at, (text, priority))| of(at as u128, *priority, text)));
        gone.iter().for_each(|id| { router.remove(Uuid::from_u128(*id)); });
        ask(&format!("{method} {host}{path}"), Tls::Plain, |head| {
            let explained = router.explain(head, 1);
            let winner = explained.first().filter(|one| one.misses.is_empty()).map(|one| one.route);
            prop_assert_eq!(router.find(head).map(|found| found.route), winner);
            Ok(())
        })?;
    }
}
