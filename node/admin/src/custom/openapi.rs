//! `/openapi.json`: the whole API, for machines.
//!
//! The document depends on nothing but the tables, so it is written when somebody first asks and kept: most nodes are
//! never asked, and a megabyte of text is not worth having in memory for that.

use super::Door;
use crate::{
    admin::Admin,
    answer::{self, Reply},
    call::Call,
    openapi,
};
use bytes::Bytes;
use http::{Method, StatusCode};

pub(super) const DOORS: &[Door] = &[("/openapi.json", Method::GET, |admin, call| {
    Box::pin(document(admin, call))
})];

async fn document(admin: &Admin, _: &Call) -> Reply {
    let text = admin
        .openapi
        .get_or_init(|| Bytes::from(openapi::document(admin.registry()).to_string()));
    Ok(answer::text(
        StatusCode::OK,
        "application/json; charset=utf-8",
        text.clone(),
    ))
}
