//! How a log's queue is configured: Kong's record of it, and what it means.

use crate::config::{Config, wrong};
use std::time::Duration;
use troop_plugin_api::Misconfigured;
use troop_schema::{Field, Record};

/// Kong's queue record.
pub(crate) fn queue_field() -> Field {
    Field::record(vec![
        (
            "max_batch_size",
            Field::integer().default(1).between(1, 1_000_000),
        ),
        (
            "max_coalescing_delay",
            Field::number().default(1).between(0, 3_600),
        ),
        (
            "max_entries",
            Field::integer().default(10_000).between(1, 1_000_000),
        ),
        ("max_bytes", Field::integer()),
        ("max_retry_time", Field::number().default(60)),
        (
            "initial_retry_delay",
            Field::number().default(0.01).between(0.001, 1_000_000),
        ),
        (
            "max_retry_delay",
            Field::number().default(60).between(0.001, 1_000_000),
        ),
        ("concurrency_limit", Field::integer().default(1).one_of([-1, 1])),
    ])
}

/// Room for entries that wait, if the configuration sets no bound of its own: 64 MiB hold some thirty thousand.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// How entries are queued, bundled and tried again.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub entries_max: usize,
    pub bytes_max: usize,
    pub batch_max: usize,
    /// How long a bundle waits for more.
    pub patience: Duration,
    /// After this a bundle is given up; none means it is tried once.
    pub retry_time: Option<Duration>,
    pub retry_delay_first: Duration,
    pub retry_delay_max: Duration,
}

impl Queue {
    /// For plugins that have no queue record. Kong: each entry by itself, tried once.
    pub fn single() -> Self {
        Queue {
            entries_max: 10_000,
            bytes_max: BYTES_MAX,
            batch_max: 1,
            patience: Duration::ZERO,
            retry_time: None,
            retry_delay_first: Duration::from_millis(10),
            retry_delay_max: Duration::from_secs(60),
        }
    }

    /// Bundles of whatever is there, as for a file.
    pub fn bundled(batch_max: usize) -> Self {
        Queue {
            batch_max,
            ..Queue::single()
        }
    }

    /// Reads the record in a plugin's configuration.
    pub fn configure(config: &Record) -> Result<Self, Misconfigured> {
        let record = config.get("queue").and_then(|queue| queue.as_object());
        let config = Config(record.ok_or_else(|| wrong("queue", "missing"))?);
        let seconds = |field: &str, usual: f64| {
            let seconds = config.number(field).unwrap_or(usual);
            Duration::try_from_secs_f64(seconds).map_err(|_| wrong("queue", "a time is out of range"))
        };
        let retry_time = match config.number("max_retry_time") {
            Some(time) if time < 0.0 => None,
            _ => Some(seconds("max_retry_time", 60.0)?),
        };
        Ok(Queue {
            entries_max: config.whole("max_entries")?,
            bytes_max: match config.number("max_bytes") {
                Some(_) => config.whole("max_bytes")?,
                None => BYTES_MAX,
            },
            batch_max: config.whole("max_batch_size")?,
            patience: seconds("max_coalescing_delay", 1.0)?,
            retry_time,
            retry_delay_first: seconds("initial_retry_delay", 0.01)?,
            retry_delay_max: seconds("max_retry_delay", 60.0)?,
        })
    }
}
