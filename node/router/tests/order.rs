//! The index against the rules read naively.
//!
//! The model below knows nothing of tables and trees: it lists every part of every route, sorts
//! them by the published order and takes the first whose attributes match. Whatever routes and
//! requests chance brings up, the router must give the same answer, and so must a router that
//! got there by insertions and removals, while older clones of it stay as they were. In both orders there are.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use regex::Regex;
use troop_expression::Flavor;
use troop_router::{NOWHERE, RequestHead, RouteFields, RouteSpec, Router, Tls, split_host};
use uuid::Uuid;

#[derive(Debug, Clone)]
struct Route {
    id: Uuid,
    methods: Vec<String>,
    hosts: Vec<String>,
    paths: Vec<String>,
    headers: Vec<(String, Vec<String>)>,
    snis: Vec<String>,
    regex_priority: i64,
    created_at: u64,
}

#[derive(Debug, Clone)]
struct Request {
    method: String,
    host: String,
    port: u16,
    path: String,
    headers: Vec<(&'static str, &'static str)>,
    tls: Option<Option<&'static str>>,
}

// ---- the model ----

struct Part<'a> {
    route: &'a Route,
    paths: Vec<&'a str>,
    /// Compared from the first to the last.
    order: Vec<u128>,
}

fn find(flavor: Flavor, routes: &[Route], request: &Request) -> Option<(Uuid, usize)> {
    let mut parts: Vec<Part<'_>> = routes.iter().flat_map(|route| parts(flavor, route)).collect();
    parts.sort_by(|a, b| b.order.cmp(&a.order));
    parts
        .iter()
        .find_map(|part| Some((part.route.id, matches(flavor, part, request)?)))
}

fn parts(flavor: Flavor, route: &Route) -> Vec<Part<'_>> {
    let kind = |path: &str| {
        if path.starts_with('~') {
            None
        } else {
            Some(path.len())
        }
    };
    let mut groups: Vec<Vec<&str>> = Vec::new();
    for path in &route.paths {
        match groups.iter_mut().find(|group| kind(group[0]) == kind(path)) {
            Some(group) => group.push(path),
            None => groups.push(vec![path]),
        }
    }
    if groups.is_empty() {
        groups.push(Vec::new());
    }
    let count = groups.len();
    let namespace = Uuid::parse_str("7f145bf9-0dce-4f91-98eb-debbce4b9f6b").expect("a valid id");
    let part_id = |number| Uuid::new_v5(&namespace, format!("{}#{number}", route.id).as_bytes());
    let id = |at| if count == 1 { route.id } else { part_id(at + 1) };
    let order = |at: usize, paths: &[&str]| match flavor {
        Flavor::Traditional => traditional(route, paths),
        _ => vec![priority(route, paths).into(), id(at).as_u128()],
    };
    let groups = groups.into_iter().enumerate();
    groups
        .map(|(at, paths)| Part {
            order: order(at, &paths),
            route,
            paths,
        })
        .collect()
}

fn priority(route: &Route, paths: &[&str]) -> u64 {
    let set = [
        route.methods.is_empty(),
        route.hosts.is_empty(),
        route.paths.is_empty(),
        route.headers.is_empty(),
        route.snis.is_empty(),
    ];
    let attributes = set.iter().filter(|empty| !**empty).count() as i32;
    let exact = !route.hosts.is_empty() && route.hosts.iter().all(|host| !host.contains('*'));
    let regex = paths.first().is_some_and(|path| path.starts_with('~'));
    let length = if regex {
        0
    } else {
        paths.first().map_or(0, |path| path.len() as i32)
    };
    // The lower half as the signed 32-bit number it is, wrapping shifts and all.
    let priority = if regex {
        (route.regex_priority as i32).wrapping_mul(1 << 19)
    } else {
        0
    };
    let low = attributes.wrapping_mul(1 << 29) | (route.headers.len() as i32 * (1 << 20)) | priority | length;
    let exact_bit = i64::from(exact) * (1 << 60);
    let regex_bit = i64::from(regex) * (1 << 51);
    (i64::from(low) | exact_bit | regex_bit) as u64
}

/// The number of fields, their kinds, how exact they are, headers, the path, age, id.
fn traditional(route: &Route, paths: &[&str]) -> Vec<u128> {
    let kinds = [
        route.hosts.is_empty(),
        route.headers.is_empty(),
        route.paths.is_empty(),
        route.methods.is_empty(),
        route.snis.is_empty(),
    ];
    let kinds = kinds.map(|is_empty| u128::from(!is_empty));
    let is_wild = |host: &&String| host.contains('*');
    let wild_with_port = route.hosts.iter().filter(is_wild).any(|host| host.contains(':'));
    let exact = !route.hosts.is_empty() && !route.hosts.iter().any(|host| is_wild(&host));
    let regex = paths.first().is_some_and(|path| path.starts_with('~'));
    let path = if regex {
        (i128::from(route.regex_priority) + (1 << 64)) as u128
    } else {
        paths.first().map_or(0, |path| path.len() as u128)
    };
    let mut order = vec![kinds.iter().sum()];
    order.extend(kinds);
    order.extend([wild_with_port, exact, regex].map(u128::from));
    order.extend([route.headers.len() as u128, path]);
    order.extend([u128::from(u64::MAX - route.created_at), route.id.as_u128()]);
    order
}

fn matches(flavor: Flavor, part: &Part<'_>, request: &Request) -> Option<usize> {
    let route = part.route;
    let others = (route.methods.is_empty() || route.methods.contains(&request.method))
        && (route.hosts.is_empty() || route.hosts.iter().any(|host| host_matches(flavor, host, request)))
        && route.headers.iter().all(|(name, values)| {
            request
                .headers
                .iter()
                .any(|(sent, value)| sent == name && values.iter().any(|v| v == value))
        })
        && match request.tls {
            Some(sni) if !route.snis.is_empty() => {
                let fits = |pattern: &String, sni| match flavor {
                    Flavor::Traditional => pattern == sni,
                    _ => glob(pattern, sni),
                };
                sni.is_some_and(|sni| route.snis.iter().any(|pattern| fits(pattern, sni)))
            }
            _ => true,
        };
    if !others {
        return None;
    }
    if part.paths.is_empty() {
        return Some(0);
    }
    part.paths.iter().find_map(|path| match path.strip_prefix('~') {
        Some(regex) => Some(
            Regex::new(&anchored(flavor, regex))
                .expect("a valid regex")
                .find(&request.path)?
                .len(),
        ),
        None => request.path.starts_with(path).then_some(path.len()),
    })
}

fn anchored(flavor: Flavor, regex: &str) -> String {
    match flavor {
        Flavor::Traditional => format!("^(?:{regex})"),
        _ => format!("^{regex}"),
    }
}

fn host_matches(flavor: Flavor, pattern: &str, request: &Request) -> bool {
    let (host, port) = split_host(&request.host);
    let (pattern, wanted) = split_host(pattern);
    let usual = if request.tls.is_some() { 443 } else { 80 };
    let came_for = match flavor {
        Flavor::Traditional if pattern.contains('*') => Some(port.unwrap_or(usual)),
        Flavor::Traditional => port,
        _ => Some(port.unwrap_or(request.port)),
    };
    !host.is_empty() && glob(pattern, host) && (wanted.is_none() || wanted == came_for)
}

fn glob(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(suffix), _) => text.ends_with(suffix),
        (None, Some(prefix)) => text.starts_with(prefix),
        (None, None) => text == pattern,
    }
}

// ---- chance: small alphabets, so that routes overlap and requests hit ----

const HOSTS: [&str; 11] = [
    "a.test",
    "b.test",
    "x.a.test",
    "*.test",
    "*.a.test",
    "a.*",
    "x.*",
    "a.test:81",
    "*.test:81",
    "*.a.test:80",
    "*.test:443",
];
const PATHS: [&str; 14] = [
    "/",
    "/a",
    "/b",
    "/ab",
    "/a/",
    "/a/b",
    "/a/bc",
    "~/a",
    "~/a/\\w+",
    "~/[ab]+",
    "~/a/b$",
    "~/(?<x>a|b)/b",
    "~/b|/a",
    "~/ab?c*",
];

fn some<T: Clone + std::fmt::Debug + 'static>(
    of: &'static [T],
    most: usize,
) -> impl Strategy<Value = Vec<T>> {
    subsequence(of, 0..=most).prop_shuffle()
}

fn strings(of: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<String>> {
    some(of, most).prop_map(|list| list.into_iter().map(String::from).collect())
}

fn headers() -> impl Strategy<Value = Vec<(String, Vec<String>)>> {
    let named =
        |name: &'static str| strings(&["1", "2"], 2).prop_map(move |values| (name.to_string(), values));
    (named("x-v"), named("x-w"))
        .prop_map(|(v, w)| [v, w].into_iter().filter(|(_, v)| !v.is_empty()).collect())
}

prop_compose! {
    fn route()(
        id in 0..12_u128,
        methods in strings(&["GET", "POST"], 1),
        hosts in strings(&HOSTS, 3),
        paths in strings(&PATHS, 4),
        headers in headers(),
        snis in strings(&["a.test", "*.test", "b.*"], 1),
        regex_priority in select(vec![0_i64, 1, 2, 5, 4096, -1]),
        created_at in 0..3_u64,
    ) -> Route {
        Route { id: Uuid::from_u128(id), methods, hosts, paths, headers, snis, regex_priority, created_at }
    }
}

prop_compose! {
    fn request()(
        method in select(vec!["GET", "POST", "PUT"]),
        host in select(vec!["a.test", "b.test", "x.a.test", "x.org", "a.test:81", "x.a.test:81", ""]),
        port in select(vec![80_u16, 81]),
        path in select(vec!["/", "/a", "/a/", "/ab", "/abc", "/a/b", "/a/bc/d", "/b", "/b/b", "/c"]),
        headers in some(&[("x-v", "1"), ("x-v", "2"), ("x-w", "1"), ("x-w", "3")], 4),
        tls in select(vec![None, Some(None), Some(Some("a.test")), Some(Some("b.org"))]),
    ) -> Request {
        Request { method: method.into(), host: host.into(), port, path: path.into(), headers, tls }
    }
}

fn flavor() -> impl Strategy<Value = Flavor> {
    select(vec![Flavor::TraditionalCompatible, Flavor::Traditional])
}

fn spec(flavor: Flavor, route: &Route) -> RouteSpec {
    let Route {
        id,
        methods,
        hosts,
        paths,
        headers,
        snis,
        regex_priority,
        created_at,
    } = route;
    let (regex_priority, created_at) = (*regex_priority, *created_at);
    RouteSpec::parse(RouteFields {
        id: *id,
        methods,
        hosts,
        paths,
        headers,
        snis,
        regex_priority,
        flavor,
        created_at,
        ..RouteFields::default()
    })
    .expect("routes of this test are valid")
}

fn ask(router: &Router<Uuid>, request: &Request) -> Option<(Uuid, usize)> {
    let head = RequestHead {
        method: &request.method,
        host: &request.host,
        port: request.port,
        path: &request.path,
        headers: request.headers.as_slice(),
        tls: request.tls.map_or(Tls::Plain, |sni| Tls::Https { sni }),
        query: "",
        source: NOWHERE,
        destination: NOWHERE,
    };
    let found = router.find(&head)?;
    assert_eq!(found.route, **found.payload);
    Some((found.route, found.path.length()))
}

/// Puts a route into the model the way the router is told to: in place of the same id.
fn put(routes: &mut Vec<Route>, route: Route) {
    routes.retain(|other| other.id != route.id);
    routes.push(route);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_router_answers_like_sorting_everything_and_taking_the_first(
        flavor in flavor(),
        list in proptest::collection::vec(route(), 0..12),
        requests in proptest::collection::vec(request(), 8),
    ) {
        let mut routes = Vec::new();
        list.into_iter().for_each(|route| put(&mut routes, route));
        let router: Router<Uuid> = routes.iter().map(|r| (spec(flavor, r), Arc::new(r.id))).collect();
        for request in &requests {
            prop_assert_eq!(ask(&router, request), find(flavor, &routes, request), "{:?}", request);
        }
    }

    #[test]
    fn changes_lead_to_the_same_router_and_leave_older_ones_alone(
        flavor in flavor(),
        changes in proptest::collection::vec((route(), proptest::bool::weighted(0.7)), 0..24),
        requests in proptest::collection::vec(request(), 4),
    ) {
        let mut history = vec![(Router::new(), Vec::new())];
        for (route, add) in changes {
            let (mut router, mut routes) = history.last().cloned().expect("history starts with one");
            if add {
                router.insert(spec(flavor, &route), Arc::new(route.id));
                put(&mut routes, route);
            } else {
                let known = routes.iter().any(|other| other.id == route.id);
                prop_assert_eq!(router.remove(route.id), known);
                routes.retain(|other| other.id != route.id);
            }
            history.push((router, routes));
        }
        for (router, routes) in &history {
            prop_assert_eq!(router.len(), routes.len());
            for request in &requests {
                prop_assert_eq!(ask(router, request), find(flavor, routes, request), "{:?}", request);
            }
        }
    }
}
