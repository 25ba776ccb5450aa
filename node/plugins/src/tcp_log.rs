//! `tcp-log`: a line of JSON over TCP for every exchange.

mod schema;
mod sink;

use crate::shipping::{Losses, Queue, Shipper};
use std::sync::Arc;
use troop_plugin_api::{Handler, Misconfigured, Node, Plugin, Setup};
use troop_schema::PluginSchema;
use troop_telemetry::Exposition;

/// The plugin, and what its instances lost.
#[derive(Default)]
pub struct TcpLog {
    losses: Arc<Losses>,
}

impl Plugin for TcpLog {
    fn name(&self) -> &'static str {
        "tcp-log"
    }

    fn priority(&self) -> i32 {
        7
    }

    fn schema(&self) -> PluginSchema {
        schema::schema()
    }

    fn report(&self, _node: &Node, out: &mut Exposition) {
        self.losses.report(self.name(), out);
    }

    fn configure(&self, setup: &Setup<'_>) -> Result<Arc<dyn Handler>, Misconfigured> {
        let queue = Queue::single();
        let sink = sink::Lines::configure(setup.config)?;
        Ok(Arc::new(Shipper::start(setup, queue, sink, &self.losses)?))
    }
}
