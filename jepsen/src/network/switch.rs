//! The switch itself: TAP devices in, TAP devices out, rules in between.
//!
//! One thread per device reads frames and passes them on by their destination address; frames that are held back wait in a heap until
//! one more thread lets them go. All threads end with the process.

use super::rules::{Link, Rules};
use anyhow::{Context as _, Result};
use rand::Rng as _;
use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tun_rs::SyncDevice;

/// Larger than any frame of the devices' 1,500 bytes.
const FRAME_MAX: usize = 2_048;
/// Frames held back at a time; beyond that they are dropped, as in any queue.
const HELD_MAX: usize = 20_000;

/// The address of house number `at` on the wire.
pub fn hardware_address(at: usize) -> [u8; 6] {
    // Locally administered.
    [
        0x02,
        0x74,
        0x6a,
        0,
        0,
        u8::try_from(at).expect("invariant: a run has a handful of machines"),
    ]
}

/// A frame that waits.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    due: Instant,
    to: usize,
    frame: Vec<u8>,
}

struct Inner {
    devices: Vec<SyncDevice>,
    /// Houses from here on are not machines.
    machines: usize,
    rules: Mutex<Arc<Rules>>,
    touched: AtomicU64,
    held: Mutex<BinaryHeap<Reverse<Held>>>,
    wake: Condvar,
}

/// A running switch.
pub struct Switch(Arc<Inner>);

impl Switch {
    /// Starts to pass frames between these devices, of which the last is the driver's.
    ///
    /// # Errors
    /// Threads cannot be started.
    pub fn start(devices: Vec<SyncDevice>) -> Result<Self> {
        let machines = devices.len() - 1;
        let inner = Arc::new(Inner {
            devices,
            machines,
            rules: Mutex::default(),
            touched: AtomicU64::new(0),
            held: Mutex::default(),
            wake: Condvar::new(),
        });
        for from in 0..inner.devices.len() {
            let inner = Arc::clone(&inner);
            spawn(format!("switch-{from}"), move || inner.pass_on(from))?;
        }
        let holder = Arc::clone(&inner);
        spawn("switch-held".into(), move || holder.let_go())?;
        Ok(Switch(inner))
    }

    /// New rules. Frames held back under the old ones still arrive.
    pub fn set(&self, rules: Rules) {
        self.0.touched.store(0, Ordering::Relaxed);
        *self.0.rules.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    /// Frames dropped or held back under the present rules.
    pub fn touched(&self) -> u64 {
        self.0.touched.load(Ordering::Relaxed)
    }
}

fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> Result<()> {
    thread::Builder::new()
        .name(name)
        .spawn(work)
        .context("a thread for the switch")?;
    Ok(())
}

impl Inner {
    fn pass_on(&self, from: usize) {
        let mut buffer = vec![0; FRAME_MAX];
        // Fails when the device is gone, with the namespace it was in.
        while let Ok(length) = self.devices[from].recv(&mut buffer) {
            let frame = &buffer[..length];
            match frame.get(..6).and_then(|address| self.house(address)) {
                Some(to) => self.put_through(from, to, frame),
                // Broadcasts: nobody needs them, addresses are known to all beforehand.
                None => continue,
            }
        }
    }

    fn house(&self, address: &[u8]) -> Option<usize> {
        let at = usize::from(*address.last()?);
        (at < self.devices.len() && address == hardware_address(at)).then_some(at)
    }

    fn put_through(&self, from: usize, to: usize, frame: &[u8]) {
        let link = match from.max(to) < self.machines {
            true => self
                .rules
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .link(from, to),
            false => None,
        };
        let Some(link) = link else {
            return self.send(to, frame);
        };
        let mut random = rand::rng();
        if random.random_bool(link.loss) {
            self.touched.fetch_add(1, Ordering::Relaxed);
            return;
        }
        match waiting_time(link, &mut random) {
            Duration::ZERO => self.send(to, frame),
            time => self.hold(Held {
                due: Instant::now() + time,
                to,
                frame: frame.to_vec(),
            }),
        }
    }

    fn send(&self, to: usize, frame: &[u8]) {
        // A full or closed device drops the frame, as a wire would.
        let _ = self.devices[to].send(frame);
    }

    fn hold(&self, held: Held) {
        self.touched.fetch_add(1, Ordering::Relaxed);
        let mut heap = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if heap.len() < HELD_MAX {
            heap.push(Reverse(held));
            self.wake.notify_one();
        }
    }

    fn let_go(&self) {
        let mut heap = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let now = Instant::now();
            let next = heap
                .peek()
                .map(|Reverse(held)| held.due.saturating_duration_since(now));
            heap = match next {
                Some(Duration::ZERO) => {
                    let Some(Reverse(held)) = heap.pop() else { continue };
                    drop(heap);
                    self.send(held.to, &held.frame);
                    self.held.lock().unwrap_or_else(PoisonError::into_inner)
                }
                Some(time) => {
                    self.wake
                        .wait_timeout(heap, time)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self.wake.wait(heap).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

fn waiting_time(link: Link, random: &mut impl rand::Rng) -> Duration {
    link.delay + link.jitter.mul_f64(random.random::<f64>())
}
