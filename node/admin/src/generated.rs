//! Handlers for what every entity can do.
//!
//! | subject | paths | file |
//! |---|---|---|
//! | a collection, whole or below a parent | `/C`, `/P/{p}/C` | [`collection`] |
//! | a member of it | `/C/{c}`, `/P/{p}/C/{c}` | [`member`] |
//! | what a member refers to | `/C/{c}/<field>` | [`parent`] |
//!
//! Nothing here knows an entity by name. Deviations stand in [`crate::custom`].

pub(crate) mod collection;
pub(crate) mod member;
pub(crate) mod parent;

use crate::{
    admin::Admin,
    answer::{self, Answer, Reply},
    call::Call,
    envelope::Facts,
    problem::Failure,
};
use http::{Method, StatusCode};
use serde_json::Value;
use std::borrow::Cow;
use troop_catalog::{Catalog, Found, Parent};
use troop_schema::{Entity, Record};
use troop_txn::{ReadView, Revision};

/// What a path is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// All records of the entity.
    Collection,
    /// One of them.
    Member,
    /// Those that refer to a parent.
    Children {
        /// The parent's schema.
        parent: &'static str,
        /// The field that refers to it.
        field: &'static str,
    },
    /// One of those.
    Child {
        /// The parent's schema.
        parent: &'static str,
        /// The field that refers to it.
        field: &'static str,
    },
    /// What one record refers to.
    Parent {
        /// The field that refers.
        field: &'static str,
        /// The schema referred to.
        parent: &'static str,
    },
}

/// A derived endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generated {
    /// Schema of the records the path is about.
    pub entity: &'static str,
    /// Which of them.
    pub subject: Subject,
}

impl Generated {
    /// What can be done there.
    pub fn methods(self) -> Vec<Method> {
        match self.subject {
            Subject::Collection | Subject::Children { .. } => vec![Method::GET, Method::POST],
            Subject::Member | Subject::Child { .. } | Subject::Parent { .. } => {
                vec![Method::GET, Method::PUT, Method::PATCH, Method::DELETE]
            }
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn answer(self, admin: &Admin, call: &Call) -> Reply {
        let scope = Scope::new(admin, call, self)?;
        match (self.subject, &call.method) {
            (Subject::Collection | Subject::Children { .. }, &Method::GET) => collection::list(&scope).await,
            (Subject::Collection | Subject::Children { .. }, _) => collection::insert(&scope).await,
            (Subject::Parent { field, parent }, method) => {
                parent::answer(&scope, field, parent, method).await
            }
            (_, &Method::GET) => member::get(&scope).await,
            (_, &Method::PUT) => member::put(&scope).await,
            (_, &Method::PATCH) => member::patch(&scope).await,
            (_, _) => member::delete(&scope).await,
        }
    }
}

/// A parent above the subject.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Above {
    /// Its schema.
    pub(crate) parent: &'static str,
    /// The field that refers to it.
    pub(crate) field: &'static str,
}

impl Above {
    /// The parent that was found, as the catalog wants it named.
    pub(crate) fn of(self, parent: &Found) -> Parent {
        Parent {
            field: self.field,
            id: parent.id,
        }
    }
}

/// What a handler works on.
pub(crate) struct Scope<'a> {
    pub(crate) admin: &'a Admin,
    pub(crate) call: &'a Call,
    pub(crate) entity: &'a Entity,
    pub(crate) above: Option<Above>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(admin: &'a Admin, call: &'a Call, generated: Generated) -> Result<Self, Failure> {
        let entity = admin
            .registry()
            .entity(generated.entity)
            .ok_or(Failure::NotFound)?;
        let above = match generated.subject {
            Subject::Children { parent, field } | Subject::Child { parent, field } => {
                Some(Above { parent, field })
            }
            Subject::Collection | Subject::Member | Subject::Parent { .. } => None,
        };
        Ok(Scope {
            admin,
            call,
            entity,
            above,
        })
    }

    /// The parent named by the first variable of the path.
    pub(crate) fn parent(&self, above: Above, view: &dyn ReadView, now_ms: u64) -> Result<Found, Failure> {
        let catalog = &self.admin.catalog;
        let selector = catalog.selector(above.parent, self.call.param(0))?;
        catalog
            .find(view, above.parent, &selector, now_ms)?
            .ok_or(Failure::NotFound)
    }

    /// Who plans writes, on the client's terms.
    pub(crate) fn planner(&self) -> Cow<'a, Catalog> {
        if self.call.terms.as_sent {
            Cow::Owned(self.admin.catalog.storing_as_sent())
        } else {
            Cow::Borrowed(&self.admin.catalog)
        }
    }

    /// The body as a record of the entity.
    pub(crate) fn body(&self) -> Record {
        self.call.payload.record(self.admin.registry(), self.entity)
    }

    /// The body with the parent filled in, whatever the client said.
    ///
    /// Kong: the path wins over the body.
    pub(crate) fn body_below(&self, above: Above, parent: &Found) -> Record {
        let mut body = self.body();
        body.insert(
            above.field.to_owned(),
            serde_json::json!({ "id": parent.id.to_string() }),
        );
        body
    }
}

/// One entity as an answer.
pub(crate) fn entity_answer(status: StatusCode, record: Record, facts: Facts) -> Answer {
    let mut answer = answer::json(status, &Value::Object(record));
    answer.extensions_mut().insert(facts);
    answer
}

/// A document read at a revision.
pub(crate) fn read_answer(document: &Value, revision: Revision) -> Answer {
    let mut answer = answer::ok(document);
    answer.extensions_mut().insert(Facts {
        revision,
        ..Facts::default()
    });
    answer
}
