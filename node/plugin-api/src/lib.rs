//! What a plugin sees of an exchange and what it may do, phase by phase.
//!
//! A plugin is a guest with a visitor's badge: it reads the letter over the clerk's shoulder (a *view* of the head), writes
//! its wishes on a slip (the *edit list*), and says "go on" or "I answer this one" (the *verdict*). The clerk carries the
//! slips out, once, when the letter leaves.
//!
//! The catch: a guest who held the letter itself would tie every plugin to the codec that parsed it. Nobody here ever gets the codec's
//! header map, so the codec can be replaced without touching a plugin, and a request without plugins pays nothing for them.
//!
//! The crate runs nothing: who calls the handlers, when, and with which configuration is the gateway's run loop.

pub mod backstage;
pub mod body;
pub mod chain;
pub mod edit;
pub mod exchange;
pub mod handler;
pub mod head;
pub mod identity;
pub mod log;
pub mod lookup;
pub mod phase;
pub mod plugin;
pub mod request;
pub mod response;
pub mod session;
pub mod shared;
pub mod verdict;

pub use backstage::Backstage;
pub use body::{BodyError, BodySource};
pub use chain::{Scope, runs_before};
pub use edit::{Edit, Edits};
pub use exchange::{Client, Exchange, Facts, Matched, Node, Scheme, UriCapture};
pub use handler::{Chunk, Handler, Step};
pub use head::Head;
pub use identity::{Consumer, Credential, Groups, Identity};
pub use log::{LogRecord, Source, Timing, Try};
pub use lookup::{Looked, Lookup, LookupError};
pub use phase::Phases;
pub use plugin::{Misconfigured, Plugin, Setup};
pub use request::{Request, Wishes};
pub use response::{Response, ResponseWishes};
pub use session::{Session, SessionRecord};
pub use shared::Shared;
pub use troop_stdx::Remote;
pub use verdict::{Failure, Reply, ReplyBody, Verdict};
