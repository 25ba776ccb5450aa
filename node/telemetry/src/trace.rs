//! Traces: which journey a request belongs to, and the stretches of it that were travelled here.
//!
//! A parcel with a waybill. The waybill has the number of the journey and of the last station; each station writes its own number over the
//! last one and keeps a stub, *the span*: from when to when the parcel was here. Whoever collects the stubs of all stations can tell the
//! whole journey.
//!
//! The catch: nobody can keep a stub of every parcel. Whether this journey is kept is decided once, at its first station, and written on
//! the waybill; every other station does as it says.
//!
//! Pure: random numbers and times are arguments, and who takes spans ([`Spans`]) is somebody else.

mod journey;
mod waybill;

pub use journey::Journey;
pub use waybill::{Style, Waybill};

use std::borrow::Cow;

/// A stretch of a journey.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The journey.
    pub trace_id: u128,
    /// This stretch.
    pub id: u64,
    /// The stretch it is part of; none at the first station.
    pub parent: Option<u64>,
    /// What was done, of few different words.
    pub name: Cow<'static, str>,
    /// Who asked whom.
    pub side: Side,
    /// Nanoseconds since 1970.
    pub from_ns: u64,
    /// Nanoseconds since 1970.
    pub to_ns: u64,
    /// What is known of it, by the names of OpenTelemetry's conventions.
    pub facts: Vec<(&'static str, Fact)>,
    /// Whether it failed through a fault of ours or of a peer.
    pub failed: bool,
}

/// On which side of a request a span was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Asked.
    Server,
    /// Asking.
    Client,
}

/// The value of a fact.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
}

impl From<&str> for Fact {
    fn from(text: &str) -> Self {
        Fact::Text(text.to_owned())
    }
}

impl From<String> for Fact {
    fn from(text: String) -> Self {
        Fact::Text(text)
    }
}

impl From<u16> for Fact {
    fn from(number: u16) -> Self {
        Fact::Number(number.into())
    }
}

/// Takes spans. Never waits: what it has no room for it drops and counts.
pub trait Spans: Send + Sync {
    /// Takes one.
    fn take(&self, span: Span);
}
