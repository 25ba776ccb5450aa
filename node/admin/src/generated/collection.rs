//! Lists and insertions.

use super::{Scope, entity_answer, read_answer};
use crate::{answer::Reply, page::Link, problem::Failure};
use http::StatusCode;
use troop_catalog::{PageQuery, TagFilter, page_size};

/// `GET /C` and `GET /P/{p}/C`.
///
/// Kong: `tags` filters whole collections only, and is carried in `next` together with `size`; below a parent
/// neither is.
pub(crate) async fn list(scope: &Scope<'_>) -> Reply {
    let (admin, call) = (scope.admin, scope.call);
    let mut query = PageQuery {
        size: page_size(call.query.get("size"))?,
        offset: call.query.get("offset").map(str::to_owned),
        newest_first: scope.above.is_some() && scope.entity.is_newest_first(),
        ..PageQuery::default()
    };
    if scope.above.is_none() && scope.entity.has_tags() {
        query.tags = call
            .query
            .get("tags")
            .map(|tags| TagFilter::parse(tags.as_bytes()))
            .transpose()?;
    }
    let (revision, page) = admin
        .reading(call, |view, now_ms| {
            if let Some(above) = scope.above {
                query.parent = Some(above.of(&scope.parent(above, view, now_ms)?));
            }
            Ok(admin.catalog.page(view, scope.entity.name(), &query, now_ms)?)
        })
        .await?;
    Ok(read_answer(&link(scope)?.document(page), revision))
}

fn link(scope: &Scope<'_>) -> Result<Link, Failure> {
    let call = scope.call;
    let Some(above) = scope.above else {
        let tags = if scope.entity.has_tags() {
            call.query.get("tags")
        } else {
            None
        };
        let link = Link::to(format!("/{}", scope.entity.admin_path()));
        return Ok(link.with("tags", tags).with("size", call.query.get("size")));
    };
    let parent = scope
        .admin
        .registry()
        .entity(above.parent)
        .ok_or(Failure::NotFound)?;
    let (path, key, below) = (parent.admin_path(), call.raw_param(0), scope.entity.nested_path());
    Ok(Link::to(format!("/{path}/{key}/{below}")))
}

/// `POST /C` and `POST /P/{p}/C`.
pub(crate) async fn insert(scope: &Scope<'_>) -> Reply {
    let catalog = scope.planner();
    let done = scope
        .admin
        .change(scope.call, |view, stamp| {
            let body = match scope.above {
                Some(above) => scope.body_below(above, &scope.parent(above, view, stamp.now_ms())?),
                None => scope.body(),
            };
            Ok(Some(catalog.insert(view, scope.entity.name(), body, stamp)?))
        })
        .await?;
    let facts = done.facts();
    let planned = done.planned.ok_or(Failure::NotFound)?;
    Ok(entity_answer(StatusCode::CREATED, planned.record, facts))
}
