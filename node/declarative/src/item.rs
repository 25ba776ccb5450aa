//! A document taken apart: one item per record, nested ones below their parent.
//!
//! Unpacking a box of boxes. Each record is taken out of its collection, the collections of its children are taken out of it,
//! and every piece gets a label: the path it came from, the id it will have, and what its fields may not say because the
//! nesting says it.
//!
//! The catch: nothing is judged here, but some faults are only visible while the boxes are open (a collection that is no
//! list, an element that is no record, a child that names another parent); they are noted on the item.

use crate::{
    deck::{self, Dialect, Wishes},
    header,
    identity::{self, Parent},
    path::Path,
};
use serde_json::Value;
use troop_schema::{Child, Entity, Fault, Faults, Record, Registry, Stamp};

/// The items of one collection.
pub(crate) type List<'r> = Vec<Item<'r>>;

/// One record of a document, as given.
pub(crate) struct Item<'r> {
    pub(crate) entity: &'r Entity,
    pub(crate) path: Path,
    /// Its members as they were sent, without the collections of its children and the remarks for people.
    pub(crate) given: Record,
    pub(crate) id: Id,
    pub(crate) parent: Option<NestedIn>,
    /// What was wrong with its packing.
    pub(crate) faults: Faults,
    pub(crate) children: Vec<(&'static str, List<'r>)>,
}

/// The id of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    /// Written in the document; it may be anything.
    Given(String),
    /// Computed from what names it.
    Stable(String),
    /// Drawn.
    Drawn(String),
}

impl Id {
    pub(crate) fn text(&self) -> &str {
        match self {
            Id::Given(id) | Id::Stable(id) | Id::Drawn(id) => id,
        }
    }
}

/// What an item is nested in.
#[derive(Clone, Debug)]
pub(crate) struct NestedIn {
    /// Its field for that.
    pub(crate) field: &'static str,
    pub(crate) id: Id,
    /// What the parent is found by besides its id.
    name: Option<String>,
}

/// Takes documents apart.
pub(crate) struct Unpacker<'r, 'd, 's> {
    pub(crate) registry: &'r Registry,
    pub(crate) dialect: Dialect,
    pub(crate) wishes: &'d Wishes,
    pub(crate) stamp: &'d mut Stamp<'s>,
}

impl<'r> Unpacker<'r, '_, '_> {
    /// The collections of a document without its header. Faults of those that are none are noted.
    pub(crate) fn document(
        &mut self,
        document: Record,
        faults: &mut Faults,
    ) -> Vec<(&'static str, List<'r>)> {
        let mut collections = Vec::new();
        for (name, value) in document {
            match self.registry.entity(&name) {
                None => faults.set(&name, "unknown field"),
                Some(entity) => match as_list(value) {
                    Err(fault) => faults.set(&name, fault),
                    Ok(list) => {
                        let list = self.list(entity, list, &Path::root().key(&name), None);
                        collections.push((entity.name(), list));
                    }
                },
            }
        }
        collections
    }

    fn list(
        &mut self,
        entity: &'r Entity,
        list: Vec<Record>,
        path: &Path,
        parent: Option<&NestedIn>,
    ) -> List<'r> {
        list.into_iter()
            .enumerate()
            .map(|(index, given)| self.item(entity, given, path.index(index), parent))
            .collect()
    }

    fn item(
        &mut self,
        entity: &'r Entity,
        mut given: Record,
        path: Path,
        parent: Option<&NestedIn>,
    ) -> Item<'r> {
        let mut faults = Faults::new();
        header::remarks(&mut given, &mut faults);
        if self.dialect == Dialect::Deck {
            self.translate(entity, &mut given, &mut faults);
        }
        if let Some(parent) = parent {
            leave_to_nesting(&mut given, parent, &mut faults);
        }
        let id = self.id(entity, &mut given, parent);
        let mut item = Item {
            entity,
            path,
            given,
            id,
            parent: parent.cloned(),
            faults,
            children: Vec::new(),
        };
        self.unnest(&mut item);
        item
    }

    fn translate(&self, entity: &Entity, given: &mut Record, faults: &mut Faults) {
        self.wishes.apply(entity, given, faults);
        for foreign in entity.foreigns() {
            let key = self
                .registry
                .entity(foreign.reference)
                .and_then(Entity::endpoint_key);
            if let (Some(key), Some(value)) = (key, given.get_mut(foreign.field)) {
                deck::reference(key, value);
            }
        }
    }

    /// People write `id: null` for "none".
    fn id(&mut self, entity: &Entity, given: &mut Record, parent: Option<&NestedIn>) -> Id {
        match given.get("id") {
            Some(Value::Null) => drop(given.remove("id")),
            Some(Value::String(id)) => return Id::Given(id.to_ascii_lowercase()),
            Some(other) => return Id::Given(other.to_string()),
            None => {}
        }
        let parent = parent.map(|parent| Parent {
            field: parent.field,
            id: parent.id.text(),
        });
        match identity::stable_id(entity, given, parent) {
            Some(id) => Id::Stable(id.to_string()),
            None => Id::Drawn(self.stamp.uuid().to_string()),
        }
    }

    fn unnest(&mut self, item: &mut Item<'r>) {
        let name = item
            .entity
            .endpoint_key()
            .and_then(|key| item.given.get(key)?.as_str());
        let name = name.map(str::to_owned);
        for child in self.registry.children(item.entity.name()) {
            let Some(value) = item.given.remove(child.entity) else {
                continue;
            };
            let parent = NestedIn {
                field: child.field,
                id: item.id.clone(),
                name: name.clone(),
            };
            self.nested(item, child, value, &parent);
        }
    }

    fn nested(&mut self, item: &mut Item<'r>, child: &Child, value: Value, parent: &NestedIn) {
        let Some(entity) = self.registry.entity(child.entity) else {
            return;
        };
        match as_list(value) {
            Err(fault) => item.faults.set(child.entity, fault),
            Ok(list) => {
                let path = item.path.key(child.entity);
                let list = self.list(entity, list, &path, Some(parent));
                item.children.push((child.entity, list));
            }
        }
    }
}

/// The records of a collection; one with anything else in it is refused as it is.
///
/// Kong: null is no collection, and an empty table is either, a collection or a record.
fn as_list(value: Value) -> Result<Vec<Record>, Fault> {
    let list = match value {
        Value::Null => Vec::new(),
        Value::Array(list) => list,
        Value::Object(table) if table.is_empty() => Vec::new(),
        _ => return Err("expected an array".into()),
    };
    let mut records = Vec::with_capacity(list.len());
    let mut faults = Vec::new();
    for (at, element) in list.into_iter().enumerate() {
        match element {
            Value::Object(record) => records.push(record),
            Value::Array(list) if list.is_empty() => records.push(Record::new()),
            _ => {
                faults.resize(at, None);
                faults.push(Some("expected a record".into()));
            }
        }
    }
    if faults.is_empty() {
        Ok(records)
    } else {
        Err(Fault::List(faults))
    }
}

/// A child may repeat who its parent is, not name another one.
fn leave_to_nesting(given: &mut Record, parent: &NestedIn, faults: &mut Faults) {
    let Some(value) = given.remove(parent.field) else {
        return;
    };
    let named = value.get("id").unwrap_or(&value);
    let repeats = match named.as_str() {
        Some(named) => named.eq_ignore_ascii_case(parent.id.text()) || parent.name.as_deref() == Some(named),
        None => named.is_null(),
    };
    if !repeats {
        faults.set(parent.field, "value must be null");
    }
}
