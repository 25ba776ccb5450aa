//! Why a document is not loaded, three ways.
//!
//! Kong's error object has the faults in the shape of the document ([`Refusal::fields`]) and as one line of Lua
//! ([`Refusal::message`]); on request also by entity ([`crate::FlatFault`]). None of them helps the person who wrote the file,
//! so there is a third list: each fault with its path and, where a text was read, its line ([`Refusal::notes`]).
//!
//! The catch: duplicates and references to nobody are found after everything was taken apart, and Kong lists them by
//! collection, not by place: a duplicate in a nested collection by its index there, a dangling reference by the name of
//! the record. Their place is kept apart from their fault for that reason.

use crate::{
    flatten::FlatFault,
    limits::NOTES_MAX,
    lua,
    note::{self, Note},
    path::Path,
    text::ReadError,
};
use serde_json::{Value, json};
use std::fmt;
use thiserror::Error;
use troop_schema::{ENTITY, Entity, Fault, Faults, Record};

/// Kong: the number of this sort of error.
const CODE: u64 = 14;

/// A document that is not loaded.
#[derive(Debug, Error, PartialEq)]
pub enum LoadError {
    /// It cannot be read.
    #[error("failed parsing declarative configuration: {0}")]
    Unreadable(#[from] ReadError),
    /// It is wrong.
    #[error("{0}")]
    Invalid(Refusal),
}

impl LoadError {
    /// Kong's error object; `flatten` adds the faults by entity and leaves in `fields` what belongs to none.
    pub fn to_json(&self, flatten: bool) -> Value {
        match self {
            LoadError::Unreadable(_) => {
                let faults = Faults::of("error", self.to_string());
                error_object(&faults, flatten.then_some(&[]))
            }
            LoadError::Invalid(refusal) if flatten => error_object(&refusal.rest, Some(&refusal.flat)),
            LoadError::Invalid(refusal) => error_object(&refusal.faults, None),
        }
    }

    /// One line per fault, for people: path, place, what is wrong.
    pub fn lines(&self) -> Vec<String> {
        match self {
            LoadError::Unreadable(error) => vec![error.to_string()],
            LoadError::Invalid(refusal) => refusal.notes.iter().map(Note::to_string).collect(),
        }
    }
}

fn error_object(faults: &Faults, flat: Option<&[FlatFault]>) -> Value {
    let mut object = json!({
        "code": CODE,
        "name": "invalid declarative configuration",
        "message": message(faults),
        "fields": faults.to_json(),
    });
    if let Some(flat) = flat {
        object["flattened_errors"] = match flat {
            [] => json!({}), // Kong: an empty table is an object
            flat => flat.iter().map(FlatFault::to_json).collect(),
        };
    }
    object
}

fn message(faults: &Faults) -> String {
    format!("declarative config is invalid: {}", lua::table(faults))
}

/// Everything that is wrong with a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refusal {
    faults: Faults,
    /// What no entity is at fault for.
    rest: Faults,
    flat: Vec<FlatFault>,
    pub(crate) notes: Vec<Note>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl Refusal {
    /// The faults in the shape of the document.
    pub fn fields(&self) -> Value {
        self.faults.to_json()
    }

    /// The faults on one line.
    pub fn message(&self) -> String {
        message(&self.faults)
    }

    /// The faults by entity.
    pub fn flattened(&self) -> &[FlatFault] {
        &self.flat
    }

    /// The faults by place.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// Notes faults of the document itself.
    pub(crate) fn of_document(&mut self, faults: Faults) {
        for (name, fault) in faults.iter() {
            self.locate(fault, &Path::root().key(name));
            self.rest.set(name, fault.clone());
            self.faults.set(name, fault.clone());
        }
    }

    /// Notes the faults of one record by entity and place. Their shape follows by [`Refusal::of_collection`].
    pub(crate) fn of_record(&mut self, entity: &Entity, path: &Path, given: Record, faults: &Faults) {
        self.locate(&Fault::Fields(faults.clone()), path);
        self.flat.extend(FlatFault::all_of(entity, given, faults.clone()));
    }

    /// Notes the faults of a collection in its shape.
    pub(crate) fn of_collection(&mut self, name: &str, fault: Fault) {
        self.faults.set(name, fault);
    }

    /// Notes the faults of a collection for which no entity is listed.
    pub(crate) fn of_rest(&mut self, name: &str, fault: Fault) {
        self.rest.set(name, fault);
    }

    /// Notes the place of a fault.
    pub(crate) fn place(&mut self, path: &Path, text: &str) {
        note::add(&mut self.notes, NOTES_MAX, path, None, text);
    }

    fn locate(&mut self, fault: &Fault, path: &Path) {
        match fault {
            Fault::Text(text) => note::add(&mut self.notes, NOTES_MAX, path, None, text),
            Fault::List(list) => {
                for (at, inner) in list.iter().enumerate() {
                    if let Some(inner) = inner {
                        self.locate(inner, &path.index(at));
                    }
                }
            }
            Fault::Fields(inner) => {
                for (name, inner) in inner.iter() {
                    if name == ENTITY {
                        self.locate_whole(inner, path);
                    } else {
                        self.locate(inner, &path.key(name));
                    }
                }
            }
        }
    }

    /// Remarks about several values stand at the record.
    fn locate_whole(&mut self, remarks: &Fault, path: &Path) {
        match remarks {
            Fault::List(list) => list.iter().flatten().for_each(|remark| self.locate(remark, path)),
            remark => self.locate(remark, path),
        }
    }
}
