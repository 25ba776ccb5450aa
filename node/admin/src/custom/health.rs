//! What this node's balancer thinks of an upstream, and a person's word against it.
//!
//! Targets come from the catalog, their health from the balancer; a target the balancer does not know yet is
//! shown without a verdict.
//!
//! A mark goes through the log like any write, as a broadcast that changes no record: all nodes hear it, in one order, and the answer
//! is given when this node's balancer has heard it. Kong: a mark takes effect elsewhere within seconds.

use super::{Door, targets::TARGET};
use crate::{
    admin::Admin,
    answer::{self, Reply},
    call::Call,
    envelope::Facts,
    generated::{Above, Scope, read_answer},
    page::Link,
    ports::{AddressHealth, HostHealth, MarkError, UpstreamHealth, Weights},
    problem::Failure,
};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use troop_balancer::Mark;
use troop_catalog::{Found, Page, PageQuery, Planned, page_size};
use troop_schema::Record;
use troop_txn::{Op, ReadView};

mod cluster;

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
    let opinions = if call.query.is_on("cluster") {
        Some(admin.cluster.upstream_health(upstream.id).await)
    } else {
        None
    };
    let mut document = if call.query.is_on("balancer_health") {
        let document = of_upstream(&upstream, seen.as_ref());
        match &opinions {
            Some(opinions) => cluster::of_upstream(document, opinions),
            None => document,
        }
    } else {
        let link = Link::to(format!("/upstreams/{}/health", call.raw_param(0)));
        let rows = page
            .data
            .into_iter()
            .map(|target| match &opinions {
                Some(opinions) => cluster::of_target(of_target(target, seen.as_ref()), opinions),
                None => of_target(target, seen.as_ref()),
            })
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
    let host = seen.and_then(|seen| Some((seen, host_of(&target, seen)?)));
    target.insert("health".into(), json!(word_for(host)));
    if let Some((seen, host)) = host {
        target.insert(
            "data".into(),
            of_host(host, |address| address_row(address, seen.checks_on)),
        );
    }
    target
}

/// What a balancer holds of a target.
fn host_of<'a>(target: &Record, seen: &'a UpstreamHealth) -> Option<&'a HostHealth> {
    let name = target.get("target").and_then(Value::as_str).unwrap_or_default();
    let is_it = |host: &&HostHealth| format!("{}:{}", bracketed(&host.host), host.port) == name;
    seen.hosts.iter().find(is_it)
}

fn word_for(host: Option<(&UpstreamHealth, &HostHealth)>) -> &'static str {
    match host {
        Some((_, host)) if host.dns.is_err() => "DNS_ERROR",
        Some((seen, _)) if !seen.checks_on => "HEALTHCHECKS_OFF",
        // Kong: one healthy address is enough.
        Some((_, host)) if host.addresses.iter().any(|address| address.healthy) => "HEALTHY",
        Some(_) => "UNHEALTHY",
        None => "HEALTHCHECKS_OFF",
    }
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
    let balancer = balancer_word(seen);
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

fn balancer_word(seen: Option<&UpstreamHealth>) -> &'static str {
    if seen.is_some_and(|seen| seen.healthy) {
        "HEALTHY"
    } else {
        "UNHEALTHY"
    }
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
    let refused = |why: &str| Err(Failure::bad(why.replace("{}", upstream_name(&upstream))));
    match admin.facts.may_mark(upstream.id) {
        Ok(()) => {}
        Err(MarkError::NoBalancer) => return refused("Upstream {} has no balancer"),
        Err(MarkError::NoChecker) => return refused("no healthchecker found for {}"),
    }
    let mark = Mark {
        upstream: upstream.id,
        target: name.to_owned(),
        address: (call.params.len() > 2).then(|| call.param(2).to_owned()),
        healthy,
    };
    let done = admin
        .change(call, |_, _| Ok(Some(broadcast(&mark, &target))))
        .await?;
    let mut answer = answer::empty(StatusCode::NO_CONTENT);
    answer.extensions_mut().insert(Facts {
        entity: None,
        ..done.facts()
    });
    Ok(answer)
}

/// A change of no record.
fn broadcast(mark: &Mark, target: &Found) -> Planned {
    Planned {
        guards: Vec::new(),
        ops: vec![Op::Emit {
            channel: Mark::CHANNEL.to_owned(),
            data: mark.to_bytes().into(),
            not_before_ms: None,
        }],
        ensures: Vec::new(),
        id: target.id,
        record: target.record.clone(),
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
