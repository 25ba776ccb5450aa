//! The tables as their users see them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod certificates;
mod credentials;
mod documents;
mod expressions;
mod fixture;
mod properties;
mod records;
mod violations;
