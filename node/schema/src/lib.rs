//! What an entity is: every field, check, relation, default and shorthand, each written down once.
//!
//! Picture the form at a registry office. The printed form says which boxes there are, what may stand in each, which are
//! filled in by the clerk and which boxes must agree with each other. Nobody at the counters knows more about births
//! or marriages than what the form says. Here a form is an [`Entity`], one table in one file below `entities/`, and the
//! counters are [`Registry`] methods that work for every form: read typed values from a web form ([`Registry::infer`]),
//! fill in what was left out ([`Registry::draft`]), lay a change over what is stored ([`Registry::merged`]), judge the result
//! ([`Registry::judged`]) and print the form itself ([`Registry::document`]). The configuration of plugins uses the same
//! vocabulary ([`Field`], [`Check`], [`typedef`]) in a [`PluginSchema`].
//!
//! The catch: the words of a violation are part of the product. Clients parse them, so order, counting and
//! punctuation follow Kong 3.9 to the letter; they live in `violation.rs` and nowhere else.
//!
//! What the crate does not do: look anything up. Whether a name is taken or a referenced service exists is the business of
//! `troop-catalog`. Time and randomness arrive in a [`Stamp`].

mod check;
mod complete;
mod document;
mod entities;
mod entity;
mod fault;
mod field;
mod infer;
pub mod json_schema;
mod lua;
mod merge;
mod number;
pub mod page;
pub mod password;
pub mod pki;
mod plugin;
mod present;
mod redact;
mod registry;
mod rule;
mod shape;
mod sparse;
mod stamp;
mod transform;
pub mod typedef;
mod validate;
mod vault_reference;
mod violation;

pub use check::{Branch, Check, Match};
pub use entity::{Child, Entity, Foreign, Names, Prepare};
pub use fault::{ENTITY, Fault, Faults};
pub use field::{Auto, Field, Kind, OnDelete};
pub use number::tidy;
pub use plugin::PluginSchema;
pub use registry::{Registry, RegistryError};
pub use rule::{Custom, Pattern, Rule};
pub use shape::{Shape, Shorthand};
pub use stamp::Stamp;
pub use transform::Sent;
pub use vault_reference::{VaultReference, is_vault_reference};
pub use violation::Violation;

/// One instance of an entity: field names to values.
pub type Record = serde_json::Map<String, serde_json::Value>;
