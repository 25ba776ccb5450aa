//! The router at a hundred thousand routes: one look-up, and one change.
//!
//! Two shapes of configuration: many hosts with ten paths each, as a platform has them, and no host at all with all paths in
//! one tree, as one large product has them. Consecutive requests ask for routes far apart, because at this size the cost is errands to
//! memory and not the algorithm; a small hot set is measured beside it.

use crate::cpu_clock::CpuClock;
use criterion::{BatchSize, Criterion};
use std::{collections::HashMap, hint::black_box, sync::Arc};
use troop_router::{NOWHERE, NoHeaders, RequestHead, RouteFields, RouteSpec, Router, Tls};
use uuid::Uuid;

const ROUTES: usize = 100_000;
const PATHS_PER_HOST: usize = 10;
/// Different requests; their texts and the routes they find are far larger than a core's cache.
const REQUESTS: usize = 1 << 16;
const HOT_REQUESTS: usize = 64;
/// Odd, so that steps of this size visit every number below a power of two.
const STRIDE: usize = 40_503;

#[derive(Clone, Copy)]
enum Shape {
    ManyHosts,
    NoHosts,
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Shape::ManyHosts => "ten paths per host",
            Shape::NoHosts => "paths without hosts",
        }
    }

    fn host(self, number: usize) -> Option<String> {
        match self {
            Shape::ManyHosts => Some(format!("host-{}.example.test", number / PATHS_PER_HOST)),
            Shape::NoHosts => None,
        }
    }

    fn path(self, number: usize) -> String {
        match self {
            Shape::ManyHosts => format!("/api/v1/resource-{}", number % PATHS_PER_HOST),
            Shape::NoHosts => format!("/team-{}/service-{}", number % 100, number / 100),
        }
    }

    fn spec(self, number: usize) -> RouteSpec {
        let hosts: Vec<_> = self.host(number).into_iter().collect();
        let fields = RouteFields {
            id: Uuid::from_u128(number as u128),
            hosts: &hosts,
            paths: &[self.path(number)],
            ..RouteFields::default()
        };
        RouteSpec::parse(fields).expect("invariant: a plain path parses")
    }

    fn router(self) -> Router<usize> {
        (0..ROUTES)
            .map(|number| (self.spec(number), Arc::new(number)))
            .collect()
    }

    /// This many, whose routes lie far apart.
    fn requests(self, count: usize) -> Vec<(String, String)> {
        (0..count)
            .map(|at| self.request(at.wrapping_mul(STRIDE) % ROUTES))
            .collect()
    }

    fn request(self, number: usize) -> (String, String) {
        let host = self
            .host(number)
            .unwrap_or_else(|| "gateway.example.test".to_owned());
        (host, self.path(number) + "/items/42")
    }
}

/// Look-ups and changes, each for both shapes, and beside the look-ups what one errand to memory costs on this machine: the same
/// requests asked of a plain map that knows them word for word.
pub fn benches(criterion: &mut Criterion<CpuClock>) {
    for shape in [Shape::ManyHosts, Shape::NoHosts] {
        let router = shape.router();
        word_for_word(criterion, shape);
        finds(criterion, shape, &router, REQUESTS);
        finds(criterion, shape, &router, HOT_REQUESTS);
        changes(criterion, shape, &router);
    }
}

fn word_for_word(criterion: &mut Criterion<CpuClock>, shape: Shape) {
    let requests = shape.requests(REQUESTS);
    let known: HashMap<_, _> = (0..ROUTES)
        .map(|number| (shape.request(number), Arc::new(number)))
        .collect();
    let mut at = 0;
    let name = format!(
        "router/(measure) a plain map of 100k, {}, {REQUESTS} requests",
        shape.name()
    );
    criterion.bench_function(&name, |bencher| {
        bencher.iter(|| {
            at = (at + 1) % requests.len();
            let found = known
                .get(black_box(&requests[at]))
                .expect("invariant: it knows every request");
            **found
        });
    });
}

fn finds(criterion: &mut Criterion<CpuClock>, shape: Shape, router: &Router<usize>, requests: usize) {
    let requests = shape.requests(requests);
    let mut at = 0;
    let name = format!(
        "router/find at 100k, {}, {} requests",
        shape.name(),
        requests.len()
    );
    criterion.bench_function(&name, |bencher| {
        bencher.iter(|| {
            // In the order in which they lie in memory: a gateway has just read the head that it routes.
            at = (at + 1) % requests.len();
            let (host, path) = &requests[at];
            let found = router.find(black_box(&head(host, path)));
            found
                .map(|found| found.route)
                .expect("invariant: every request has its route")
        });
    });
}

fn head<'a>(host: &'a str, path: &'a str) -> RequestHead<'a, NoHeaders> {
    RequestHead {
        method: "GET",
        host,
        port: 80,
        path,
        query: "",
        headers: &NoHeaders,
        tls: Tls::Plain,
        source: NOWHERE,
        destination: NOWHERE,
    }
}

/// As the plan does it: the old router goes on serving while the changed clone is made.
fn changes(criterion: &mut Criterion<CpuClock>, shape: Shape, router: &Router<usize>) {
    let mut number = ROUTES;
    criterion.bench_function(
        &format!("router/add a route at 100k, {}", shape.name()),
        |bencher| {
            bencher.iter_batched(
                || {
                    number += STRIDE;
                    shape.spec(number)
                },
                |spec| {
                    let mut changed = router.clone();
                    changed.insert(spec, Arc::new(0));
                    changed
                },
                BatchSize::SmallInput,
            );
        },
    );
    let mut number = 0;
    criterion.bench_function(
        &format!("router/remove a route at 100k, {}", shape.name()),
        |bencher| {
            bencher.iter(|| {
                number = (number + STRIDE) % ROUTES;
                let mut changed = router.clone();
                assert!(changed.remove(Uuid::from_u128(number as u128)));
                changed
            });
        },
    );
}
