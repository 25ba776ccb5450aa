//! Writing the record while many clients talk at once.
//!
//! A client takes a ticket when it asks and hands it in with the answer. Tickets that nobody hands in (the run ended, the client's
//! task was dropped) become infos: the safe reading of silence.

use super::{Call, End, History, Nanos, Operation};
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The run's own clock: starts at zero, never goes back.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that shows zero now.
    pub fn start() -> Self {
        Clock {
            start: Instant::now(),
        }
    }

    /// What it shows.
    pub fn now(&self) -> Nanos {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(Nanos::MAX)
    }

    /// What it shows, as a span since the start.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Names of one client: a new one after each info, never one that another client of the run has.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    id: u64,
    clients: u64,
}

impl Process {
    /// The first name of client number `client` of so many.
    pub fn first(client: u64, clients: u64) -> Self {
        Process { id: client, clients }
    }

    /// Its name now.
    pub fn id(self) -> u64 {
        self.id
    }

    /// Takes a new name if that ending left the old one with something open.
    pub fn after<A>(&mut self, end: &End<A>) {
        if matches!(end, End::Info(_)) {
            self.id += self.clients;
        }
    }
}

/// A promise to say how an operation ended.
#[derive(Debug)]
#[must_use = "an operation without an end is recorded as unknown"]
pub struct Ticket(usize);

/// The record of one object while it is being written.
#[derive(Debug)]
pub struct Recorder<C: Call> {
    clock: Clock,
    operations: Mutex<Vec<Operation<C>>>,
}

impl<C: Call> Recorder<C> {
    /// An empty record.
    pub fn new(clock: Clock) -> Self {
        Recorder {
            clock,
            operations: Mutex::default(),
        }
    }

    /// Someone asks something.
    pub fn invoke(&self, process: Process, node: usize, call: C) -> Ticket {
        let mut operations = self.lock();
        // Read under the lock: the record is then sorted by itself.
        let now = self.clock.now();
        operations.push(Operation {
            process: process.id(),
            node,
            call,
            invoked: now,
            ended: Nanos::MAX,
            end: End::Info("nobody waited for the answer".into()),
        });
        Ticket(operations.len() - 1)
    }

    /// And this is what came of it.
    pub fn end(&self, ticket: Ticket, end: End<C::Answer>) {
        let now = self.clock.now();
        let operation = &mut self.lock()[ticket.0];
        operation.end = end;
        operation.ended = now;
    }

    /// The history up to now.
    pub fn history(&self) -> History<C> {
        History::new(self.lock().clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Operation<C>>> {
        // A client that panicked left whole operations behind: each change is one assignment.
        self.operations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::register::{Answer, Register};

    #[test]
    fn a_ticket_that_nobody_hands_in_is_an_info() {
        let recorder = Recorder::new(Clock::start());
        let process = Process::first(0, 1);
        let ticket = recorder.invoke(process, 1, Register::Write(1));
        recorder.end(ticket, End::Ok(Answer::Done));
        let _open = recorder.invoke(process, 1, Register::Write(2));
        let history = recorder.history();
        assert_eq!((history.counts().ok, history.counts().info), (1, 1));
        assert_eq!(history.is_well_formed(), Ok(()));
    }

    #[test]
    fn a_process_that_goes_on_after_an_info_is_noticed() {
        let recorder = Recorder::new(Clock::start());
        let mut process = Process::first(3, 5);
        let ticket = recorder.invoke(process, 1, Register::Write(1));
        let end = End::Info("silence".into());
        process.after(&end);
        recorder.end(ticket, end);
        let ticket = recorder.invoke(process, 1, Register::Write(2));
        recorder.end(ticket, End::Ok(Answer::Done));
        assert_eq!(process.id(), 8);
        assert_eq!(recorder.history().is_well_formed(), Ok(()));
        let ticket = recorder.invoke(Process::first(3, 5), 1, Register::Read);
        recorder.end(ticket, End::Fail("refused".into()));
        assert!(
            recorder
                .history()
                .is_well_formed()
                .unwrap_err()
                .contains("process 3 goes on")
        );
    }
}
