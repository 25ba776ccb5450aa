//! `response-ratelimiting`: the peer says what a response costs.

mod handler;
mod schema;

use crate::limits::{Shelf, tally::Tally};
use std::sync::Arc;
use troop_plugin_api::{Handler, Misconfigured, Plugin, Setup};
use troop_schema::PluginSchema;

/// The plugin, with the counts of all its instances: a changed configuration does not start them anew.
#[derive(Default)]
pub struct ResponseRateLimiting {
    shelf: Shelf,
}

impl ResponseRateLimiting {
    /// Whose policy `cluster` counts with the other nodes.
    pub(crate) fn with(tally: &Arc<Tally>) -> Self {
        ResponseRateLimiting {
            shelf: Shelf::with(tally),
        }
    }
}

impl Plugin for ResponseRateLimiting {
    fn name(&self) -> &'static str {
        handler::PLUGIN
    }

    fn priority(&self) -> i32 {
        900
    }

    fn schema(&self) -> PluginSchema {
        schema::schema()
    }

    fn configure(&self, setup: &Setup<'_>) -> Result<Arc<dyn Handler>, Misconfigured> {
        Ok(Arc::new(handler::Limiter::configure(setup, &self.shelf)?))
    }
}
