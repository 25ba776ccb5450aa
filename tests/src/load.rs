//! Requests that keep coming, whatever happens.
//!
//! People arriving at a counter by the clock, not each when the last one has been served: a closed loop would politely stop asking
//! while a node hangs, and the very requests that would have failed are never sent. Each request has its moment;
//! a few workers take the next moment that is due, so that one that hangs does not hold up the others.

use crate::wire::{Connection, Request};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Workers per target: this many requests may hang before moments are missed.
const WORKERS: usize = 4;
/// Failures told in full; the rest are counted.
const TOLD_MAX: usize = 5;

/// What one target did.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Requests sent.
    pub sent: usize,
    /// Requests without a 200.
    pub failed: usize,
    /// What the first failures were.
    pub told: Vec<String>,
    /// The longest time from the moment a request was due to its answer.
    pub slowest: Duration,
}

/// A load under way.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    targets: Vec<(SocketAddr, Arc<Mutex<Tally>>)>,
    workers: Vec<JoinHandle<()>>,
}

struct Schedule {
    start: Instant,
    every: Duration,
    next: AtomicU32,
}

impl Load {
    /// Asks each target for `path` once per `every`, over connections that are kept, until it is told to finish.
    pub fn start(targets: &[SocketAddr], path: &str, every: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut load = Load {
            stop: Arc::clone(&stop),
            targets: Vec::new(),
            workers: Vec::new(),
        };
        for address in targets.iter().copied() {
            let tally = Arc::new(Mutex::new(Tally::default()));
            let schedule = Arc::new(Schedule {
                start: Instant::now(),
                every,
                next: AtomicU32::new(0),
            });
            for _ in 0..WORKERS {
                let (stop, tally, schedule) = (Arc::clone(&stop), Arc::clone(&tally), Arc::clone(&schedule));
                let request = Request::get(path);
                load.workers.push(thread::spawn(move || {
                    work(address, &request, &schedule, &tally, &stop)
                }));
            }
            load.targets.push((address, tally));
        }
        load
    }

    /// Requests this target was sent so far.
    pub fn sent(&self, address: SocketAddr) -> usize {
        let found = self.targets.iter().find(|(known, _)| *known == address);
        found.map_or(0, |(_, tally)| lock(tally).sent)
    }

    /// Ends it, and says how each target did.
    ///
    /// # Panics
    /// When a worker did.
    pub fn finish(mut self) -> Vec<(SocketAddr, Tally)> {
        self.stop.store(true, Ordering::Relaxed);
        for worker in self.workers.drain(..) {
            worker.join().expect("a worker ends");
        }
        self.targets
            .iter()
            .map(|(address, tally)| (*address, lock(tally).clone()))
            .collect()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn lock(tally: &Mutex<Tally>) -> std::sync::MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

fn work(
    address: SocketAddr,
    request: &Request,
    schedule: &Schedule,
    tally: &Mutex<Tally>,
    stop: &AtomicBool,
) {
    let mut connection = None;
    while !stop.load(Ordering::Relaxed) {
        let due = schedule.start + schedule.every * schedule.next.fetch_add(1, Ordering::Relaxed);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let outcome = ask(&mut connection, address, request);
        let mut tally = lock(tally);
        tally.sent += 1;
        tally.slowest = tally.slowest.max(due.elapsed());
        if let Err(reason) = outcome {
            tally.failed += 1;
            if tally.told.len() < TOLD_MAX {
                tally.told.push(reason);
            }
        }
    }
}

fn ask(kept: &mut Option<Connection>, address: SocketAddr, request: &Request) -> Result<(), String> {
    let mut exchange = || -> io::Result<_> {
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => Connection::open(address)?,
        };
        let answer = connection.exchange(request)?;
        let ends = answer
            .header("Connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        *kept = (!ends).then_some(connection);
        Ok(answer)
    };
    match exchange() {
        Ok(answer) if answer.status == 200 => Ok(()),
        Ok(answer) => Err(format!("{} {}", answer.status, answer.text())),
        Err(error) => Err(error.to_string()),
    }
}
