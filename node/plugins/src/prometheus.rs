//! `prometheus`: exchanges are counted for whoever asks at `/metrics`.

mod board;
mod handler;
mod schema;

use board::Board;
use std::sync::Arc;
use troop_plugin_api::{Handler, Misconfigured, Node, Plugin, Setup};
use troop_schema::PluginSchema;
use troop_telemetry::Exposition;

/// The plugin, and what all its instances counted.
#[derive(Default)]
pub struct Prometheus {
    board: Arc<Board>,
}

impl Plugin for Prometheus {
    fn name(&self) -> &'static str {
        "prometheus"
    }

    fn priority(&self) -> i32 {
        13
    }

    fn schema(&self) -> PluginSchema {
        schema::schema()
    }

    fn report(&self, _node: &Node, out: &mut Exposition) {
        self.board.report(out);
    }

    fn configure(&self, setup: &Setup<'_>) -> Result<Arc<dyn Handler>, Misconfigured> {
        let counter = handler::Counter::configure(setup.config, Arc::clone(&self.board))?;
        Ok(Arc::new(counter))
    }
}
