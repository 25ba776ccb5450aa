//! Every task of the process, by name, so that none is forgotten.
//!
//! A school trip: the teacher has a list, and the bus leaves when the list is complete or when time is
//! up, and then the teacher can say who was missing. A task that is spawned and let go is a pupil
//! nobody counted.
//!
//! The catch: a task that panics ends quietly, and half a process is worse than none. The set notices,
//! says which task it was, and [`TaskSet::panics`] counts it.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

/// A set of named tasks; clones share it.
#[derive(Debug, Clone, Default)]
pub struct TaskSet {
    tracker: TaskTracker,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Tasks that may still run. Ended ones leave when a new one comes.
    running: Mutex<Vec<(&'static str, AbortHandle)>>,
    panics: AtomicU64,
}

impl TaskSet {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task on the runtime of the caller.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.spawn_on(name, &Handle::current(), task);
    }

    /// Starts a task on a runtime of choice.
    pub fn spawn_on<F>(&self, name: &'static str, runtime: &Handle, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        let watched = async move {
            if let Err(panic) = caught(task).await {
                shared.panics.fetch_add(1, Ordering::Relaxed);
                tracing::error!(task = name, reason = panic, "a task panicked");
            }
        };
        let handle = self.tracker.spawn_on(watched, runtime).abort_handle();
        let mut running = self.shared.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|(_, handle)| !handle.is_finished());
        running.push((name, handle));
    }

    /// How many tasks panicked so far.
    pub fn panics(&self) -> u64 {
        self.shared.panics.load(Ordering::Relaxed)
    }

    /// Waits until every task has ended; those that have not by then are aborted and named.
    pub async fn finish(&self, within: Duration) -> Vec<&'static str> {
        self.tracker.close();
        if tokio::time::timeout(within, self.tracker.wait()).await.is_ok() {
            return Vec::new();
        }
        let late = self.abort_running();
        self.tracker.wait().await;
        late
    }

    fn abort_running(&self) -> Vec<&'static str> {
        let mut running = self.shared.running.lock().unwrap_or_else(PoisonError::into_inner);
        let late = running.drain(..).filter(|(_, handle)| !handle.is_finished());
        late.map(|(name, handle)| {
            handle.abort();
            name
        })
        .collect()
    }
}

/// Runs a task and turns its panic into the panic's text.
async fn caught<F: Future<Output = ()>>(task: F) -> Result<(), String> {
    let mut task = std::pin::pin!(task);
    std::future::poll_fn(move |context| {
        // The task is dropped after a panic and never polled again, so nobody sees what it left half done.
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context)));
        match polled {
            Ok(poll) => poll.map(Ok),
            Err(panic) => std::task::Poll::Ready(Err(text_of(panic.as_ref()))),
        }
    })
    .await
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no text".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    /// Longer than any test may take.
    const AMPLE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn finishing_waits_for_every_task() {
        let tasks = TaskSet::new();
        let done = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&done);
        tasks.spawn("slow", async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            seen.store(true, Ordering::SeqCst);
        });
        assert!(tasks.finish(AMPLE).await.is_empty());
        assert!(done.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_task_that_does_not_end_is_aborted_and_named() {
        let tasks = TaskSet::new();
        tasks.spawn("quick", async {});
        tasks.spawn("stuck", std::future::pending());
        assert_eq!(tasks.finish(Duration::from_millis(20)).await, ["stuck"]);
    }

    #[tokio::test]
    async fn a_panic_is_counted_and_the_others_go_on() {
        let tasks = TaskSet::new();
        tasks.spawn("broken", async { panic!("by intent") });
        tasks.spawn("fine", async {});
        assert!(tasks.finish(AMPLE).await.is_empty());
        assert_eq!(tasks.panics(), 1);
    }

    #[tokio::test]
    async fn the_text_of_a_panic_is_kept() {
        assert_eq!(
            caught(async { panic!("by {}", "intent") }).await,
            Err("by intent".to_owned())
        );
        assert_eq!(caught(async {}).await, Ok(()));
    }
}
