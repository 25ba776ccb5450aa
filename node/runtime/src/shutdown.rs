//! Closing time, in two steps.
//!
//! A bar first calls "last orders": nobody new comes in, those inside finish their drinks (*drain*). Later
//! the lights go off whether or not glasses are full (*stop*). Everybody in the house hears both calls,
//! also those who come to listen after the call was made.
//!
//! The catch: the call must reach thousands of connections without waking each by hand, and hearing it must
//! cost nothing while nothing happens. Two cancellation tokens, one the parent's sound to its children,
//! do that; a handle is two reference counts.

use tokio_util::sync::CancellationToken;

/// A handle to the process's closing time; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    drain: CancellationToken,
    stop: CancellationToken,
}

impl Shutdown {
    /// Open, until told otherwise.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls last orders; the first reason is logged, later calls change nothing.
    pub fn drain(&self, why: &str) {
        if !self.drain.is_cancelled() {
            tracing::info!(reason = why, "draining");
            self.drain.cancel();
        }
    }

    /// Ends what is open; implies draining.
    pub fn stop(&self, why: &str) {
        self.drain.cancel();
        if !self.stop.is_cancelled() {
            tracing::info!(reason = why, "stopping");
            self.stop.cancel();
        }
    }

    /// Whether nothing new may be taken on.
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Whether open work must end.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Waits for last orders; at once if they were called.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Waits for the end; at once if it has come.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_handle_is_open() {
        let shutdown = Shutdown::new();
        assert!(!shutdown.is_draining() && !shutdown.is_stopping());
    }

    #[tokio::test]
    async fn draining_reaches_every_clone_and_does_not_stop() {
        let shutdown = Shutdown::new();
        let listener = shutdown.clone();
        let heard = tokio::spawn(async move { listener.draining().await });
        shutdown.drain("test");
        heard.await.unwrap();
        assert!(shutdown.is_draining() && !shutdown.is_stopping());
    }

    #[tokio::test]
    async fn stopping_implies_draining_and_late_listeners_hear_it() {
        let shutdown = Shutdown::new();
        shutdown.stop("test");
        shutdown.drain("test");
        shutdown.clone().draining().await;
        shutdown.clone().stopping().await;
    }
}
