//! What the operating system's signals mean to us.
//!
//! SIGTERM and SIGINT knock: the first knock drains, the second stops at once, so that a person at the
//! terminal presses Ctrl-C twice and never reaches for `kill -9`. SIGHUP and SIGUSR1 say that log files were moved away.

use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{Shutdown, TaskSet};

/// The process cannot hear signals.
#[derive(Debug, Error)]
#[error("cannot listen for {name}: {source}")]
pub struct SignalError {
    name: &'static str,
    source: std::io::Error,
}

/// Turns SIGTERM and SIGINT into `shutdown` until it stops. Called inside a runtime.
///
/// # Errors
/// The operating system refused the handler.
pub fn listen_to_signals(shutdown: Shutdown, tasks: &TaskSet) -> Result<(), SignalError> {
    let mut terminate = handler("SIGTERM", SignalKind::terminate())?;
    let mut interrupt = handler("SIGINT", SignalKind::interrupt())?;
    tasks.spawn("signals", async move {
        while !shutdown.is_stopping() {
            let name = tokio::select! {
                () = shutdown.stopping() => return,
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            knock(&shutdown, name);
        }
    });
    Ok(())
}

/// Calls `rotated` at each SIGHUP or SIGUSR1, until `shutdown` stops: whoever rotates logs says so with the one (most daemons) or the other
/// (nginx). Called inside a runtime.
///
/// # Errors
/// The operating system refused the handler.
pub fn listen_for_rotation(
    rotated: impl Fn() + Send + 'static,
    shutdown: Shutdown,
    tasks: &TaskSet,
) -> Result<(), SignalError> {
    let mut hangup = handler("SIGHUP", SignalKind::hangup())?;
    let mut user = handler("SIGUSR1", SignalKind::user_defined1())?;
    tasks.spawn("log rotation", async move {
        loop {
            tokio::select! {
                () = shutdown.stopping() => return,
                _ = hangup.recv() => rotated(),
                _ = user.recv() => rotated(),
            }
        }
    });
    Ok(())
}

fn handler(name: &'static str, kind: SignalKind) -> Result<Signal, SignalError> {
    signal(kind).map_err(|source| SignalError { name, source })
}

fn knock(shutdown: &Shutdown, name: &str) {
    if shutdown.is_draining() {
        shutdown.stop(name)
    } else {
        shutdown.drain(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_knock_drains_and_the_second_stops() {
        let shutdown = Shutdown::new();
        knock(&shutdown, "SIGTERM");
        assert!(shutdown.is_draining() && !shutdown.is_stopping());
        knock(&shutdown, "SIGINT");
        assert!(shutdown.is_stopping());
    }

    #[tokio::test]
    async fn listening_ends_when_the_process_stops() {
        let (shutdown, tasks) = (Shutdown::new(), TaskSet::new());
        listen_to_signals(shutdown.clone(), &tasks).unwrap();
        shutdown.stop("test");
        assert!(tasks.finish(std::time::Duration::from_secs(30)).await.is_empty());
    }
}
