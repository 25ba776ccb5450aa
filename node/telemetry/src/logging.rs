//! Log events to standard error, as lines for people or as JSON.
//!
//! A loudspeaker that is switched on once, when the process starts, and has a dial, [`Volume`]. Chatty neighbours are turned down:
//! the consensus engine and the HTTP and RPC stacks tell every heartbeat at `info`, which would drown the
//! ten lines a day that matter, so below `debug` they speak from `warn` on.

use std::fmt;
use thiserror::Error;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

/// How an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Logging could not be set up.
#[derive(Debug, Error)]
pub enum LoggingError {
    /// The level is not one `tracing` knows.
    #[error("'{filter}' is not a log level; use debug, info, warn or error")]
    Filter {
        /// What was asked for.
        filter: String,
        /// Why it was refused.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Somebody was faster.
    #[error("logging is already set up in this process")]
    Twice(#[source] tracing_subscriber::util::TryInitError),
    /// The process ends.
    #[error("nothing is logged any more")]
    Over(#[source] reload::Error),
}

/// How much is written, while the process runs.
#[derive(Clone)]
pub struct Volume(reload::Handle<EnvFilter, Registry>);

impl Volume {
    /// Writes events of at least this level (`debug`, `info`, `warn`, `error`) from now on.
    ///
    /// # Errors
    /// The level is unknown, or logging has ended.
    pub fn set(&self, level: &str) -> Result<(), LoggingError> {
        self.0.reload(filter(level)?).map_err(LoggingError::Over)
    }
}

impl fmt::Debug for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Volume")
    }
}

/// Crates that speak at `info` about every step they take.
const CHATTY: [&str; 5] = ["hyper", "hyper_util", "h2", "tonic", "rustls"];

/// openraft warns of every message that an election overtakes and calls a forwarded join an error. What an operator must know of
/// Raft (who leads, that it stopped and why) our own crates say.
const SILENT: &str = "openraft=off";

/// Starts writing events of at least this level (`debug`, `info`, `warn`, `error`) to standard error.
///
/// # Errors
/// The level is unknown, or logging already runs.
pub fn init_logging(level: &str, format: LogFormat) -> Result<Volume, LoggingError> {
    let (filter, dial) = reload::Layer::new(filter(level)?);
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false);
    match format {
        LogFormat::Text => registry.with(lines).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    }
    .map_err(LoggingError::Twice)?;
    Ok(Volume(dial))
}

fn filter(level: &str) -> Result<EnvFilter, LoggingError> {
    let parsed = EnvFilter::builder().parse(directives(level));
    parsed.map_err(|source| LoggingError::Filter {
        filter: level.to_owned(),
        source,
    })
}

fn directives(level: &str) -> String {
    match level {
        // At `debug` everything is wanted.
        "debug" => level.to_owned(),
        "info" => CHATTY.iter().fold(format!("{level},{SILENT}"), |all, name| {
            format!("{all},{name}=warn")
        }),
        // Above `info` the neighbours follow the level by themselves.
        _ => format!("{level},{SILENT}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_turned_down_at_info_and_left_alone_otherwise() {
        assert!(directives("info").starts_with("info,openraft=off,hyper=warn,"));
        assert_eq!(directives("debug"), "debug");
        assert_eq!(directives("error"), "error,openraft=off");
    }

    #[test]
    fn every_directive_is_understood() {
        for level in ["debug", "info", "warn", "error"] {
            EnvFilter::builder().parse(directives(level)).unwrap();
        }
    }

    #[test]
    fn an_unknown_level_is_named() {
        let error = init_logging("very=loud=indeed", LogFormat::Text).unwrap_err();
        assert!(error.to_string().contains("'very=loud=indeed'"));
    }
}
