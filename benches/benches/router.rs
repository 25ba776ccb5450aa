//! The router at a hundred thousand routes: one look-up, and one change.
//!
//! Two shapes of configuration: many hosts with ten paths each, as a platform has them, and no host at all with all paths in
//! one tree, as one large product has them. Look-ups go over many requests in a shuffled order, because at this size the cost is errands
//! to memory and not the algorithm; a small hot set is measured beside it.

use crate::cpu_clock::CpuClock;
use criterion::{BatchSize, Criterion};
use std::{hint::black_box, sync::Arc};
use troop_router::{NoHeaders, RequestHead, RouteFields, RouteSpec, Router, Tls};
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

    fn request(self, number: usize) -> (String, String) {
        let host = self
            .host(number)
            .unwrap_or_else(|| "gateway.example.test".to_owned());
        (host, self.path(number) + "/items/42")
    }
}

/// Look-ups and changes, each for both shapes.
pub fn benches(criterion: &mut Criterion<CpuClock>) {
    for shape in [Shape::ManyHosts, Shape::NoHosts] {
        let router = shape.router();
        finds(criterion, shape, &router, REQUESTS);
        finds(criterion, shape, &router, HOT_REQUESTS);
        changes(criterion, shape, &router);
    }
}

fn finds(criterion: &mut Criterion<CpuClock>, shape: Shape, router: &Router<usize>, requests: usize) {
    let requests: Vec<_> = (0..requests)
        .map(|at| shape.request(at.wrapping_mul(STRIDE) % ROUTES))
        .collect();
    let mut at = 0;
    let name = format!(
        "router/find at 100k, {}, {} requests",
        shape.name(),
        requests.len()
    );
    criterion.bench_function(&name, |bencher| {
        bencher.iter(|| {
            at = (at + STRIDE) % requests.len();
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
        headers: &NoHeaders,
        tls: Tls::Plain,
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
