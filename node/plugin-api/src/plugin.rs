//! What a plugin is before anybody configured it.

use crate::{backstage::Backstage, chain::Scope, exchange::Node, handler::Handler};
use std::sync::Arc;
use thiserror::Error;
use troop_schema::{PluginSchema, Record};
use troop_telemetry::Exposition;
use uuid::Uuid;

/// One stored instance of a plugin.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    /// The instance's id.
    pub id: Uuid,
    /// To what it is limited.
    pub scope: Scope,
    /// Its configuration.
    pub config: &'a Record,
    /// Where its handler can leave work.
    pub backstage: &'a Arc<dyn Backstage>,
}

/// A stored configuration that the plugin cannot use, although the schema let it pass.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("{field}: {problem}")]
pub struct Misconfigured {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it; never its value, which may be a secret.
    pub problem: String,
}

/// A plugin.
pub trait Plugin: Send + Sync {
    /// Its name in the Admin API.
    fn name(&self) -> &'static str;

    /// Its place in the queue: higher runs first.
    fn priority(&self) -> i32;

    /// The version it is compatible with.
    fn version(&self) -> &'static str {
        "3.9.1"
    }

    /// The fields of its configuration.
    fn schema(&self) -> PluginSchema;

    /// Writes what its instances have counted on this node.
    fn report(&self, _node: &Node, _out: &mut Exposition) {}

    /// One instance with this configuration: parsed once, here.
    ///
    /// # Errors
    /// [`Misconfigured`] names the field.
    fn configure(&self, setup: &Setup<'_>) -> Result<Arc<dyn Handler>, Misconfigured>;
}
