//! Deadlines without a timer each.
//!
//! A car park attendant does not set an alarm for every car. Once in a while he walks along the rows and looks at the
//! slips behind the windscreens. A [`Slot`] is a parking space with a slip: one per client connection, for as long as
//! the connection lives. Extending a deadline is one store; only what is overdue is woken.
//!
//! The catch: he may come up to a round later than the slip says ([`ROUND`]), so timeouts are never early and at most that much late.
//! (A timer of tokio's per request measured 5 % of a proxied request.)

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::{Context, Waker},
    time::{Duration, Instant},
};

/// How often the attendant walks.
pub(crate) const ROUND: Duration = Duration::from_millis(100);

/// What a connection waits for; who waits decides what an overdue slip means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The next request.
    Idle,
    /// The rest of a head.
    Head,
    /// Whatever the run loop of the exchange waits for; it looks at the slip itself.
    Exchange,
    /// The client taking the response.
    Answer,
}

/// One connection's slip.
pub(crate) struct Slot {
    stage: Cell<Stage>,
    due: Cell<u64>,
    /// When the client must have taken something of what it is being sent, whatever else is waited for.
    stalled: Cell<u64>,
    waker: RefCell<Option<Waker>>,
    clock: Rc<RoundClock>,
}

/// The attendant's watch: milliseconds at the last round.
pub(crate) struct RoundClock {
    started: Instant,
    now: Cell<u64>,
}

/// One worker's car park.
pub(crate) struct Sweep {
    clock: Rc<RoundClock>,
    slots: RefCell<Vec<Rc<Slot>>>,
}

const NEVER: u64 = u64::MAX;

impl Slot {
    /// Waits for `stage`, for at most `timeout` from about now.
    pub fn wait(&self, stage: Stage, timeout: Duration) {
        self.stage.set(stage);
        self.extend(timeout);
    }

    /// Waits for `stage` without end; whoever it waits for keeps a deadline of its own.
    pub fn wait_on(&self, stage: Stage) {
        self.stage.set(stage);
        self.due.set(NEVER);
    }

    /// The same wait, for at most `timeout` from about now.
    pub fn extend(&self, timeout: Duration) {
        let millis = u64::try_from(timeout.as_millis()).unwrap_or(NEVER);
        self.due.set(self.in_about(millis));
    }

    /// A round more, because the watch may be that much behind.
    fn in_about(&self, millis: u64) -> u64 {
        let now = self.clock.now.get();
        now.saturating_add(millis).saturating_add(ROUND_MS)
    }

    /// The client takes nothing: it has at most `timeout` from about now, or what it was given before if that is less.
    pub fn stall(&self, timeout: Duration) {
        let millis = u64::try_from(timeout.as_millis()).unwrap_or(NEVER);
        self.stalled.set(self.stalled.get().min(self.in_about(millis)));
    }

    /// The client took something.
    pub fn flow(&self) {
        self.stalled.set(NEVER);
    }

    /// Whether the client took nothing for too long.
    pub fn is_stalled(&self) -> bool {
        self.stalled.get() <= self.clock.now.get()
    }

    /// The same wait, for at most `timeout` from about now or as long as it was to last, whichever is less.
    pub fn hasten(&self, timeout: Duration) {
        let before = self.due.get();
        self.extend(timeout);
        self.due.set(self.due.get().min(before));
    }

    /// What is waited for.
    pub fn stage(&self) -> Stage {
        self.stage.get()
    }

    /// Whether the wait is over without having been fulfilled.
    pub fn is_overdue(&self) -> bool {
        self.due.get() <= self.clock.now.get()
    }

    /// Milliseconds on the attendant's watch.
    pub fn now_ms(&self) -> u64 {
        self.clock.now.get()
    }

    /// Remembers whom to wake.
    pub fn remember(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

const ROUND_MS: u64 = ROUND.as_millis() as u64;

impl Sweep {
    /// An empty one.
    pub fn new() -> Self {
        let clock = RoundClock {
            started: Instant::now(),
            now: Cell::new(0),
        };
        Sweep {
            clock: Rc::new(clock),
            slots: RefCell::default(),
        }
    }

    /// A space for a new connection. It is given back by dropping it; the next round notices.
    pub fn enter(&self) -> Rc<Slot> {
        let slot = Rc::new(Slot {
            stage: Cell::new(Stage::Idle),
            due: Cell::new(NEVER),
            stalled: Cell::new(NEVER),
            waker: RefCell::default(),
            clock: Rc::clone(&self.clock),
        });
        self.slots.borrow_mut().push(Rc::clone(&slot));
        slot
    }

    /// Milliseconds on the watch.
    pub fn now_ms(&self) -> u64 {
        self.clock.now.get()
    }

    /// One walk along the rows.
    pub fn round(&self) {
        let now = u64::try_from(self.clock.started.elapsed().as_millis()).unwrap_or(NEVER);
        self.clock.now.set(now);
        self.slots.borrow_mut().retain(|slot| Rc::strong_count(slot) > 1);
        self.wake_where(|slot| slot.is_overdue() || slot.is_stalled());
    }

    /// Wakes every connection, to be told something.
    pub fn wake_all(&self) {
        self.wake_where(|_| true);
    }

    fn wake_where(&self, pick: fn(&Slot) -> bool) {
        for slot in self.slots.borrow().iter().filter(|slot| pick(slot)) {
            slot.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_overdue_only_after_its_timeout() {
        let sweep = Sweep::new();
        let slot = sweep.enter();
        assert!(!slot.is_overdue());
        slot.wait(Stage::Head, Duration::from_millis(300));
        for (now, overdue) in [(0, false), (300, false), (399, false), (400, true)] {
            sweep.clock.now.set(now);
            assert_eq!(slot.is_overdue(), overdue, "{now}");
        }
        slot.wait_on(Stage::Exchange);
        assert!(!slot.is_overdue());
    }

    #[test]
    fn a_client_that_takes_nothing_stalls_whatever_else_is_waited_for() {
        let sweep = Sweep::new();
        let slot = sweep.enter();
        slot.wait_on(Stage::Exchange);
        slot.stall(Duration::from_millis(400));
        sweep.clock.now.set(400);
        slot.stall(Duration::from_millis(400));
        assert!(!slot.is_stalled());
        sweep.clock.now.set(500);
        assert!(
            slot.is_stalled() && !slot.is_overdue(),
            "a second look gives no more time"
        );
        slot.flow();
        assert!(!slot.is_stalled());
    }

    #[test]
    fn a_wait_can_be_made_shorter_and_not_longer() {
        let sweep = Sweep::new();
        let slot = sweep.enter();
        slot.wait(Stage::Answer, Duration::from_millis(900));
        for (hastened, now, overdue) in [(90_000, 999, false), (90_000, 1_000, true)] {
            sweep.clock.now.set(0);
            slot.hasten(Duration::from_millis(hastened));
            sweep.clock.now.set(now);
            assert_eq!(slot.is_overdue(), overdue, "{hastened} {now}");
        }
        sweep.clock.now.set(0);
        slot.hasten(Duration::from_millis(400));
        sweep.clock.now.set(500);
        assert!(slot.is_overdue());
    }

    #[test]
    fn a_slot_that_was_left_is_free_again() {
        let sweep = Sweep::new();
        let slot = sweep.enter();
        let other = sweep.enter();
        drop(slot);
        sweep.round();
        assert_eq!(sweep.slots.borrow().len(), 1);
        drop(other);
    }
}
