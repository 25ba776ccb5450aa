//! Endpoints written by hand: what Kong has beside its entities, and what only we have.
//!
//! One file per subject, each with its own list of doors; this file joins the lists. A door that an entity
//! also has by rule belongs to the hand-written handler.

mod acls;
mod batch;
pub(crate) mod changes;
mod config;
mod consumers;
mod events;
mod explain;
mod filter_chains;
mod fixed;
mod health;
mod log_level;
mod metrics;
mod openapi;
pub(crate) mod plugins;
mod root;
mod schemas;
mod status;
mod tags;
mod targets;
mod troop;

pub(crate) use metrics::metrics;
pub(crate) use status::server_document;

use crate::{admin::Admin, answer::Reply, call::Call};
use futures_util::future::BoxFuture;
use http::Method;
use std::fmt;

/// What a handler is: a function from a call to a reply.
type Act = for<'a> fn(&'a Admin, &'a Call) -> BoxFuture<'a, Reply>;

/// A door: pattern, method, who opens.
type Door = (&'static str, Method, Act);

/// A hand-written handler.
#[derive(Clone, Copy)]
pub struct Handler(Act);

impl Handler {
    /// Runs it.
    pub fn answer<'a>(&self, admin: &'a Admin, call: &'a Call) -> BoxFuture<'a, Reply> {
        (self.0)(admin, call)
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler")
    }
}

/// Whether the door takes bodies of plain text, YAML that is.
pub fn reads_text(path: &str) -> bool {
    path.trim_end_matches('/') == "/config"
}

/// All doors.
pub fn table() -> impl Iterator<Item = (&'static str, Method, Handler)> {
    let lists = [
        acls::DOORS,
        batch::DOORS,
        changes::DOORS,
        config::DOORS,
        consumers::DOORS,
        events::DOORS,
        explain::DOORS,
        filter_chains::DOORS,
        fixed::DOORS,
        health::DOORS,
        log_level::DOORS,
        metrics::DOORS,
        openapi::DOORS,
        plugins::DOORS,
        root::DOORS,
        schemas::DOORS,
        status::DOORS,
        tags::DOORS,
        targets::DOORS,
        troop::DOORS,
    ];
    let doors = lists.into_iter().flatten();
    doors.map(|(pattern, method, act)| (*pattern, method.clone(), Handler(*act)))
}
