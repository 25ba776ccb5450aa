//! `tcp-log`: a line of JSON over TCP for every exchange and every session.

mod schema;
mod sink;

use crate::shipping::{LogPlugin, Queue};
use troop_plugin_api::Plugin;

/// The plugin.
pub fn plugin() -> impl Plugin {
    let queue = |_: &_| Ok(Queue::single());
    LogPlugin::new("tcp-log", 7, schema::schema, queue, sink::Lines::configure)
}
