//! Doors that always show the same thing: features of other Kong editions or modes, and small courtesies.
//!
//! Kong: clients probe these to learn what kind of node they talk to, and read the sentences.

use super::Door;
use crate::{
    admin::Admin,
    answer::{self, Reply},
    call::Call,
    problem::Failure,
};
use futures_util::future::BoxFuture;
use http::{Method, StatusCode};
use serde_json::json;

pub(super) const DOORS: &[Door] = &[
    ("/endpoints", Method::GET, |admin, call| {
        Box::pin(endpoints(admin, call))
    }),
    ("/robots.txt", Method::GET, robots),
    ("/clustering/status", Method::GET, no_control_plane),
    ("/clustering/data-planes", Method::GET, no_control_plane),
    ("/status/dns", Method::GET, no_new_dns),
    ("/cache", Method::DELETE, cache_cleared),
    ("/cache/{key}", Method::GET, cache_miss),
    ("/cache/{key}", Method::DELETE, cache_cleared),
];

/// The street map.
async fn endpoints(admin: &Admin, _: &Call) -> Reply {
    Ok(answer::ok(&json!({ "data": admin.endpoints.patterns() })))
}

fn robots<'a>(_: &'a Admin, _: &'a Call) -> BoxFuture<'a, Reply> {
    let page = "User-agent: *\nDisallow: /";
    Box::pin(async move { Ok(answer::text(StatusCode::OK, "text/plain; charset=UTF-8", page)) })
}

fn no_control_plane<'a>(_: &'a Admin, _: &'a Call) -> BoxFuture<'a, Reply> {
    refused("this endpoint is only available when Kong is configured to run as Control Plane for the cluster")
}

fn no_new_dns<'a>(_: &'a Admin, _: &'a Call) -> BoxFuture<'a, Reply> {
    let text = "not implemented with the legacy DNS client";
    Box::pin(async move { Err(Failure::other(StatusCode::NOT_IMPLEMENTED, text)) })
}

/// The plan replaces Kong's caches and cannot be stale, so nothing is ever cached under a key.
fn cache_miss<'a>(_: &'a Admin, _: &'a Call) -> BoxFuture<'a, Reply> {
    Box::pin(async { Err(Failure::NotFound) })
}

fn cache_cleared<'a>(_: &'a Admin, _: &'a Call) -> BoxFuture<'a, Reply> {
    Box::pin(async { Ok(answer::empty(StatusCode::NO_CONTENT)) })
}

fn refused<'a>(text: &'static str) -> BoxFuture<'a, Reply> {
    Box::pin(async move { Err(Failure::bad(text)) })
}
