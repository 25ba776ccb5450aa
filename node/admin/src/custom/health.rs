//! What this node's balancer thinks of an upstream, and a person's word against it.
//!
//! Targets come from the catalog, their health from the balancer; a target the balancer does not know yet is
//! shown without a verdict. Marks act on this node only.

use super::{Door, targets::TARGET};
use crate::{
    admin::Admin,
    answer::{self, Reply},
    call::Call,
    generated::{Above, Scope, read_answer},
    page::Link,
    ports::{AddressHealth, HostHealth, Mark, MarkError, UpstreamHealth, Weights},
    problem::Failure,
};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use troop_catalog::{Found, Page, PageQuery, page_size};
use troop_schema::Record;
use troop_txn::ReadView;

/// Paths below one target.
macro_rules! one {
    ($rest:literal) => {
        concat!("/upstreams/{upstreams}/targets/{targets}", $rest)
    };
}

pub(super) const DOORS: &[Door] = &[
    ("/upstreams/{upstreams}/health", Method::GET, |admin, call| {
        Box::pin(health(admin, call))
    }),
    (one!("/healthy"), Method::PUT, |admin, call| {
        Box::pin(mark(admin, call, true))
    }),
    (one!("/unhealthy"), Method::PUT, |admin, call| {
        Box::pin(mark(admin, call, false))
    }),
    (one!("/{address}/healthy"), Method::PUT, |admin, call| {
        Box::pin(mark(admin, call, true))
    }),
    (one!("/{address}/unhealthy"), Method::PUT, |admin, call| {
        Box::pin(mark(admin, call, false))
    }),
];

async fn health(admin: &Admin, call: &Call) -> Reply {
    let scope = Scope::new(admin, call, TARGET)?;
    let (revision, (upstream, page)) = admin
        .reading(call, |view, now_ms| targets(&scope, view, now_ms))
        .await?;
    let seen = admin.facts.upstream_health(upstream.id);
    let mut document = if call.query.is_on("balancer_health") {
        of_upstream(&upstream, seen.as_ref())
    } else {
        let link = Link::to(format!("/upstreams/{}/health", call.raw_param(0)));
        let rows = page
            .data
            .into_iter()
            .map(|target| of_target(target, seen.as_ref()))
            .collect();
        link.wrap(rows, page.offset)
    };
    let node_id = admin.facts.identity().node_id.to_string();
    document.insert("node_id".into(), Value::String(node_id));
    Ok(read_answer(&Value::Object(document), revision))
}

/// Kong: newest first, as in the list of targets.
fn targets(scope: &Scope<'_>, view: &dyn ReadView, now_ms: u64) -> Result<(Found, Page), Failure> {
    let above = above(scope)?;
    let upstream = scope.parent(above, view, now_ms)?;
    let query = PageQuery {
        size: page_size(scope.call.query.get("size"))?,
        offset: scope.call.query.get("offset").map(str::to_owned),
        parent: Some(above.of(&upstream)),
        newest_first: true,
        ..PageQuery::default()
    };
    let page = scope.admin.catalog.page(view, TARGET.entity, &query, now_ms)?;
    Ok((upstream, page))
}

fn above(scope: &Scope<'_>) -> Result<Above, Failure> {
    scope.above.ok_or(Failure::NotFound)
}

fn of_target(mut target: Record, seen: Option<&UpstreamHealth>) -> Record {
    let name = target.get("target").and_then(Value::as_str).unwrap_or_default();
    let is_it = |host: &&HostHealth| format!("{}:{}", bracketed(&host.host), host.port) == name;
    let host = seen.and_then(|seen| Some((seen, seen.hosts.iter().find(is_it)?)));
    let health = match host {
        Some((_, host)) if host.dns.is_err() => "DNS_ERROR",
        Some((seen, _)) if !seen.checks_on => "HEALTHCHECKS_OFF",
        // Kong: one healthy address is enough.
        Some((_, host)) if host.addresses.iter().any(|address| address.healthy) => "HEALTHY",
        Some(_) => "UNHEALTHY",
        None => "HEALTHCHECKS_OFF",
    };
    target.insert("health".into(), json!(health));
    if let Some((seen, host)) = host {
        target.insert(
            "data".into(),
            of_host(host, |address| address_row(address, seen.checks_on)),
        );
    }
    target
}

fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

fn address_row(address: &AddressHealth, checks_on: bool) -> Value {
    let health = match (checks_on, address.healthy) {
        (false, _) => "HEALTHCHECKS_OFF",
        (true, true) => "HEALTHY",
        (true, false) => "UNHEALTHY",
    };
    json!({ "ip": address.ip.to_string(), "port": address.port, "weight": address.weight, "health": health })
}

fn of_host(host: &HostHealth, row: impl Fn(&AddressHealth) -> Value) -> Value {
    let (Ok(dns) | Err(dns)) = &host.dns;
    json!({
        "host": host.host,
        "port": host.port,
        "dns": dns,
        "nodeWeight": host.node_weight,
        "weight": of_weights(host.weight),
        "addresses": host.addresses.iter().map(row).collect::<Vec<_>>(),
    })
}

fn of_weights(weights: Weights) -> Value {
    let available = weights.total.saturating_sub(weights.unavailable);
    json!({ "total": weights.total, "unavailable": weights.unavailable, "available": available })
}

fn of_upstream(upstream: &Found, seen: Option<&UpstreamHealth>) -> Map<String, Value> {
    let balancer = if seen.is_some_and(|seen| seen.healthy) {
        "HEALTHY"
    } else {
        "UNHEALTHY"
    };
    let health = if seen.is_some_and(|seen| seen.checks_on) {
        balancer
    } else {
        "HEALTHCHECKS_OFF"
    };
    let plain = |address: &AddressHealth| {
        let ip = address.ip.to_string();
        json!({ "ip": ip, "port": address.port, "weight": address.weight, "healthy": address.healthy })
    };
    let hosts = seen.map(|seen| {
        seen.hosts
            .iter()
            .map(|host| of_host(host, plain))
            .collect::<Vec<_>>()
    });
    let details = json!({
        "healthy": seen.is_some_and(|seen| seen.healthy),
        "weight": of_weights(seen.map(|seen| seen.weight).unwrap_or_default()),
        "hosts": hosts.unwrap_or_default(),
    });
    let data = json!({
        "id": upstream.id.to_string(), "health": health, "balancer_health": balancer, "details": details,
    });
    Map::from_iter([("data".to_owned(), data), ("next".to_owned(), Value::Null)])
}

async fn mark(admin: &Admin, call: &Call, healthy: bool) -> Reply {
    let scope = Scope::new(admin, call, TARGET)?;
    let (_, (upstream, target)) = admin
        .reading(call, |view, now_ms| find(&scope, view, now_ms))
        .await?;
    let name = target
        .record
        .get("target")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let address = (call.params.len() > 2).then(|| call.param(2).to_owned());
    let mark = Mark {
        upstream: upstream.id,
        target: name.to_owned(),
        address,
        healthy,
    };
    match admin.facts.mark(mark) {
        Ok(()) => Ok(answer::empty(StatusCode::NO_CONTENT)),
        Err(MarkError::NoBalancer) => Err(Failure::bad(format!(
            "Upstream {} has no balancer",
            upstream_name(&upstream)
        ))),
        Err(MarkError::NoChecker) => Err(Failure::bad(format!(
            "no healthchecker found for {}",
            upstream_name(&upstream)
        ))),
    }
}

fn find(scope: &Scope<'_>, view: &dyn ReadView, now_ms: u64) -> Result<(Found, Found), Failure> {
    let above = above(scope)?;
    let upstream = scope.parent(above, view, now_ms)?;
    let selector = scope.selector_at(1)?;
    let catalog = &scope.admin.catalog;
    let target = catalog.find_child(view, TARGET.entity, &selector, above.of(&upstream), now_ms)?;
    Ok((upstream, target.ok_or(Failure::NotFound)?))
}

fn upstream_name(upstream: &Found) -> &str {
    upstream
        .record
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}
