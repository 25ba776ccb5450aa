//! `udp-log`: a datagram of JSON for every exchange and every session.

mod schema;
mod sink;

use crate::shipping::{LogPlugin, Queue};
use troop_plugin_api::Plugin;

/// The plugin.
pub fn plugin() -> impl Plugin {
    let queue = |_: &_| Ok(Queue::single());
    LogPlugin::new("udp-log", 8, schema::schema, queue, sink::Datagrams::configure)
}
