//! The catalog itself, and how a record is named.

use crate::{
    expiry, layout,
    problem::{Problem, one},
};
use serde_json::Value;
use std::sync::Arc;
use troop_schema::{Entity, Fault, Faults, Names, Record, Registry};
use troop_txn::{ReadView, Revision};
use uuid::Uuid;

/// Entities over transactions.
#[derive(Clone, Debug)]
pub struct Catalog {
    registry: Arc<Registry>,
    /// Whether values arrive in the form in which they are stored.
    as_sent: bool,
}

/// How a request names a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// By its id.
    Id(Uuid),
    /// By the value of its endpoint key.
    Unique {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// By the name of a record that names it.
    Named {
        /// Which records those are.
        names: Names,
        /// The name.
        value: String,
    },
}

/// A record that another belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The referring field of the child.
    pub field: &'static str,
    /// What it holds.
    pub id: Uuid,
}

/// A record as a reader sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its id.
    pub id: Uuid,
    /// All its fields, ready to print.
    pub record: Record,
    /// The revision that wrote it last.
    pub revision: Revision,
}

/// A record as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) id: Uuid,
    pub(crate) record: Record,
    pub(crate) revision: Revision,
}

impl Catalog {
    /// Over these tables.
    pub fn new(registry: Arc<Registry>) -> Self {
        Catalog {
            registry,
            as_sent: false,
        }
    }

    /// The same catalog, for records that were stored somewhere before: what is hashed already is not hashed again.
    ///
    /// Kong: what `_transform: false` says in a declarative document.
    #[must_use]
    pub fn storing_as_sent(&self) -> Self {
        Catalog {
            registry: Arc::clone(&self.registry),
            as_sent: true,
        }
    }

    /// Whether values arrive in the form in which they are stored.
    pub(crate) fn stores_as_sent(&self) -> bool {
        self.as_sent
    }

    /// The tables.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// How `key`, the decoded segment of a path, names a record of `entity`: anything that looks like an id is one.
    ///
    /// # Errors
    /// [`Problem::InvalidPrimaryKey`] when only an id could name it, [`Problem::UniqueKey`] when its field cannot have
    /// that value.
    pub fn selector(&self, entity: &str, key: &str) -> Result<Selector, Problem> {
        let entity = self.entity(entity)?;
        self.select(entity, entity.endpoint_key(), key)
    }

    /// As [`Catalog::selector`], of a record below its parent.
    ///
    /// # Errors
    /// As [`Catalog::selector`].
    pub fn selector_below(&self, entity: &str, key: &str) -> Result<Selector, Problem> {
        let entity = self.entity(entity)?;
        self.select(entity, entity.nested_key(), key)
    }

    fn select(&self, entity: &Entity, field: Option<&'static str>, key: &str) -> Result<Selector, Problem> {
        if let Some(id) = Some(key)
            .filter(|key| key.len() == 36)
            .and_then(|key| key.parse().ok())
        {
            return Ok(Selector::Id(id));
        }
        let value = key.to_owned();
        if let Some(field) = field {
            self.judge_key(entity, field, key)?;
            return Ok(Selector::Unique { field, value });
        }
        let Some(names) = entity.names().copied() else {
            return Err(Problem::InvalidPrimaryKey(Faults::of(
                "id",
                "expected a valid UUID",
            )));
        };
        self.judge_key(self.entity(names.entity)?, names.key, key)?;
        Ok(Selector::Named { names, value })
    }

    /// Whether the field could have that value.
    pub(crate) fn judge_key(&self, entity: &Entity, field: &'static str, key: &str) -> Result<(), Problem> {
        let judged = entity
            .field(field)
            .map_or(Ok(()), |f| self.registry.validate_value(f, &Value::from(key)));
        match judged {
            Ok(()) => Ok(()),
            Err(Fault::Text(text)) => Err(Problem::UniqueKey { field, text }),
            Err(other) => Err(Problem::UniqueKey {
                field,
                text: other.to_json().to_string(),
            }),
        }
    }

    pub(crate) fn entity(&self, name: &str) -> Result<&Entity, Problem> {
        self.registry
            .entity(name)
            .ok_or_else(|| Problem::NoEntity(name.to_owned()))
    }

    /// The stored record of this id, unless it is over.
    pub(crate) fn load(
        &self,
        view: &dyn ReadView,
        entity: &Entity,
        id: Uuid,
        now_ms: u64,
    ) -> Result<Option<Stored>, Problem> {
        let stored = load_any(view, entity, id)?;
        Ok(stored.filter(|stored| !expiry::is_over(&stored.record, now_ms)))
    }

    /// The stored record so named, unless it is over.
    pub(crate) fn load_named(
        &self,
        view: &dyn ReadView,
        entity: &Entity,
        selector: &Selector,
        now_ms: u64,
    ) -> Result<Option<Stored>, Problem> {
        match selector {
            Selector::Id(id) => self.load(view, entity, *id, now_ms),
            Selector::Unique { field, value } => {
                let card = view.get(&layout::unique(entity.name(), field, value))?;
                match card.and_then(|card| Uuid::from_slice(&card.value).ok()) {
                    Some(id) => self.load(view, entity, id, now_ms),
                    None => Ok(None),
                }
            }
            Selector::Named { names, value } => match self.owner(view, names, value, now_ms)? {
                Some(id) => self.load(view, entity, id, now_ms),
                None => Err(Problem::NoName(names.missing)),
            },
        }
    }

    /// As a reader sees it.
    pub(crate) fn show(&self, entity: &Entity, record: Record, now_ms: u64) -> Record {
        let mut record = self.registry.presented(entity, record);
        if let Some(names) = entity.names() {
            record.insert(names.field.to_owned(), Value::Null);
        }
        expiry::show(entity, &mut record, now_ms);
        record
    }
}

impl Selector {
    pub(crate) fn not_found(&self) -> Problem {
        match self {
            Selector::Id(id) => Problem::NotFound(*id),
            Selector::Unique { field, value } => Problem::NotFoundBy(one(field, value.as_str())),
            Selector::Named { names, .. } => Problem::NoName(names.missing),
        }
    }
}

/// The stored record of this id, whether it is over or not.
pub(crate) fn load_any(view: &dyn ReadView, entity: &Entity, id: Uuid) -> Result<Option<Stored>, Problem> {
    let Some(row) = view.get(&layout::record(entity.name(), id))? else {
        return Ok(None);
    };
    Ok(Some(Stored {
        id,
        record: decode(&row.value)?,
        revision: row.modified,
    }))
}

/// Reads the stored bytes of a record, as events carry them.
///
/// # Errors
/// [`Problem::Damaged`] when they are not a JSON object.
pub fn decode(bytes: &[u8]) -> Result<Record, Problem> {
    Ok(serde_json::from_slice(bytes)?)
}
