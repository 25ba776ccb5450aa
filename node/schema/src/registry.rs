//! All tables of this build, and what can be done with any of them.
//!
//! The counters of the registry office. A change passes them in this order: [`Registry::infer`] (web forms only),
//! [`Registry::draft`] or [`Registry::draft_change`], then for a change [`Registry::merged`], then the catalog resolves
//! references, then [`Registry::judged`]. [`Registry::presented`] is the way out.

use crate::{
    Record,
    complete::{self, Completion, Stage},
    entities,
    entity::{Child, Entity},
    fault::Faults,
    field::Field,
    merge,
    plugin::PluginSchema,
    present, redact,
    shape::{Layers, Shape},
    stamp::Stamp,
    transform::Sent,
    validate::Validator,
    violation::{Violation, text},
};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use thiserror::Error;
use troop_expression::Flavor;

/// Tables that do not fit together.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RegistryError {
    /// Two plugins have one name.
    #[error("two plugins are called '{0}'")]
    DuplicatePlugin(String),
}

/// All tables.
#[derive(Debug)]
pub struct Registry {
    entities: Vec<Entity>,
    by_name: HashMap<&'static str, usize>,
    children: HashMap<&'static str, Vec<Child>>,
    descriptions: Vec<Entity>,
    plugins: BTreeMap<&'static str, PluginSchema>,
    bare: Shape,
}

/// Finding tables.
impl Registry {
    /// The built-in entities, and these plugins.
    ///
    /// # Errors
    /// [`RegistryError::DuplicatePlugin`].
    pub fn new(plugins: Vec<PluginSchema>) -> Result<Self, RegistryError> {
        Registry::of_flavor(Flavor::default(), plugins)
    }

    /// The same, with routes that are written like this.
    ///
    /// # Errors
    /// [`RegistryError::DuplicatePlugin`].
    pub fn of_flavor(flavor: Flavor, plugins: Vec<PluginSchema>) -> Result<Self, RegistryError> {
        let mut by_plugin = BTreeMap::new();
        for plugin in plugins {
            if let Some(twin) = by_plugin.insert(plugin.name(), plugin) {
                return Err(RegistryError::DuplicatePlugin(twin.name().into()));
            }
        }
        let entities = entities::all(&by_plugin, flavor);
        let by_name = entities
            .iter()
            .enumerate()
            .map(|(at, e)| (e.name(), at))
            .collect();
        let children = children(&entities);
        Ok(Registry {
            entities,
            by_name,
            children,
            descriptions: entities::described_only(),
            plugins: by_plugin,
            bare: Shape::new(vec![("id", crate::typedef::id())]),
        })
    }

    /// An entity by its schema's name.
    pub fn entity(&self, name: &str) -> Option<&Entity> {
        self.by_name.get(name).map(|at| &self.entities[*at])
    }

    /// An entity by its collection's path.
    pub fn entity_by_path(&self, admin_path: &str) -> Option<&Entity> {
        self.entities.iter().find(|e| e.admin_path() == admin_path)
    }

    /// A table by its schema's name, also of what has no records of its own.
    pub fn described(&self, name: &str) -> Option<&Entity> {
        let descriptions = || self.descriptions.iter().find(|table| table.name() == name);
        self.entity(name).or_else(descriptions)
    }

    /// All entities, in an order that does not change.
    pub fn entities(&self) -> impl Iterator<Item = &Entity> {
        self.entities.iter()
    }

    /// Who refers to this entity.
    pub fn children(&self, parent: &str) -> &[Child] {
        self.children.get(parent).map(Vec::as_slice).unwrap_or_default()
    }

    /// Who names records of this entity in a list of ids: schema and field.
    pub fn soft_children<'a>(&'a self, entity: &'a str) -> impl Iterator<Item = (&'a Entity, &'static str)> {
        self.entities.iter().filter_map(move |table| {
            let mut references = table.soft_references();
            let (field, _) = references.find(|(_, reference)| *reference == entity)?;
            Some((table, field))
        })
    }

    /// A plugin by name.
    pub fn plugin(&self, name: &str) -> Option<&PluginSchema> {
        self.plugins.get(name)
    }

    /// All plugins by name.
    pub fn plugins(&self) -> impl Iterator<Item = &PluginSchema> {
        self.plugins.values()
    }

    /// The fields of an entity referred to. One without a table has an id and no records.
    pub(crate) fn referenced(&self, schema: &str) -> &Shape {
        self.entity(schema).map_or(&self.bare, Entity::shape)
    }
}

/// The counters.
impl Registry {
    /// Gives the text of a web form the types of the entity. A plugin's form must name the plugin.
    pub fn infer(&self, entity: &Entity, form: Record) -> Record {
        let mut record = crate::infer::record(self, entity.layers(&form), form);
        // A record's life is said beside its fields.
        if let Some(ttl) = record.get_mut("ttl").filter(|_| entity.has_ttl()) {
            crate::infer::infer(self, &Field::integer(), ttl);
        }
        record
    }

    /// A number as a form or a query spells it.
    pub fn infer_number(text: &str) -> Option<serde_json::Number> {
        crate::infer::number(text)
    }

    /// A new record out of what was sent.
    ///
    /// # Errors
    /// A shorthand, or a spelling, that is not what it should be.
    pub fn draft(&self, entity: &Entity, input: Record, stamp: &mut Stamp<'_>) -> Result<Record, Violation> {
        let mut record = tidied(input);
        entity.prepared(&mut record)?;
        self.complete(entity, &mut record, stamp, Stage::New)?;
        Ok(record)
    }

    /// A change out of what was sent: still silent where the sender was.
    ///
    /// # Errors
    /// As [`Registry::draft`].
    pub fn draft_change(
        &self,
        entity: &Entity,
        input: Record,
        stamp: &mut Stamp<'_>,
    ) -> Result<Record, Violation> {
        let mut slip = tidied(input);
        entity.prepared(&mut slip)?;
        self.complete(entity, &mut slip, stamp, Stage::Partial)?;
        Ok(slip)
    }

    /// A change laid over what is stored, and completed.
    ///
    /// # Errors
    /// A field that cannot be changed.
    pub fn merged(
        &self,
        entity: &Entity,
        slip: Record,
        stored: &Record,
        stamp: &mut Stamp<'_>,
    ) -> Result<Record, Violation> {
        immutable(entity, &slip, stored)?;
        let mut record = merge::over(entity.layers_after(&slip, stored), slip, stored);
        self.complete(entity, &mut record, stamp, Stage::Merged)?;
        Ok(record)
    }

    /// Judges a complete record and gives it the form in which it is stored. `updating` changes the wording of some checks.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn judged(&self, entity: &Entity, mut record: Record, updating: bool) -> Result<Record, Violation> {
        self.validate(entity, &record, updating)?;
        store(entity, &mut record);
        Ok(record)
    }

    /// As [`Registry::judged`], of a record about to be stored: what was sent decides what is stored in another form, such
    /// as passwords.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn judged_as_sent(
        &self,
        entity: &Entity,
        mut record: Record,
        sent: &Sent<'_>,
        updating: bool,
        stamp: &mut Stamp<'_>,
    ) -> Result<Record, Violation> {
        let mut faults = match self.validate(entity, &record, updating) {
            Ok(()) => Faults::new(),
            Err(violation) => violation.into_faults(),
        };
        if let Some(transform) = entity.transformation() {
            transform.judge(&record, sent, &mut faults);
        }
        faults.into_result()?;
        self.transform(entity, &mut record, sent, stamp);
        store(entity, &mut record);
        Ok(record)
    }

    /// Gives what was sent the form in which it is stored.
    pub fn transform(&self, entity: &Entity, record: &mut Record, sent: &Sent<'_>, stamp: &mut Stamp<'_>) {
        if let Some(transform) = entity.transformation() {
            transform.write(record, sent, stamp);
        }
    }

    fn validate(&self, entity: &Entity, record: &Record, updating: bool) -> Result<(), Violation> {
        entity.family_fault(record)?;
        Ok(Validator::new(self, updating).shape(entity.layers(record), record)?)
    }

    /// Judges what was sent without looking at anything stored.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check_only(&self, entity: &Entity, input: Record, stamp: &mut Stamp<'_>) -> Result<(), Violation> {
        let mut record = tidied(input);
        self.complete(entity, &mut record, stamp, Stage::New)?;
        self.validate(entity, &record, false)
    }

    /// Judges one value of one field.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn validate_value(&self, field: &Field, value: &Value) -> Result<(), crate::Fault> {
        Validator::new(self, false).field(field, value)
    }

    /// A stored record as a reader sees it.
    pub fn presented(&self, entity: &Entity, mut record: Record) -> Record {
        present::record(entity.layers(&record), &mut record);
        record
    }

    /// A record with its secrets covered.
    pub fn redacted(&self, entity: &Entity, mut record: Record) -> Record {
        redact::record(entity.layers(&record), &mut record);
        record
    }

    /// `/schemas/<entity>`.
    pub fn document(&self, entity: &Entity) -> Value {
        crate::document::of(Layers::plain(entity.shape()))
    }

    /// `/schemas/<entity>/<family>`: what one form has of its own.
    pub fn family_document(&self, entity: &str, family: &str) -> Option<Value> {
        let shape = self.entity(entity)?.family_shape(family)?;
        Some(crate::document::of(Layers::plain(shape)))
    }

    fn complete(
        &self,
        entity: &Entity,
        record: &mut Record,
        stamp: &mut Stamp<'_>,
        stage: Stage,
    ) -> Result<(), Faults> {
        Completion {
            registry: self,
            stamp,
            stage,
        }
        .shape(entity.layers(record), record)
    }
}

/// The last step of a judged record: fields that move together agree, and names, records of their own, are left out.
fn store(entity: &Entity, record: &mut Record) {
    complete::couple(entity.layers(record), record);
    if let Some(names) = entity.names() {
        record.remove(names.field);
    }
}

fn tidied(record: Record) -> Record {
    let mut value = Value::Object(record);
    crate::tidy(&mut value);
    match value {
        Value::Object(record) => record,
        _ => Record::new(),
    }
}

fn immutable(entity: &Entity, slip: &Record, stored: &Record) -> Result<(), Faults> {
    let mut faults = Faults::new();
    for (name, value) in slip {
        let fixed = entity.field(name).is_some_and(|field| field.immutable);
        if fixed && stored.get(name).is_some_and(|old| old != value) {
            faults.set(name, text::IMMUTABLE);
        }
    }
    faults.into_result()
}

fn children(entities: &[Entity]) -> HashMap<&'static str, Vec<Child>> {
    let mut children: HashMap<_, Vec<Child>> = HashMap::new();
    for entity in entities {
        for foreign in entity.foreigns() {
            children.entry(foreign.reference).or_default().push(Child {
                entity: entity.name(),
                field: foreign.field,
                on_delete: foreign.on_delete,
            });
        }
    }
    children
}
