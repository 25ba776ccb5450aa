//! `/tags`: which entity wears which tag.
//!
//! Read only; tags change with the entities that wear them.

use super::Door;
use crate::{admin::Admin, answer::Reply, call::Call, generated::read_answer, page::Link};
use http::Method;
use troop_catalog::page_size;

pub(super) const DOORS: &[Door] = &[
    ("/tags", Method::GET, |admin, call| {
        Box::pin(list(admin, call, None))
    }),
    ("/tags/{tags}", Method::GET, |admin, call| {
        Box::pin(list(admin, call, Some(call.param(0))))
    }),
];

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
