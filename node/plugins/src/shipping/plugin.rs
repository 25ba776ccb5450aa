//! A log plugin, but for where its records go.
//!
//! Four cars of one make: file, HTTP, TCP and UDP differ in the wheels they drive on. What a log plugin is called, when it has its turn, how it is
//! configured and how its sink is opened stand in one value of [`LogPlugin`]; everything else they share.

use super::{Losses, Queue, Shipper, Sink};
use std::sync::Arc;
use troop_plugin_api::{Handler, Misconfigured, Node, Plugin, Setup};
use troop_schema::{PluginSchema, Record};
use troop_telemetry::Exposition;

/// A log plugin whose records go to a `S`, and what its instances lost.
pub(crate) struct LogPlugin<S> {
    name: &'static str,
    priority: i32,
    schema: fn() -> PluginSchema,
    queue: fn(&Record) -> Result<Queue, Misconfigured>,
    sink: fn(&Record) -> Result<S, Misconfigured>,
    losses: Arc<Losses>,
}

impl<S: Sink> LogPlugin<S> {
    /// A plugin of this name and place in the queue; its schema, and how a configuration becomes a queue and a sink.
    pub fn new(
        name: &'static str,
        priority: i32,
        schema: fn() -> PluginSchema,
        queue: fn(&Record) -> Result<Queue, Misconfigured>,
        sink: fn(&Record) -> Result<S, Misconfigured>,
    ) -> Self {
        LogPlugin {
            name,
            priority,
            schema,
            queue,
            sink,
            losses: Arc::default(),
        }
    }
}

impl<S: Sink> Plugin for LogPlugin<S> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    fn schema(&self) -> PluginSchema {
        (self.schema)()
    }

    fn report(&self, _node: &Node, out: &mut Exposition) {
        self.losses.report(self.name, out);
    }

    fn configure(&self, setup: &Setup<'_>) -> Result<Arc<dyn Handler>, Misconfigured> {
        let queue = (self.queue)(setup.config)?;
        let sink = (self.sink)(setup.config)?;
        Ok(Arc::new(Shipper::start(setup, queue, sink, &self.losses)?))
    }
}
