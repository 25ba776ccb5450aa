//! A configuration document to records and back, and what it would change.
//!
//! People keep the configuration of a gateway in one file, in the format of Kong and decK: services with their routes, consumers
//! with their keys, plugins where they belong, named rather than numbered. This crate is the clerk who reads such a file.
//!
//! ```text
//!  text ─ text ─► values ─ header, deck, migrate ─► collections ─ item ─► items ─ judge, agree ─► Document
//!                                                                                                    │ adopting(current)
//!  text ◄──────────────────── Export ◄── Records ◄────────────────── ChangeSet ◄── diff(current, wanted) ◄─┘
//! ```
//!
//! [`Loader`] gives a [`Document`] or says everything that is wrong with it ([`LoadError`]), in Kong's words and with the line in
//! the file. [`Export`] writes [`Records`] as a document. [`diff`] says what makes one set of records out of another, parents
//! before children, as a [`ChangeSet`] that a person can read.
//!
//! The catch: a file names things and a store numbers them. Ids are computed from names as Kong does, so that a file means the
//! same at each load; what a store already has under ids of its own is found by name ([`Document::adopting`]).
//!
//! What the crate does not do: write anything. Whether a change set may be applied to a store, and at which revision, is the
//! business of `troop-catalog` and of who holds the store. Entities are those of the [`troop_schema::Registry`]; a
//! collection that has no table there is an unknown field.

mod adopt;
mod agree;
mod change;
mod deck;
pub mod environment;
mod export;
mod flatten;
mod header;
mod identity;
mod item;
mod judge;
pub mod limits;
mod load;
mod lua;
mod migrate;
mod note;
mod order;
mod path;
mod records;
mod reference;
mod refusal;
mod render;
mod scope;
mod text;

pub use change::{Change, ChangeSet, ChangeStep, diff};
pub use deck::Dialect;
pub use export::Export;
pub use flatten::FlatFault;
pub use load::{Document, Loader};
pub use note::Note;
pub use path::{Path, Position, Step};
pub use records::{NoId, Records};
pub use refusal::{LoadError, Refusal};
pub use scope::NotYours;
pub use text::{Format, ReadError};
