//! What of requests is written down, and where: read before anything starts, so that a mistake ends the start and not the log.

use anyhow::{Context, Result};
use std::sync::Arc;
use troop_gateway::{Endpoint, Exporter};
use troop_plugin_api::Node;
use troop_runtime::{Shutdown, TaskSet};
use troop_settings::Settings;
use troop_telemetry::{LineFormat, SessionFormat};

/// As told.
pub struct Observation {
    /// How a line of the access log looks.
    pub line: LineFormat,
    /// How a line about a connection or a run of datagrams looks.
    pub session_line: SessionFormat,
    /// Who takes spans, if there are any.
    collector: Option<Endpoint>,
}

impl Observation {
    /// Reads the settings that have a grammar of their own.
    pub fn read(settings: &Settings) -> Result<Self> {
        let text = &settings.proxy_access_log_format;
        let line = text.parse();
        let line = line.with_context(|| format!("proxy_access_log_format = {text}"))?;
        let text = &settings.proxy_stream_access_log_format;
        let session_line = text.parse();
        let session_line =
            session_line.with_context(|| format!("proxy_stream_access_log_format = {text}"))?;
        let collector = if settings.tracing_instrumentations.any() {
            let text = &settings.tracing_endpoint;
            let endpoint = text.parse();
            Some(endpoint.with_context(|| format!("tracing_endpoint = {text}"))?)
        } else {
            None
        };
        Ok(Observation {
            line,
            session_line,
            collector,
        })
    }

    /// Whoever carries spans to the collector, until the node stops.
    pub fn exporter(&self, node: &Node, tasks: &TaskSet, shutdown: &Shutdown) -> Option<Arc<Exporter>> {
        let endpoint = self.collector.clone()?;
        Some(Exporter::start(endpoint, node, tasks, shutdown.clone()))
    }
}
