//! `http-log`: records of exchanges and sessions are posted to a collector.

mod schema;
mod sink;

use crate::shipping::{LogPlugin, Queue};
use troop_plugin_api::Plugin;

/// The plugin.
pub fn plugin() -> impl Plugin {
    LogPlugin::new(
        "http-log",
        12,
        schema::schema,
        Queue::configure,
        sink::Collector::configure,
    )
}
