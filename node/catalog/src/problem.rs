//! Why a request about an entity cannot be met, in Kong's words and numbers.
//!
//! Every error of the data layer that a client can see is a variant here; its code, its HTTP status, its message and its
//! members are decided in this file.
//!
//! The catch: clients switch on `code` and parse `message`, so both are part of the product.

use crate::key_text::key_text;
use serde_json::{Value, json};
use thiserror::Error;
use troop_schema::{Faults, Record, Violation};
use troop_txn::ViewError;
use uuid::Uuid;

/// A reference by name that found nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// The referring field.
    pub field: &'static str,
    /// The unique field that was given.
    pub unique: &'static str,
    /// Its value.
    pub value: String,
    /// The schema referred to.
    pub reference: &'static str,
}

/// Why a request about an entity cannot be met.
#[derive(Debug, Error)]
pub enum Problem {
    /// The path names a record by something that is not an id.
    #[error("invalid primary key: '{}'", faults_text(.0))]
    InvalidPrimaryKey(Faults),
    /// The record does not follow its schema.
    #[error("{0}")]
    Schema(#[from] Violation),
    /// There is a record with this id, or none can be stored under it.
    #[error("primary key violation on key '{}'", key_text(&null_as_lua(.0)))]
    PrimaryKey(Record),
    /// The record refers to one that does not exist.
    #[error("the foreign key '{}' does not reference an existing '{reference}' entity.", key_text(&id_key(id)))]
    NoParent {
        /// The referring field.
        field: &'static str,
        /// What it says.
        id: Uuid,
        /// The schema referred to.
        reference: &'static str,
    },
    /// Others refer to the record that was to be deleted.
    #[error("an existing '{by}' entity references this '{entity}' entity")]
    Referenced {
        /// The schema that refers.
        by: &'static str,
        /// The schema referred to.
        entity: &'static str,
    },
    /// Others name the record that was to be deleted in their lists.
    #[error("{word} {id} is still referenced by {by} (id = {by_id})")]
    StillNamed {
        /// What is named, as Kong calls it.
        word: String,
        /// Its id.
        id: Uuid,
        /// The schema that names it.
        by: &'static str,
        /// One that does.
        by_id: Uuid,
    },
    /// There is no record of this name by which another could be found.
    #[error("{0}")]
    NoName(&'static str),
    /// Another record has these values.
    #[error("UNIQUE violation detected on '{}'", key_text(.0))]
    Unique(Record),
    /// There is no record with this id.
    #[error("could not find the entity with primary key '{}'", key_text(&id_key(.0)))]
    NotFound(Uuid),
    /// There is no record with this value.
    #[error("could not find the entity with '{}'", key_text(.0))]
    NotFoundBy(Record),
    /// The page's offset was not made by us.
    #[error("'{offset}' is not a valid offset: {reason}")]
    Offset {
        /// As sent.
        offset: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The storage of this node is broken. The client is not told how.
    #[error("An unexpected error occurred")]
    Storage(#[source] ViewError),
    /// A stored record is not JSON. The client is not told.
    #[error("An unexpected error occurred")]
    Damaged(#[source] serde_json::Error),
    /// The page's size.
    #[error("{0}")]
    Size(&'static str),
    /// The path names a record by a value that its field cannot have.
    #[error("{text}")]
    UniqueKey {
        /// The field.
        field: &'static str,
        /// What is wrong with the value.
        text: String,
    },
    /// An argument beside the record.
    #[error("invalid option ({option}: {text})")]
    Option {
        /// Which.
        option: &'static str,
        /// What is wrong with it.
        text: &'static str,
    },
    /// References by name that found nothing.
    #[error("{}", unresolved_text(.0))]
    Unresolved(Vec<Unresolved>),
    /// No table has this name. Paths are derived from tables, so only a caller's mistake leads here.
    #[error("no entity is called '{0}'")]
    NoEntity(String),
}

impl Problem {
    /// Kong's number.
    pub fn code(&self) -> u16 {
        match self {
            Problem::InvalidPrimaryKey(_) => 1,
            Problem::Schema(_) => 2,
            Problem::PrimaryKey(_) => 3,
            Problem::NoParent { .. } | Problem::Referenced { .. } => 4,
            Problem::Unique(_) => 5,
            Problem::NotFound(_) | Problem::NotFoundBy(_) | Problem::NoName(_) => 6,
            Problem::Offset { .. } => 7,
            Problem::Storage(_) | Problem::Damaged(_) | Problem::NoEntity(_) => 8,
            Problem::Size(_) => 9,
            Problem::UniqueKey { .. } => 10,
            Problem::Option { .. } => 11,
            Problem::Unresolved(_) => 13,
            Problem::StillNamed { .. } => 19,
        }
    }

    /// Kong's name for the code.
    pub fn name(&self) -> String {
        let name = match self.code() {
            1 => "invalid primary key",
            2 => "schema violation",
            3 => "primary key violation",
            4 => "foreign key violation",
            5 => "unique constraint violation",
            6 => "not found",
            7 => "invalid offset",
            9 => "invalid size",
            11 => "invalid options",
            13 => "foreign keys unresolved",
            19 => "referenced by others",
            _ => "database error",
        };
        match self {
            Problem::UniqueKey { field, .. } => format!("invalid unique {field}"),
            _ => name.to_owned(),
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self.code() {
            5 => 409,
            6 => 404,
            8 => 500,
            _ => 400,
        }
    }

    /// The sentence.
    pub fn message(&self) -> String {
        match self {
            Problem::Schema(violation) => violation.message(),
            other => other.to_string(),
        }
    }

    /// The body of the answer. Kong: a broken database is not explained.
    pub fn to_json(&self) -> Value {
        let message = self.message();
        if self.code() == 8 {
            return json!({ "message": "An unexpected error occurred" });
        }
        if let Problem::NoName(text) = self {
            return json!({ "message": text });
        }
        let mut body = json!({ "code": self.code(), "name": self.name(), "message": message });
        if let Some((member, value)) = self.details() {
            body[member] = value;
        }
        body
    }

    /// The member that says where, if there is one.
    fn details(&self) -> Option<(&'static str, Value)> {
        let fields = match self {
            Problem::InvalidPrimaryKey(faults) => faults.to_json(),
            Problem::Schema(violation) => violation.fields(),
            Problem::PrimaryKey(key) | Problem::Unique(key) | Problem::NotFoundBy(key) => key.clone().into(),
            Problem::NotFound(id) => id_key(id).into(),
            Problem::NoParent { field, id, .. } => json!({ *field: id_key(id) }),
            Problem::Referenced { by, .. } => json!({ "@referenced_by": by }),
            Problem::Unresolved(unresolved) => unresolved_fields(unresolved),
            Problem::Option { option, text } => return Some(("options", json!({ *option: text }))),
            _ => return None,
        };
        Some(("fields", fields))
    }
}

impl From<ViewError> for Problem {
    fn from(error: ViewError) -> Self {
        Problem::Storage(error)
    }
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        Problem::Damaged(error)
    }
}

pub(crate) fn id_key(id: &Uuid) -> Record {
    one("id", id.to_string())
}

pub(crate) fn one(name: &str, value: impl Into<Value>) -> Record {
    [(name.to_owned(), value.into())].into_iter().collect()
}

fn faults_text(faults: &Faults) -> String {
    match faults.to_json() {
        Value::Object(key) => key_text(&key),
        other => other.to_string(),
    }
}

/// Kong: in this message a null shows as Lua prints one.
fn null_as_lua(key: &Record) -> Record {
    let shown = |value: &Value| {
        if value.is_null() {
            "userdata: NULL".into()
        } else {
            value.clone()
        }
    };
    key.iter()
        .map(|(name, value)| (name.clone(), shown(value)))
        .collect()
}

impl Unresolved {
    fn text(&self) -> String {
        let key = key_text(&one(self.unique, self.value.as_str()));
        format!(
            "the foreign key cannot be resolved with '{key}' for an existing '{}' entity",
            self.reference
        )
    }
}

fn unresolved_text(all: &[Unresolved]) -> String {
    let mut items: Vec<_> = all
        .iter()
        .map(|one| format!("{}.{}: {}", one.field, one.unique, one.text()))
        .collect();
    items.sort();
    match items.as_slice() {
        [item] => format!("foreign key unresolved ({item})"),
        items => format!("{} foreign keys unresolved ({})", items.len(), items.join("; ")),
    }
}

fn unresolved_fields(all: &[Unresolved]) -> Value {
    let mut faults = Faults::new();
    for one in all {
        faults.set_path(&format!("{}.{}", one.field, one.unique), one.text());
    }
    faults.to_json()
}
