//! Waiting for something to be so, and not a moment longer.

use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Nothing here takes this long on an idle machine; a busy one may be a hundred times slower.
pub const DEADLINE: Duration = Duration::from_secs(40);
/// How often somebody who waits looks.
pub const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// Looks until there is something to be found.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "not within {DEADLINE:?}: {what}");
        sleep(LOOK_INTERVAL).await;
    }
}
