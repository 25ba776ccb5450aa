//! What an entity refers to, reached through it: `/routes/{r}/service`.
//!
//! Kong: `PUT` replaces what is referred to, or creates and ties it; `DELETE` is never allowed, but where
//! there is nothing it is "not found" rather than "not allowed".

use super::{Scope, entity_answer, member::changed};
use crate::{answer::Reply, envelope::Facts, problem::Failure, write::compare};
use http::{Method, StatusCode};
use serde_json::Value;
use troop_catalog::{Found, Planned, Selector};
use troop_schema::{Entity, Record, Stamp};
use troop_txn::ReadView;
use uuid::Uuid;

/// One reference.
struct Tie<'s, 'a> {
    scope: &'s Scope<'a>,
    field: &'static str,
    parent: &'static str,
}

/// All four methods.
pub(crate) async fn answer(
    scope: &Scope<'_>,
    field: &'static str,
    parent: &'static str,
    method: &Method,
) -> Reply {
    let tie = Tie { scope, field, parent };
    match *method {
        Method::PUT => changed(
            scope
                .admin
                .change(scope.call, |view, stamp| tie.replace(view, stamp))
                .await?,
        ),
        Method::PATCH => changed(
            scope
                .admin
                .change(scope.call, |view, stamp| tie.update(view, stamp))
                .await?,
        ),
        _ => tie.read(method).await,
    }
}

impl Tie<'_, '_> {
    async fn read(&self, method: &Method) -> Reply {
        let find = |view: &dyn ReadView, now_ms| self.find(view, now_ms)?.ok_or(Failure::NotFound);
        let (revision, found) = self.scope.admin.reading(self.scope.call, find).await?;
        if *method == Method::DELETE {
            return Err(Failure::MethodNotAllowed);
        }
        let facts = Facts {
            revision,
            entity: Some(found.revision),
            served: None,
        };
        Ok(entity_answer(StatusCode::OK, found.record, facts))
    }

    /// What the entity in the path refers to.
    fn find(&self, view: &dyn ReadView, now_ms: u64) -> Result<Option<Found>, Failure> {
        let child = self.scope.find(view, now_ms)?.ok_or(Failure::NotFound)?;
        match referred(&child.record, self.field) {
            Some(id) => self.find_parent(view, id, now_ms),
            None => Ok(None),
        }
    }

    /// Kong: names of what is referred to are not listed here.
    fn find_parent(&self, view: &dyn ReadView, id: Uuid, now_ms: u64) -> Result<Option<Found>, Failure> {
        let catalog = &self.scope.admin.catalog;
        let mut found = catalog.find(view, self.parent, &Selector::Id(id), now_ms)?;
        let names = catalog.registry().entity(self.parent).and_then(Entity::names);
        if let (Some(found), Some(names)) = (&mut found, names) {
            found.record.insert(names.field.to_owned(), Value::Null);
        }
        Ok(found)
    }

    fn body(&self) -> Result<Record, Failure> {
        let registry = self.scope.admin.registry();
        let entity = registry.entity(self.parent).ok_or(Failure::NotFound)?;
        Ok(self.scope.call.payload.record(registry, entity))
    }

    fn replace(&self, view: &dyn ReadView, stamp: &mut Stamp<'_>) -> Result<Option<Planned>, Failure> {
        let (catalog, child) = (&self.scope.admin.catalog, self.scope.entity.name());
        let terms = &self.scope.call.terms;
        if terms.if_match.is_some() || terms.if_none_match.is_some() {
            compare(
                self.scope.call,
                self.find(view, stamp.now_ms())?.map(|found| found.revision),
            )?;
        }
        let selector = self.scope.selector_at(0)?;
        let planned = catalog.upsert_parent(view, child, &selector, self.field, self.body()?, stamp)?;
        planned.map(Some).ok_or(Failure::NotFound)
    }

    fn update(&self, view: &dyn ReadView, stamp: &mut Stamp<'_>) -> Result<Option<Planned>, Failure> {
        let found = self.find(view, stamp.now_ms())?.ok_or(Failure::NotFound)?;
        compare(self.scope.call, Some(found.revision))?;
        let selector = Selector::Id(found.id);
        Ok(Some(self.scope.admin.catalog.update(
            view,
            self.parent,
            &selector,
            self.body()?,
            stamp,
        )?))
    }
}

fn referred(record: &Record, field: &str) -> Option<Uuid> {
    record.get(field)?.get("id")?.as_str()?.parse().ok()
}
