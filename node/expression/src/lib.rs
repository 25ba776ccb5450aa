//! The language of expression routes: what a route may say about requests when its fields are not enough.
//!
//! Most routes are filled-in forms: hosts, paths, methods. An expression is a sentence instead:
//! `http.path ^= "/api" && http.headers.x_tenant == "a"`. Grammar and judgement are those of the crate `atc-router`, the one that
//! Kong itself uses, so that a sentence means here what it means there. What this crate adds is the vocabulary (which fields there are), and limits.
//!
//! ```text
//! text ─► spelling (old names, limits) ─► grammar ─► types of the fields ─► Expression
//! ```
//!
//! The catch: `atc-router` trusts what it reads. Sentences nested without end overflow its stack, and some spellings of `not in` end in a
//! panic; both are dealt with before it sees them (`spelling.rs`).
//!
//! What this crate does not do: nothing here knows of requests or of routes. The router judges sentences, the schema refuses wrong ones; both
//! come here for what a sentence is.

mod expression;
mod field;
mod flavor;
mod spelling;

pub use crate::expression::{Expression, ExpressionError};
pub use crate::field::{Field, Subsystem, vocabulary};
pub use crate::flavor::Flavor;
pub use atc_router::{ast, context, interpreter};
