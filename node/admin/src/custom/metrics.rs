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
use troop_telemetry::{Exposition, metric};
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
    text.number(metric::APPLIED_REVISION, store.applied().borrow().get());
    text.number(metric::SERVED_REVISION, serving.served().borrow().get());
    text.number(metric::CLIENT_CONNECTIONS, connections.active);
    text.number(metric::REQUESTS_TOTAL, connections.total_requests);
    let text = text.finish() + &facts.metrics();
    answer::text(StatusCode::OK, "text/plain; charset=UTF-8", text)
}
