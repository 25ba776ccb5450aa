//! What a document is about: everything, or what carries its tags.
//!
//! Tenants of one house. A document without select tags speaks for the whole house; one with tags speaks for the rooms that carry
//! them, furnishes these and clears these, and leaves the neighbours alone.
//!
//! The catch: a tenant may name a room that is a neighbour's. Taking it over would have two documents fight for it at every
//! apply, so it is refused by name.

use crate::{
    change::{ChangeSet, diff},
    load::Document,
    records::Records,
};
use thiserror::Error;
use troop_schema::{Registry, Stamp};
use uuid::Uuid;

/// A record of a document with tags that exists without them.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{entity} {id} exists and does not carry the tags of the document; it is somebody else's")]
pub struct NotYours {
    /// The schema.
    pub entity: &'static str,
    /// The record.
    pub id: Uuid,
}

impl Document {
    /// What it would change.
    ///
    /// # Errors
    /// The first record that it names and that is not its own.
    pub fn changes(
        self,
        registry: &Registry,
        current: &Records,
        stamp: &mut Stamp<'_>,
    ) -> Result<ChangeSet, NotYours> {
        if self.select_tags().is_empty() {
            let wanted = self.adopting(registry, current, stamp).into_records();
            return Ok(diff(registry, current, &wanted));
        }
        let own = current.tagged(self.select_tags());
        let wanted = self.adopting(registry, &own, stamp).into_records();
        let mut others = wanted
            .iter()
            .filter(|(entity, id, _)| current.has(entity, id) && !own.has(entity, id));
        if let Some((entity, id, _)) = others.next() {
            return Err(NotYours { entity, id: *id });
        }
        Ok(diff(registry, &own, &wanted))
    }
}
