//! `basic-auth`: the client shows a name and a password.

mod handler;
mod schema;

use std::sync::Arc;
use troop_plugin_api::{Handler, Misconfigured, Plugin, Setup};
use troop_schema::PluginSchema;

/// The plugin.
pub struct BasicAuth;

impl Plugin for BasicAuth {
    fn name(&self) -> &'static str {
        "basic-auth"
    }

    fn priority(&self) -> i32 {
        1100
    }

    fn schema(&self) -> PluginSchema {
        schema::schema()
    }

    fn configure(&self, setup: &Setup<'_>) -> Result<Arc<dyn Handler>, Misconfigured> {
        Ok(Arc::new(handler::PasswordCheck::configure(setup.config)?))
    }
}
