//! How much the node writes to its log, while it runs.
//!
//! A dial with a spring. Somebody turns it to `debug` to see what is going on, and after a while it goes back by itself, since
//! nobody remembers to turn it back and a log at `debug` fills disks.
//!
//! The catch: it may be turned again before its time is over; then the later time counts, and what it goes back to is always what the
//! settings say.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        watch,
    },
    time::{Instant, sleep_until},
};
use troop_admin::LogTurn;
use troop_gateway::Word;
use troop_runtime::Shutdown;
use troop_telemetry::Volume;

/// The dial.
pub struct LogLevel {
    volume: Volume,
    usual: String,
    now: Mutex<String>,
    until: watch::Sender<Option<Instant>>,
}

impl LogLevel {
    /// At the level of the settings.
    pub fn new(volume: Volume, usual: String) -> Arc<Self> {
        Arc::new(LogLevel {
            volume,
            now: Mutex::new(usual.clone()),
            usual,
            until: watch::Sender::new(None),
        })
    }

    /// In Kong's words.
    pub fn now(&self) -> String {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Turns it for a while.
    ///
    /// # Errors
    /// Why not, for people.
    pub fn set(&self, level: &str, span: Duration) -> Result<(), String> {
        let until = Instant::now()
            .checked_add(span)
            .ok_or("timeout is too long for a clock")?;
        self.turn(level)?;
        self.until.send_replace(Some(until));
        Ok(())
    }

    fn turn(&self, level: &str) -> Result<(), String> {
        let known = troop_settings::LogLevel::from_word(level);
        let known = known.ok_or_else(|| format!("unknown log level: {level}"))?;
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let turned = self.volume.set(known.as_filter());
        turned.map_err(|error| error.to_string())?;
        level.clone_into(&mut now);
        Ok(())
    }

    /// The spring; runs until the node drains.
    pub async fn spring(self: Arc<Self>, shutdown: Shutdown) {
        let mut until = self.until.subscribe();
        loop {
            let due = *until.borrow_and_update();
            let over = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => self.back(due),
                changed = until.changed() => if changed.is_err() { return },
                () = shutdown.draining() => return,
            }
        }
    }

    /// Listens for turns that are meant for every node; runs until the node drains.
    pub async fn listen(self: Arc<Self>, mut words: broadcast::Receiver<Word>, shutdown: Shutdown) {
        loop {
            let word = tokio::select! {
                word = words.recv() => word,
                () = shutdown.draining() => return,
            };
            match word {
                Ok(word) if &*word.channel == LogTurn::CHANNEL => self.hear(&word.data),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn hear(&self, data: &[u8]) {
        let turned = LogTurn::from_bytes(data)
            .map_err(|error| error.to_string())
            .and_then(|turn| self.set(&turn.level, turn.span));
        if let Err(error) = turned {
            tracing::warn!(error, "a turn of the log level for all nodes is passed over");
        }
    }

    /// Unless it was turned again meanwhile.
    fn back(&self, due: Option<Instant>) {
        let is_over = self.until.send_if_modified(|until| {
            let is_over = *until == due;
            if is_over {
                *until = None;
            }
            is_over
        });
        if is_over && let Err(error) = self.turn(&self.usual) {
            tracing::warn!(error, "the log level stays where it was turned to");
        }
    }
}
