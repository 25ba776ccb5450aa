//! `http-log`: records of exchanges are posted to a collector.

mod schema;
mod sink;

use crate::shipping::{Losses, Queue, Shipper};
use std::sync::Arc;
use troop_plugin_api::{Handler, Misconfigured, Node, Plugin, Setup};
use troop_schema::PluginSchema;
use troop_telemetry::Exposition;

/// The plugin, and what its instances lost.
#[derive(Default)]
pub struct HttpLog {
    losses: Arc<Losses>,
}

impl Plugin for HttpLog {
    fn name(&self) -> &'static str {
        "http-log"
    }

    fn priority(&self) -> i32 {
        12
    }

    fn schema(&self) -> PluginSchema {
        schema::schema()
    }

    fn report(&self, _node: &Node, out: &mut Exposition) {
        self.losses.report(self.name(), out);
    }

    fn configure(&self, setup: &Setup<'_>) -> Result<Arc<dyn Handler>, Misconfigured> {
        let queue = Queue::configure(setup.config.get("queue").and_then(|queue| queue.as_object()))?;
        let sink = sink::Collector::configure(setup.config)?;
        Ok(Arc::new(Shipper::start(setup, queue, sink, &self.losses)?))
    }
}
