//! `GET /consumers?custom_id=…`: the one collection that can be searched by a field.

use super::Door;
use crate::{
    admin::Admin,
    answer::Reply,
    call::Call,
    generated::{Generated, Subject, read_answer},
    page::Link,
    problem::Failure,
};
use http::Method;
use troop_catalog::Selector;

pub(super) const DOORS: &[Door] = &[("/consumers", Method::GET, |admin, call| {
    Box::pin(list(admin, call))
})];

const ALL: Generated = Generated {
    entity: "consumers",
    subject: Subject::Collection,
};

async fn list(admin: &Admin, call: &Call) -> Reply {
    match call.query.get("custom_id") {
        None => ALL.answer(admin, call).await,
        Some("") => Err(Failure::bad("custom_id must be an unempty string")),
        Some(custom_id) => by_custom_id(admin, call, custom_id).await,
    }
}

async fn by_custom_id(admin: &Admin, call: &Call, custom_id: &str) -> Reply {
    let selector = Selector::Unique {
        field: "custom_id",
        value: custom_id.to_owned(),
    };
    let find = |view: &dyn troop_txn::ReadView, now_ms| {
        Ok(admin.catalog.find(view, ALL.entity, &selector, now_ms)?)
    };
    let (revision, found) = admin.reading(call, find).await?;
    let rows = found.into_iter().map(|found| found.record).collect();
    let page = Link::to("/consumers".into()).wrap(rows, None);
    Ok(read_answer(&page.into(), revision))
}
