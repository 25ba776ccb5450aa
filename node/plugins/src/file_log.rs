//! `file-log`: a line of JSON in a file for every exchange.

mod schema;
mod sink;

use crate::shipping::{Losses, Queue, Shipper};
use std::sync::Arc;
use troop_plugin_api::{Handler, Misconfigured, Node, Plugin, Setup};
use troop_schema::PluginSchema;
use troop_telemetry::Exposition;

/// The plugin, and what its instances lost.
#[derive(Default)]
pub struct FileLog {
    losses: Arc<Losses>,
}

impl Plugin for FileLog {
    fn name(&self) -> &'static str {
        "file-log"
    }

    fn priority(&self) -> i32 {
        9
    }

    fn schema(&self) -> PluginSchema {
        schema::schema()
    }

    fn report(&self, _node: &Node, out: &mut Exposition) {
        self.losses.report(self.name(), out);
    }

    fn configure(&self, setup: &Setup<'_>) -> Result<Arc<dyn Handler>, Misconfigured> {
        let queue = Queue::bundled(sink::LINES_MAX);
        let sink = sink::File::configure(setup.config)?;
        Ok(Arc::new(Shipper::start(setup, queue, sink, &self.losses)?))
    }
}
