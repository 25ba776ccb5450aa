//! How many processes run at once.
//!
//! A car park with a counter at the gate. Tests run beside each other, and three nodes with all their threads fill two cores; a
//! fourth cluster would only make every election late. The catch is a guest who is inside and wants one more place for a
//! friend: if he queued he could wait for guests who queue for him. So whoever is inside does not queue again.

use std::{
    cell::Cell,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// Two clusters of three.
const PLACES: isize = 6;

static FREE: Mutex<isize> = Mutex::new(PLACES);
static LEFT: Condvar = Condvar::new();

thread_local! {
    /// Places that the test on this thread holds.
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// Places held; given back on drop.
#[derive(Debug)]
pub struct Places(isize);

impl Places {
    /// Waits until `count` places are free, unless this test holds some already; more than there are is all of them.
    pub fn take(count: usize) -> Places {
        let count = isize::try_from(count).map_or(PLACES, |count| count.min(PLACES));
        let is_inside = HELD.get() > 0;
        let mut free = LEFT
            .wait_while(counter(), |free| !is_inside && *free < count)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= count;
        HELD.set(HELD.get() + count);
        Places(count)
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        *counter() += self.0;
        HELD.set(HELD.get() - self.0);
        LEFT.notify_all();
    }
}

/// A test that panics at the gate breaks no count: the number is changed in one step.
fn counter() -> MutexGuard<'static, isize> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::mpsc, thread};

    #[test]
    fn who_is_inside_does_not_queue_and_who_is_outside_does() {
        let all = Places::take(100);
        let more = Places::take(1);
        let (entered, entering) = mpsc::channel();
        let guest = thread::spawn(move || {
            let place = Places::take(1);
            entered.send(()).unwrap();
            drop(place);
        });
        assert!(entering.try_recv().is_err());
        drop(more);
        drop(all);
        entering.recv().unwrap();
        guest.join().unwrap();
    }
}
