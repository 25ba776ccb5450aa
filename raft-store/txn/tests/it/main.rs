//! Proof of the machine: its bytes, its meaning against a plain model, its history.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod compaction;
mod drafts;
mod golden;
mod history;
mod model;
mod overlay;
mod properties;
mod sessions;
