//! `file-log`: a line of JSON in a file for every exchange and every session.

mod schema;
mod sink;

use crate::shipping::{LogPlugin, Queue};
use troop_plugin_api::Plugin;

/// The plugin.
pub fn plugin() -> impl Plugin {
    let queue = |_: &_| Ok(Queue::bundled(sink::LINES_MAX));
    LogPlugin::new("file-log", 9, schema::schema, queue, sink::File::configure)
}
