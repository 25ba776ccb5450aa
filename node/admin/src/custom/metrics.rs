//! `/metrics`: the node's numbers for Prometheus.
//!
//! Kong: the same text on the Admin API and on the status API. What the proxy and the plugins count is Kong's, under Kong's names; what
//! only we have stands above it, under ours.

use crate::{
    admin::Admin,
    answer::{self, Answer, Reply},
    call::Call,
    ports::{NodeFacts, Serving},
};
use futures_util::future::BoxFuture;
use http::{Method, StatusCode};
use troop_telemetry::{Exposition, Kind, metric};
use troop_txn::Store;

use super::Door;

/// The door.
pub(super) const DOORS: &[Door] = &[("/metrics", Method::GET, show)];

fn show<'a>(admin: &'a Admin, _call: &'a Call) -> BoxFuture<'a, Reply> {
    let answer = metrics(&*admin.store, &*admin.serving, &*admin.facts);
    Box::pin(std::future::ready(Ok(answer)))
}

/// The text.
pub(crate) fn metrics(store: &dyn Store, serving: &dyn Serving, facts: &dyn NodeFacts) -> Answer {
    let connections = facts.connections();
    let mut text = Exposition::default();
    for (name, kind, help, value) in [
        (
            metric::APPLIED_REVISION,
            Kind::Gauge,
            "Revision this node has applied",
            store.applied().borrow().get(),
        ),
        (
            metric::SERVED_REVISION,
            Kind::Gauge,
            "Revision this node's workers serve",
            serving.served().borrow().get(),
        ),
        (
            metric::CLIENT_CONNECTIONS,
            Kind::Gauge,
            "Client connections open now",
            connections.active,
        ),
        (
            metric::REQUESTS_TOTAL,
            Kind::Counter,
            "Requests that came in",
            connections.total_requests,
        ),
    ] {
        text.family(name, kind, help);
        text.sample(&[], value);
    }
    let text = text.finish() + &facts.metrics();
    answer::text(StatusCode::OK, "text/plain; charset=UTF-8", text)
}
