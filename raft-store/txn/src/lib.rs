//! The log entry and what applying it means.
//!
//! Picture a ledger that several clerks copy. Each line of it says: *if* these facts still hold, write
//! these rows, and after that these facts must hold. A clerk who copies the lines in order ends with
//! the same pages as every other clerk, whoever wrote the line and whenever it is copied.
//!
//! A line is a [`Txn`], the pages are an [`Image`], the copying is [`machine::apply`]. The machine knows
//! no word of the gateway's domain and has no clock, no randomness and no schema, so that two versions of the
//! program cannot apply one entry differently. What a transaction did is kept as [`Event`]s, written
//! together with the rows.
//!
//! The crate also declares the [`Store`] port through which everything above holds the replicated state,
//! and [`MemoryStore`], the same machine over a map, for tests.
//!
//! It does not replicate, open files or know RocksDB: the crate `raft-store` does.

pub mod codec;
pub mod entry;
pub mod event;
pub mod frame;
pub mod image;
pub mod key;
pub mod machine;
pub mod memory;
pub mod revision;
pub mod row;
pub mod stage;
pub mod store;
pub mod subscription;

pub use entry::{Ensure, Guard, Op, Outcome, Refusal, RequestId, Txn};
pub use event::{Event, EventBody, Operation};
pub use image::{Image, ImageError, Overlay, Table};
pub use key::{Key, Space};
pub use memory::MemoryStore;
pub use revision::Revision;
pub use row::Row;
pub use stage::StageId;
pub use store::{EventPage, EventsError, ProposeError, ReadError, ReadView, Store, ViewError, read};
pub use subscription::Subscription;
