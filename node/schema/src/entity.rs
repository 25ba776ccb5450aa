//! The table of one entity.
//!
//! Everything else about it is derived: storage keys from its unique and foreign fields, endpoints from its path, validation
//! from its shape. Adding an entity is one file below `entities/` and one line in its list.
//!
//! The catch: an entity can have families, forms that differ by the value of one field. Routes differ by their protocols,
//! plugins by their name.

use crate::{
    Check, Record,
    fault::Faults,
    field::{Auto, Field, Kind, OnDelete},
    shape::{Layers, Shape, Shorthand},
    transform::Transform,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A change of spelling before a record is judged.
pub type Prepare = fn(&mut Record) -> Result<(), Faults>;

/// A reference from a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// The field.
    pub field: &'static str,
    /// The schema it refers to.
    pub reference: &'static str,
    /// What happens when that is deleted.
    pub on_delete: OnDelete,
}

/// A reference, seen from the record referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child {
    /// The schema that refers.
    pub entity: &'static str,
    /// Its field.
    pub field: &'static str,
    /// What happens to it.
    pub on_delete: OnDelete,
}

/// Records that name another from below, and are listed in it by their names: the SNIs of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    /// The list in the record named. It is not stored.
    pub field: &'static str,
    /// The schema of the names.
    pub entity: &'static str,
    /// Their field that refers to the record named.
    pub foreign: &'static str,
    /// Their field with the name.
    pub key: &'static str,
    /// Said of a name that there is not.
    pub missing: &'static str,
}

/// Forms of one entity, chosen by the value of a field.
#[derive(Clone, Debug)]
pub(crate) struct Families {
    key: &'static str,
    unknown: fn(&str) -> String,
    shapes: BTreeMap<String, Shape>,
}

/// One of those forms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family<'a> {
    /// The field that chooses.
    pub(crate) key: &'static str,
    /// Its value.
    pub(crate) value: &'a str,
    /// What is laid over the general form.
    pub(crate) shape: &'a Shape,
}

/// An entity.
#[derive(Clone, Debug)]
pub struct Entity {
    name: &'static str,
    admin_path: &'static str,
    nested_path: &'static str,
    endpoint_key: Option<&'static str>,
    nested_key: Option<&'static str>,
    cache_key: Vec<&'static str>,
    ttl: bool,
    top_level: bool,
    endpoints: bool,
    newest_first: bool,
    shape: Shape,
    families: Option<Families>,
    prepare: Option<Prepare>,
    transform: Option<Transform>,
    names: Option<Names>,
    names_first: bool,
    pathless: Vec<&'static str>,
}

/// Building a table.
impl Entity {
    /// An entity of these fields, found at `/<name>`.
    pub(crate) fn table(name: &'static str, fields: Vec<(&'static str, Field)>) -> Self {
        Entity {
            name,
            admin_path: name,
            nested_path: name,
            endpoint_key: None,
            nested_key: None,
            cache_key: Vec::new(),
            ttl: false,
            top_level: true,
            endpoints: true,
            newest_first: false,
            shape: Shape::new(fields),
            families: None,
            prepare: None,
            transform: None,
            names: None,
            names_first: false,
            pathless: Vec::new(),
        }
    }

    /// Found at another path.
    pub(crate) fn at(mut self, admin_path: &'static str) -> Self {
        self.admin_path = admin_path;
        self.nested_path = admin_path;
        self
    }

    /// Found below its parents at another path.
    pub(crate) fn nested_at(mut self, nested_path: &'static str) -> Self {
        self.nested_path = nested_path;
        self
    }

    /// A field by which a path may name it instead of by id.
    pub(crate) fn found_by(mut self, field: &'static str) -> Self {
        self.endpoint_key = Some(field);
        self
    }

    /// A field by which a path may name it below its parent, where it is unique.
    pub(crate) fn found_below_by(mut self, field: &'static str) -> Self {
        self.nested_key = Some(field);
        self
    }

    /// Fields that name it in caches; more than one must be unique together.
    pub(crate) fn cached_by(mut self, fields: Vec<&'static str>) -> Self {
        self.cache_key = fields;
        self
    }

    /// Can expire.
    pub(crate) fn with_ttl(mut self) -> Self {
        self.ttl = true;
        self
    }

    /// Has endpoints below its parents only.
    pub(crate) fn nested_only(mut self) -> Self {
        self.top_level = false;
        self
    }

    /// Is written by the gateway alone: no path leads to it.
    pub(crate) fn without_endpoints(mut self) -> Self {
        self.top_level = false;
        self.endpoints = false;
        self
    }

    /// Is listed below its parents with the newest first.
    pub(crate) fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    pub(crate) fn shorthand(mut self, shorthand: Shorthand) -> Self {
        self.shape = self.shape.shorthand(shorthand);
        self
    }

    pub(crate) fn check(mut self, check: Check) -> Self {
        self.shape = self.shape.check(check);
        self
    }

    /// Spells input in one way before anything else looks at it.
    pub(crate) fn prepare(mut self, prepare: Prepare) -> Self {
        self.prepare = Some(prepare);
        self
    }

    /// Stores a field otherwise than it was sent.
    pub(crate) fn transform(mut self, transform: Transform) -> Self {
        self.transform = Some(transform);
        self
    }

    /// Is named by records of another schema.
    pub(crate) fn named_by(mut self, names: Names) -> Self {
        self.names = Some(names);
        self
    }

    /// A value that is taken is reported before values that are taken together.
    pub(crate) fn names_first(mut self) -> Self {
        self.names_first = true;
        self
    }

    /// No path leads through the record to what this field refers to.
    pub(crate) fn pathless(mut self, field: &'static str) -> Self {
        self.pathless.push(field);
        self
    }

    /// Has forms by the value of `key`; `unknown` says that there is none for a value.
    pub(crate) fn families(mut self, key: &'static str, unknown: fn(&str) -> String) -> Self {
        self.families = Some(Families {
            key,
            unknown,
            shapes: BTreeMap::new(),
        });
        self
    }

    /// One form.
    pub(crate) fn family(mut self, value: &str, shape: Shape) -> Self {
        if let Some(families) = &mut self.families {
            families.shapes.insert(value.to_owned(), shape);
        }
        self
    }
}

/// Asking a table.
impl Entity {
    /// The schema's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The collection's path.
    pub fn admin_path(&self) -> &'static str {
        self.admin_path
    }

    /// Its path below a parent.
    pub fn nested_path(&self) -> &'static str {
        self.nested_path
    }

    /// A field by which a path may name it instead of by id.
    pub fn endpoint_key(&self) -> Option<&'static str> {
        self.endpoint_key
    }

    /// A field by which a path may name it below its parent.
    pub fn nested_key(&self) -> Option<&'static str> {
        self.nested_key.or(self.endpoint_key)
    }

    /// Fields that name it in caches.
    pub fn cache_key(&self) -> &[&'static str] {
        &self.cache_key
    }

    /// The records that name this one.
    pub fn names(&self) -> Option<&Names> {
        self.names.as_ref()
    }

    /// Whether a value that is taken is reported before values that are taken together.
    pub fn has_names_first(&self) -> bool {
        self.names_first
    }

    /// Whether a path leads through the record to what `field` refers to.
    pub fn has_path_to(&self, field: &str) -> bool {
        !self.pathless.contains(&field)
    }

    /// Lists of ids of records that are not referred to formally: field and schema.
    pub fn soft_references(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.shape
            .fields
            .iter()
            .filter_map(|(name, field)| match &field.kind {
                Kind::Array(elements) => Some((*name, elements.refers_softly?)),
                _ => None,
            })
    }

    /// Fields that are unique together, when there are several.
    pub fn unique_together(&self) -> Option<&[&'static str]> {
        (self.cache_key.len() > 1).then_some(self.cache_key.as_slice())
    }

    /// Whether its records can expire.
    pub fn has_ttl(&self) -> bool {
        self.ttl
    }

    /// Whether it has a collection of its own.
    pub fn is_top_level(&self) -> bool {
        self.top_level
    }

    /// Whether any path leads to its records.
    pub fn has_endpoints(&self) -> bool {
        self.endpoints
    }

    /// Whether lists below a parent show the newest first.
    pub fn is_newest_first(&self) -> bool {
        self.newest_first
    }

    /// Whether its records carry tags.
    pub fn has_tags(&self) -> bool {
        self.shape.field("tags").is_some()
    }

    /// A field of the general form.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.shape.field(name)
    }

    /// Fields of which no two records share a value.
    pub fn unique_fields(&self) -> impl Iterator<Item = &'static str> {
        self.shape
            .fields
            .iter()
            .filter(|(_, field)| field.unique)
            .map(|(name, _)| *name)
    }

    /// Fields that are filled in by themselves when the sender leaves them out, and how.
    pub fn self_filled_fields(&self) -> impl Iterator<Item = (&'static str, Auto)> {
        self.shape
            .fields
            .iter()
            .filter_map(|(name, field)| Some((*name, field.auto?)))
    }

    /// Fields that are refused as null only when they are stored.
    pub fn never_null_fields(&self) -> impl Iterator<Item = &'static str> {
        self.shape
            .fields
            .iter()
            .filter(|(_, field)| field.never_null)
            .map(|(name, _)| *name)
    }

    /// References to other entities.
    pub fn foreigns(&self) -> impl Iterator<Item = Foreign> {
        self.shape.fields.iter().filter_map(|(name, field)| {
            let Kind::Foreign(reference) = field.kind else {
                return None;
            };
            Some(Foreign {
                field: name,
                reference,
                on_delete: field.on_delete,
            })
        })
    }

    /// The form for one value of the field that forms differ by.
    pub(crate) fn family_shape(&self, value: &str) -> Option<&Shape> {
        self.families.as_ref()?.shapes.get(value)
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Its forms, where one word chooses. (Routes choose by a list.)
    pub(crate) fn families_by_word(&self) -> impl Iterator<Item = Family<'_>> {
        let families = self.families.as_ref().filter(|families| {
            let key = self.shape.field(families.key);
            key.is_some_and(|key| matches!(key.kind, Kind::String))
        });
        families.into_iter().flat_map(|families| {
            families.shapes.iter().map(|(value, shape)| Family {
                key: families.key,
                value,
                shape,
            })
        })
    }

    /// A field that is filled from others when a record is given its stored form.
    pub fn derived(&self) -> Option<&'static str> {
        self.transform.as_ref().and_then(|transform| transform.derived)
    }

    /// Whether what is stored of a secret is its hash: writing the stored record again would hash it twice.
    pub fn holds_hash(&self, record: &Record) -> bool {
        let hash = self.transform.as_ref().and_then(|transform| transform.hash);
        hash.is_some_and(|hash| (hash.is_in)(record))
    }

    /// Puts the hash in a stored record in the place of the secret that it is of, if it is, and tells whether it did.
    pub fn keep_hash(&self, record: &mut Record, stored: &Record) -> bool {
        let hash = self.transform.as_ref().and_then(|transform| transform.hash);
        let keep = hash.and_then(|hash| hash.keep);
        keep.is_some_and(|keep| keep(record, stored))
    }

    pub(crate) fn transformation(&self) -> Option<&Transform> {
        self.transform.as_ref()
    }

    pub(crate) fn prepared(&self, record: &mut Record) -> Result<(), Faults> {
        self.prepare.map_or(Ok(()), |prepare| prepare(record))
    }

    /// The form for this record; the general one if none is named or the name is unknown.
    pub(crate) fn layers(&self, record: &Record) -> Layers<'_> {
        self.layers_after(record, record)
    }

    /// The form for what `stored` becomes when `slip` is laid over it.
    pub(crate) fn layers_after(&self, slip: &Record, stored: &Record) -> Layers<'_> {
        let over = self
            .families
            .as_ref()
            .and_then(|families| families.of(slip.get(families.key).or_else(|| stored.get(families.key))));
        Layers {
            base: &self.shape,
            over,
        }
    }

    /// Kong: a record that names no family, or one that does not exist, is not looked at any further.
    pub(crate) fn family_fault(&self, record: &Record) -> Result<(), Faults> {
        let Some(families) = &self.families else {
            return Ok(());
        };
        let value = record.get(families.key).unwrap_or(&Value::Null);
        if families.of(Some(value)).is_some() {
            return Ok(());
        }
        let text = match value {
            Value::Null => crate::violation::text::REQUIRED.to_owned(),
            Value::String(name) => (families.unknown)(name),
            Value::Array(list) => (families.unknown)(&list.first().map_or("nil".into(), crate::lua::text)),
            _ => return Ok(()), // the wrong type: judging the field says so
        };
        Err(Faults::of(families.key, text))
    }
}

impl Families {
    /// By name, or by the first of several names that is known.
    fn of(&self, value: Option<&Value>) -> Option<&Shape> {
        match value? {
            Value::String(name) => self.shapes.get(name),
            Value::Array(list) => list.iter().find_map(|name| self.shapes.get(name.as_str()?)),
            _ => None,
        }
    }
}
