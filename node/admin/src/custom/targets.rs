//! Targets, where they differ from other children.
//!
//! Kong: `PUT` on a target changes it and never creates one; `/targets/all` lists in the order of ids what
//! `/targets` lists newest first.

use super::Door;
use crate::{
    admin::Admin,
    answer::Reply,
    call::Call,
    generated::{Generated, Scope, Subject, member, read_answer},
    page::Link,
};
use http::Method;
use troop_catalog::{PageQuery, page_size};

pub(super) const DOORS: &[Door] = &[
    (
        "/upstreams/{upstreams}/targets/{targets}",
        Method::PUT,
        |admin, call| Box::pin(put(admin, call)),
    ),
    (
        "/upstreams/{upstreams}/targets/all",
        Method::GET,
        |admin, call| Box::pin(all(admin, call)),
    ),
];

/// A target below its upstream.
pub(super) const TARGET: Generated = Generated {
    entity: "targets",
    subject: Subject::Child {
        parent: "upstreams",
        field: "upstream",
    },
};

async fn put(admin: &Admin, call: &Call) -> Reply {
    member::patch(&Scope::new(admin, call, TARGET)?).await
}

async fn all(admin: &Admin, call: &Call) -> Reply {
    let scope = Scope::new(admin, call, TARGET)?;
    let mut query = PageQuery {
        size: page_size(call.query.get("size"))?,
        offset: call.query.get("offset").map(str::to_owned),
        ..PageQuery::default()
    };
    let (revision, page) = admin
        .reading(call, |view, now_ms| {
            let above = scope.above.ok_or(crate::problem::Failure::NotFound)?;
            query.parent = Some(above.of(&scope.parent(above, view, now_ms)?));
            Ok(admin.catalog.page(view, TARGET.entity, &query, now_ms)?)
        })
        .await?;
    let link = Link::to(format!("/upstreams/{}/targets/all", call.raw_param(0)));
    Ok(read_answer(&link.document(page), revision))
}
