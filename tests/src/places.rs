//! How many processes run at once.
//!
//! A car park with a counter at the gate. Tests run beside each other, and three nodes with all their threads fill two cores; a
//! fourth cluster would only make every election late. A test takes all its places at once, so that two half-served
//! tests cannot wait for each other.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Two clusters of three.
const PLACES: usize = 6;

static FREE: Mutex<usize> = Mutex::new(PLACES);
static LEFT: Condvar = Condvar::new();

/// Places held; given back on drop.
#[derive(Debug)]
pub struct Places(usize);

impl Places {
    /// Waits until `count` places are free; more than there are is all of them.
    pub fn take(count: usize) -> Places {
        let count = count.min(PLACES);
        let mut free = LEFT
            .wait_while(counter(), |free| *free < count)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= count;
        Places(count)
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        *counter() += self.0;
        LEFT.notify_all();
    }
}

/// A test that panics at the gate breaks no count: the number is changed in one step.
fn counter() -> MutexGuard<'static, usize> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}
