//! `/tags`: which entity wears which tag.
//!
//! Read only; tags change with the entities that wear them.

use super::Door;
use crate::{admin::Admin, answer::Reply, call::Call, generated::read_answer, page::Link};
use futures_util::future::BoxFuture;
use http::Method;
use troop_catalog::{Problem, page_size};
use troop_schema::Violation;

pub(super) const DOORS: &[Door] = &[
    ("/tags", Method::GET, |admin, call| {
        Box::pin(list(admin, call, None))
    }),
    ("/tags/{tags}", Method::GET, |admin, call| {
        Box::pin(list(admin, call, Some(call.param(0))))
    }),
    ("/tags", Method::POST, |_, _| read_only("insert")),
    ("/tags/{tags}", Method::PUT, |_, _| read_only("upsert")),
    ("/tags/{tags}", Method::PATCH, |_, _| read_only("update")),
    ("/tags/{tags}", Method::DELETE, |_, _| read_only("delete")),
];

fn read_only<'a>(operation: &'static str) -> BoxFuture<'a, Reply> {
    let text = format!("does not support {operation} operations");
    Box::pin(async move { Err(Problem::Schema(Violation::of("tags", text)).into()) })
}

async fn list(admin: &Admin, call: &Call, tag: Option<&str>) -> Reply {
    let size = page_size(call.query.get("size"))?;
    let offset = call.query.get("offset");
    let (revision, page) = admin
        .reading(call, |view, _| Ok(admin.catalog.tags(view, tag, size, offset)?))
        .await?;
    let link = match tag {
        None => Link::to("/tags".into()).with("size", call.query.get("size")),
        Some(_) => Link::to(format!("/tags/{}", call.raw_param(0))).with("size", call.query.get("size")),
    };
    Ok(read_answer(&link.document(page), revision))
}
