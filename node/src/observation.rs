//! What of requests is written down, and where: read before anything starts, so that a mistake ends the start and not the log.

use anyhow::{Context, Result};
use std::sync::Arc;
use troop_gateway::{Destination, Exporter};
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
    collector: Option<Destination>,
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
            Some(destination(settings)?)
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
        let destination = self.collector.clone()?;
        Some(Exporter::start(destination, node, tasks, shutdown.clone()))
    }
}

/// Where spans go, and whose word counts for it.
fn destination(settings: &Settings) -> Result<Destination> {
    let text = &settings.tracing_endpoint;
    let endpoint = text.parse();
    let endpoint = endpoint.with_context(|| format!("tracing_endpoint = {text}"))?;
    let Some(path) = &settings.tracing_ca_cert else {
        return Ok(Destination::new(endpoint, None)?);
    };
    let about = || format!("tracing_ca_cert = {}", path.display());
    let pem = std::fs::read(settings.data_dir.join(path)).with_context(about)?;
    Destination::new(endpoint, Some(&pem)).with_context(about)
}
