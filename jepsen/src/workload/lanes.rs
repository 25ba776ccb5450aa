//! Objects that are used up one after the other.
//!
//! A lane at the fair: all its players throw at one target until it is worn, then the next one is set up. Worn means many throws, or a
//! few of which nobody saw where they landed, for those are what makes judging hard.

use crate::history::{
    Call, Counts, End, History,
    recorder::{Clock, Process, Recorder},
};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// Operations of unknown fate after which an object is given up.
const INFOS_MAX: u64 = 5;

/// One object with its record.
#[derive(Debug)]
pub struct Target<C: Call, X> {
    /// Its name.
    pub name: String,
    /// What the workload knows about it.
    pub extra: X,
    recorder: Recorder<C>,
    left: AtomicU64,
    infos: AtomicU64,
}

impl<C: Call, X> Target<C, X> {
    /// A fresh object, good for so many operations.
    pub fn new(clock: Clock, name: String, operations: u64, extra: X) -> Self {
        Target {
            name,
            extra,
            recorder: Recorder::new(clock),
            left: AtomicU64::new(operations),
            infos: AtomicU64::new(0),
        }
    }

    /// Whether it is worn.
    pub fn is_worn(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0 || self.infos.load(Ordering::Relaxed) >= INFOS_MAX
    }

    /// Records one operation around its doing.
    pub async fn record(
        &self,
        process: &mut Process,
        node: usize,
        call: C,
        doing: impl Future<Output = End<C::Answer>>,
    ) -> End<C::Answer> {
        // Saturating: several players may throw at the last moment.
        let _ = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                Some(left.saturating_sub(1))
            });
        let ticket = self.recorder.invoke(*process, node, call);
        let end = doing.await;
        if matches!(end, End::Info(_)) {
            self.infos.fetch_add(1, Ordering::Relaxed);
        }
        process.after(&end);
        self.recorder.end(ticket, end.clone());
        end
    }

    /// Its record.
    pub fn history(&self) -> History<C> {
        self.recorder.history()
    }
}

/// A lane's present target, if it is set up.
type Present<C, X> = tokio::sync::Mutex<Option<Arc<Target<C, X>>>>;

/// All targets of a workload: the present one of each lane, and the worn ones.
#[derive(Debug)]
pub struct Lanes<C: Call, X> {
    present: Vec<Present<C, X>>,
    all: Mutex<Vec<Arc<Target<C, X>>>>,
}

impl<C: Call, X> Lanes<C, X> {
    /// So many lanes, none set up.
    pub fn new(lanes: usize) -> Self {
        Lanes {
            present: (0..lanes).map(|_| tokio::sync::Mutex::new(None)).collect(),
            all: Mutex::default(),
        }
    }

    /// The present target of a lane; a worn one is replaced by what `set_up` makes, which may fail and is then tried again by
    /// whoever comes next.
    pub async fn target(
        &self,
        lane: usize,
        set_up: impl Future<Output = Option<Target<C, X>>>,
    ) -> Option<Arc<Target<C, X>>> {
        let mut present = self.present[lane].lock().await;
        if let Some(target) = present.as_ref().filter(|target| !target.is_worn()) {
            return Some(Arc::clone(target));
        }
        *present = None;
        let target = Arc::new(set_up.await?);
        *present = Some(Arc::clone(&target));
        self.all
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&target));
        Some(target)
    }

    /// The target that was set up last.
    pub fn newest(&self) -> Option<Arc<Target<C, X>>> {
        self.all
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .last()
            .cloned()
    }

    /// Every target there was.
    pub fn all(&self) -> Vec<Arc<Target<C, X>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every target's record, and how all operations ended.
    pub fn histories(&self) -> (Vec<(String, History<C>)>, Counts) {
        let histories: Vec<_> = self
            .all()
            .iter()
            .map(|target| (target.name.clone(), target.history()))
            .collect();
        let mut counts = Counts::default();
        histories
            .iter()
            .for_each(|(_, history)| counts.add(history.counts()));
        (histories, counts)
    }
}
