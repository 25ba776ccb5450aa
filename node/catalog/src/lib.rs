//! Entities over transactions: where records lie, what refers to what, and what a change has to guard.
//!
//! Picture a library that many clerks run from one ledger. A clerk reads the shelves as they are, writes a slip (put this
//! book there, take that card out, provided the shelf is still empty) and hands it in. The slip is carried out whole, or
//! not at all if the shelves changed meanwhile; then the clerk looks again and writes another, or finds out what the real
//! obstacle is and says so. The shelves are a [`troop_txn::ReadView`], the slip is a [`Planned`], the obstacle a [`Problem`].
//!
//! [`Catalog`] knows no entity by name. Keys, indexes, references and pages are derived from the tables of `troop-schema`:
//! unique fields become index keys guarded *absent*, references guard the parent *present*, deleting ensures that the
//! child index is *empty*, changing guards the *revision* that was read. The one exception, protocols of plugins, has
//! a file to itself.
//!
//! The catch: a plan is made from an image that may be old when it is applied. Everything a plan relies on is therefore
//! guarded, and planning again on a newer image must find the obstacle that made the guard fail.
//!
//! What it does not do: propose, wait, retry, or look at a clock.

mod bulk;
mod catalog;
mod delete;
mod expiry;
mod key_text;
mod layout;
mod names;
mod page;
mod plan;
mod plugin_protocols;
mod problem;
mod read;
mod references;
mod tag_list;
mod tags;
mod unique;
mod whole;
mod write;

pub use bulk::Bulk;
pub use catalog::{Catalog, Found, Parent, Selector, decode};
pub use page::{Page, PageQuery, page_size};
pub use plan::Planned;
pub use problem::{Problem, Unresolved};
pub use tags::TagFilter;
