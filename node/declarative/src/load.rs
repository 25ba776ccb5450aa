//! A document loaded: text to values to items to records.
//!
//! The belt of the sorting office: read ([`crate::text`]), cover sheet off ([`crate::header`]), old spelling brought up to date
//! ([`crate::migrate`]), taken apart ([`crate::item`]), everyone listed ([`crate::reference`]), judged ([`crate::judge`]),
//! looked at together ([`crate::agree`]). A document comes off the belt whole or not at all.

use crate::{
    agree,
    deck::{self, Dialect, Wishes},
    header::{self, Header},
    item::{List, Unpacker},
    judge::{Judge, Judged},
    migrate,
    note::{self, Note},
    records::Records,
    reference::Index,
    refusal::{LoadError, Refusal},
    text::{self, Format, ReadError},
};
use serde_json::Value;
use std::collections::HashMap;
use troop_schema::{Faults, Record, Registry, Stamp};
use uuid::Uuid;

/// Loads documents.
#[derive(Clone, Copy, Debug)]
pub struct Loader<'r> {
    registry: &'r Registry,
    dialect: Dialect,
    select_tags: &'r [String],
}

/// A document that was loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub(crate) records: Records,
    pub(crate) manners: Manners,
    transform: bool,
    select_tags: Vec<String>,
    warnings: Vec<Note>,
}

/// How records stood in the document, by schema and id.
pub(crate) type Manners = HashMap<(&'static str, Uuid), Manner>;

/// How a record stood in the document.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Manner {
    /// Fields that were not given and filled themselves.
    pub(crate) chosen: Vec<&'static str>,
    /// Its place in the collection of the record it stood in, if it did not stand at the top.
    pub(crate) nested_at: Option<usize>,
}

impl Document {
    /// What it wants there to be.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The same, taken out.
    pub fn into_records(self) -> Records {
        self.records
    }

    /// The records of a schema that stood inside of another record, not in a collection at the top; those of one record in their order.
    pub fn nested(&self, entity: &str) -> impl Iterator<Item = &Record> {
        let places = self.manners.iter().filter(|((of, _), _)| *of == entity);
        let mut nested: Vec<_> = places
            .filter_map(|((of, id), manner)| Some((manner.nested_at?, self.records.get(of, id)?)))
            .collect();
        nested.sort_by_key(|(at, _)| *at);
        nested.into_iter().map(|(_, record)| record)
    }

    /// Whether values are as people write them and become what is stored on the way (a password its hash). An export
    /// says no.
    pub fn transform(&self) -> bool {
        self.transform
    }

    /// decK: tags that everything in it carries. With tags, only records that carry them are its business:
    /// see [`Records::tagged`].
    pub fn select_tags(&self) -> &[String] {
        &self.select_tags
    }

    /// What was odd about it.
    pub fn warnings(&self) -> &[Note] {
        &self.warnings
    }
}

impl<'r> Loader<'r> {
    /// For the entities of a registry, in Kong's dialect.
    pub fn new(registry: &'r Registry) -> Self {
        Loader {
            registry,
            dialect: Dialect::Kong,
            select_tags: &[],
        }
    }

    /// In another dialect.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// As if the document asked for these tags, besides its own.
    pub fn select_tags(mut self, tags: &'r [String]) -> Self {
        self.select_tags = tags;
        self
    }

    /// Loads a text.
    ///
    /// # Errors
    /// Why it cannot be read, or everything that is wrong with it, with lines.
    pub fn load_text(
        &self,
        text: &str,
        format: Format,
        stamp: &mut Stamp<'_>,
    ) -> Result<Document, LoadError> {
        let reading = text::read(text, format)?;
        let mut loaded = self.load(reading.value, reading.warnings, stamp);
        match &mut loaded {
            Ok(document) => note::locate(&mut document.warnings, text),
            Err(LoadError::Invalid(refusal)) => note::locate(&mut refusal.notes, text),
            Err(LoadError::Unreadable(_)) => {}
        }
        loaded
    }

    /// Loads values that somebody else has read.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load_value(&self, value: Value, stamp: &mut Stamp<'_>) -> Result<Document, LoadError> {
        self.load(value, Vec::new(), stamp)
    }

    fn load(
        &self,
        value: Value,
        mut warnings: Vec<Note>,
        stamp: &mut Stamp<'_>,
    ) -> Result<Document, LoadError> {
        let mut document = as_record(value)?;
        let mut faults = Faults::new();
        let header = header::take(&mut document, &mut faults);
        let mut wishes = match self.dialect {
            Dialect::Kong => Wishes::default(),
            Dialect::Deck => deck::take(&mut document, &mut faults, &mut warnings),
        };
        wishes.select(self.select_tags);
        if !header.is_current {
            migrate::old_paths(&mut document);
        }
        let mut unpacker = Unpacker {
            registry: self.registry,
            dialect: self.dialect,
            wishes: &wishes,
            stamp: &mut *stamp,
        };
        let collections = unpacker.document(document, &mut faults);
        let mut refusal = Refusal::default();
        refusal.of_document(faults);
        let judged = self.judged(collections, header, stamp, &mut refusal);
        if !refusal.is_empty() {
            return Err(LoadError::Invalid(refusal));
        }
        Ok(finished(judged, header, wishes, warnings))
    }

    fn judged(
        &self,
        collections: Vec<(&'static str, List<'r>)>,
        header: Header,
        stamp: &mut Stamp<'_>,
        refusal: &mut Refusal,
    ) -> Vec<Judged<'r>> {
        let index = Index::of(&collections);
        let judge = Judge {
            registry: self.registry,
            index: &index,
            stamp,
            transform: header.transform,
            refusal: &mut *refusal,
            judged: Vec::new(),
        };
        let judged = judge.document(collections);
        if refusal.is_empty() {
            agree::duplicates(&judged, refusal);
        }
        if refusal.is_empty() {
            agree::dangling(&judged, refusal);
        }
        judged
    }
}

/// Kong: an empty list is an empty table.
fn as_record(value: Value) -> Result<Record, ReadError> {
    let mut value = value;
    troop_schema::tidy(&mut value);
    match value {
        Value::Object(record) => Ok(record),
        Value::Array(list) if list.is_empty() => Ok(Record::new()),
        _ => Err(ReadError::NotAnObject),
    }
}

fn finished(judged: Vec<Judged<'_>>, header: Header, wishes: Wishes, warnings: Vec<Note>) -> Document {
    let mut records = Records::new();
    let mut manners = Manners::new();
    for one in judged {
        records.put(one.entity.name(), one.id, one.record);
        let manner = Manner {
            chosen: one.chosen,
            nested_at: one.path.nested_at(),
        };
        manners.insert((one.entity.name(), one.id), manner);
    }
    Document {
        records,
        manners,
        transform: header.transform,
        select_tags: wishes.select_tags,
        warnings,
    }
}
