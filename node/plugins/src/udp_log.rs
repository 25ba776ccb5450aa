//! `udp-log`: a datagram of JSON for every exchange.

mod schema;
mod sink;

use crate::shipping::{Losses, Queue, Shipper};
use std::sync::Arc;
use troop_plugin_api::{Handler, Misconfigured, Node, Plugin, Setup};
use troop_schema::PluginSchema;
use troop_telemetry::Exposition;

/// The plugin, and what its instances lost.
#[derive(Default)]
pub struct UdpLog {
    losses: Arc<Losses>,
}

impl Plugin for UdpLog {
    fn name(&self) -> &'static str {
        "udp-log"
    }

    fn priority(&self) -> i32 {
        8
    }

    fn schema(&self) -> PluginSchema {
        schema::schema()
    }

    fn report(&self, _node: &Node, out: &mut Exposition) {
        self.losses.report(self.name(), out);
    }

    fn configure(&self, setup: &Setup<'_>) -> Result<Arc<dyn Handler>, Misconfigured> {
        let queue = Queue::single();
        let sink = sink::Datagrams::configure(setup.config)?;
        Ok(Arc::new(Shipper::start(setup, queue, sink, &self.losses)?))
    }
}
