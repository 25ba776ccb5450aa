//! One entity by its key: read, replace, change, delete.
//!
//! Below a parent the parent must exist and the entity belong to it; otherwise it is not found there,
//! whatever it is elsewhere.

use super::{Scope, entity_answer};
use crate::{
    answer::{self, Answer, Reply},
    custom::plugins,
    envelope::Facts,
    problem::Failure,
    write::{Done, compare, is_same},
};
use http::StatusCode;
use troop_catalog::{Found, Planned, Selector};
use troop_schema::Stamp;
use troop_txn::ReadView;

impl Scope<'_> {
    /// The key in the path: the last variable.
    fn selector(&self) -> Result<Selector, Failure> {
        let at = self.call.params.len().saturating_sub(1);
        self.selector_at(at)
    }

    pub(crate) fn selector_at(&self, at: usize) -> Result<Selector, Failure> {
        let (catalog, name, key) = (&self.admin.catalog, self.entity.name(), self.call.param(at));
        Ok(match self.above {
            Some(_) => catalog.selector_below(name, key)?,
            None => catalog.selector(name, key)?,
        })
    }

    /// The entity in the path, below its parent if there is one.
    pub(crate) fn find(&self, view: &dyn ReadView, now_ms: u64) -> Result<Option<Found>, Failure> {
        let (catalog, name) = (&self.admin.catalog, self.entity.name());
        let Some(above) = self.above else {
            return Ok(catalog.find(view, name, &self.selector()?, now_ms)?);
        };
        let parent = self.parent(above, view, now_ms)?;
        Ok(catalog.find_child(view, name, &self.selector_at(1)?, above.of(&parent), now_ms)?)
    }

    /// [`Scope::find`] and `If-Match`.
    fn find_unchanged(&self, view: &dyn ReadView, now_ms: u64) -> Result<Option<Found>, Failure> {
        let found = self.find(view, now_ms)?;
        compare(self.call, found.as_ref().map(|found| found.revision))?;
        Ok(found)
    }
}

/// `GET`.
pub(crate) async fn get(scope: &Scope<'_>) -> Reply {
    let find = |view: &dyn ReadView, now_ms| scope.find(view, now_ms)?.ok_or(Failure::NotFound);
    let (revision, found) = scope.admin.reading(scope.call, find).await?;
    let facts = Facts {
        revision,
        entity: Some(found.revision),
        served: None,
    };
    if is_same(scope.call, found.revision) {
        return Ok(unchanged(facts));
    }
    Ok(entity_answer(StatusCode::OK, found.record, facts))
}

/// What a client has already.
fn unchanged(facts: Facts) -> Answer {
    let mut answer = answer::empty(StatusCode::NOT_MODIFIED);
    answer.extensions_mut().insert(facts);
    answer
}

/// `PUT`: replaces or creates.
///
/// Kong: 200 in both cases.
pub(crate) async fn put(scope: &Scope<'_>) -> Reply {
    let done = scope
        .admin
        .change(scope.call, |view, stamp| upsert(scope, view, stamp))
        .await?;
    changed(done)
}

fn upsert(scope: &Scope<'_>, view: &dyn ReadView, stamp: &mut Stamp<'_>) -> Result<Option<Planned>, Failure> {
    let (catalog, name) = (scope.planner(), scope.entity.name());
    let terms = &scope.call.terms;
    if terms.if_match.is_some() || terms.if_none_match.is_some() {
        scope.find_unchanged(view, stamp.now_ms())?;
    }
    let selector = scope.selector()?;
    let Some(above) = scope.above else {
        return Ok(Some(catalog.upsert(
            view,
            name,
            &selector,
            scope.body(),
            stamp,
        )?));
    };
    let parent = scope.parent(above, view, stamp.now_ms())?;
    let body = scope.body_below(above, &parent);
    Ok(Some(catalog.upsert_below(
        view,
        name,
        &selector,
        above.of(&parent),
        body,
        stamp,
    )?))
}

/// `PATCH`: changes what is named and keeps the rest.
pub(crate) async fn patch(scope: &Scope<'_>) -> Reply {
    let done = scope
        .admin
        .change(scope.call, |view, stamp| update(scope, view, stamp))
        .await?;
    changed(done)
}

fn update(scope: &Scope<'_>, view: &dyn ReadView, stamp: &mut Stamp<'_>) -> Result<Option<Planned>, Failure> {
    let (catalog, name) = (scope.planner(), scope.entity.name());
    let found = scope.find_unchanged(view, stamp.now_ms())?;
    // Kong: a missing entity is the catalog's long "could not find"; missing below a parent it is the short
    // one.
    let (selector, body) = match (&found, scope.above) {
        (None, Some(_)) => return Err(Failure::NotFound),
        (None, None) => (scope.selector()?, plugins::body_for_missing(scope)?),
        (Some(found), None) => (Selector::Id(found.id), plugins::body_for(scope, found)),
        (Some(found), Some(above)) => {
            let mut body = plugins::body_for(scope, found);
            // Kong: the path says whose it is unless the body does. A password can be changed by this alone: its hash needs
            // the consumer.
            let parent = found.record.get(above.field).cloned().unwrap_or_default();
            body.entry(above.field).or_insert(parent);
            (Selector::Id(found.id), body)
        }
    };
    Ok(Some(catalog.update(view, name, &selector, body, stamp)?))
}

/// `DELETE`.
///
/// Kong: 204 also when there was nothing, except below a parent.
pub(crate) async fn delete(scope: &Scope<'_>) -> Reply {
    let done = scope
        .admin
        .change(scope.call, |view, stamp| remove(scope, view, stamp))
        .await?;
    Ok(deleted(&done))
}

fn remove(scope: &Scope<'_>, view: &dyn ReadView, stamp: &mut Stamp<'_>) -> Result<Option<Planned>, Failure> {
    let found = scope.find_unchanged(view, stamp.now_ms())?;
    match (found, scope.above) {
        (Some(found), _) => {
            let selector = Selector::Id(found.id);
            Ok(scope
                .admin
                .catalog
                .delete(view, scope.entity.name(), &selector, stamp.now_ms())?)
        }
        (None, Some(_)) => Err(Failure::NotFound),
        (None, None) => Ok(None),
    }
}

/// The entity after a change.
pub(crate) fn changed(done: Done) -> Reply {
    let facts = done.facts();
    let planned = done.planned.ok_or(Failure::NotFound)?;
    Ok(entity_answer(StatusCode::OK, planned.record, facts))
}

fn deleted(done: &Done) -> Answer {
    let mut answer = answer::empty(StatusCode::NO_CONTENT);
    answer.extensions_mut().insert(Facts {
        entity: None,
        ..done.facts()
    });
    answer
}
