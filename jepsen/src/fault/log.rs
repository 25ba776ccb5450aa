//! The diary of accidents, and whether it keeps what was promised.

use super::Kind;
use crate::history::Nanos;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// One accident as it happened.
#[derive(Clone, Debug)]
pub struct Accident {
    /// What.
    pub kind: Kind,
    /// Numbers of the nodes it hit.
    pub nodes: Vec<usize>,
    /// When it began.
    pub began: Nanos,
    /// When it was mended.
    pub ended: Nanos,
    /// When all nodes were well again.
    pub whole: Nanos,
    /// The leader's number and term when it began.
    pub leader: Option<(usize, u64)>,
    /// How we know that it happened; or why it did not.
    pub proof: Result<String, String>,
}

impl Accident {
    /// Whether it happened.
    pub fn happened(&self) -> bool {
        self.proof.is_ok()
    }
}

/// The diary while it is written. It is shared, so that a run that is interrupted keeps what it has seen.
#[derive(Clone, Debug, Default)]
pub struct Diary(Arc<Mutex<Vec<Accident>>>);

impl Diary {
    /// One more.
    pub fn note(&self, accident: Accident) {
        self.lock().push(accident);
    }

    /// The last so many ended with all nodes being well again at this time.
    pub fn whole(&self, count: usize, at: Nanos) {
        self.lock()
            .iter_mut()
            .rev()
            .take(count)
            .for_each(|accident| accident.whole = at);
    }

    /// Everything noted.
    pub fn all(&self) -> Vec<Accident> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Accident>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often each kind happened.
pub fn tally(accidents: &[Accident]) -> BTreeMap<Kind, u64> {
    let mut tally = BTreeMap::new();
    for accident in accidents.iter().filter(|accident| accident.happened()) {
        *tally.entry(accident.kind).or_default() += 1;
    }
    tally
}

/// What was promised and has not happened.
pub fn missing(promised: &[Kind], accidents: &[Accident]) -> Vec<Kind> {
    let tally = tally(accidents);
    promised
        .iter()
        .copied()
        .filter(|kind| !tally.contains_key(kind))
        .collect()
}

/// What was promised and never happened, with the last excuse.
pub fn broken_promises(promised: &[Kind], accidents: &[Accident]) -> Vec<String> {
    let excuse = |kind: Kind| {
        let tried = accidents.iter().rev().filter(|accident| accident.kind == kind);
        let last = tried.filter_map(|accident| accident.proof.as_ref().err()).next();
        last.map_or(
            "its turn never came: give the run more minutes or fewer faults",
            String::as_str,
        )
    };
    let broken = missing(promised, accidents).into_iter();
    broken
        .map(|kind| format!("the fault {} did not happen: {}", kind.name(), excuse(kind)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accident(kind: Kind, proof: Result<&str, &str>) -> Accident {
        Accident {
            kind,
            nodes: vec![1],
            began: 0,
            ended: 1,
            whole: 2,
            leader: None,
            proof: proof.map(str::to_owned).map_err(str::to_owned),
        }
    }

    #[test]
    fn a_fault_that_was_promised_must_have_happened() {
        let accidents = [
            accident(Kind::KillOne, Ok("pid 7 was there and is gone")),
            accident(Kind::Halves, Err("no frame was dropped")),
            accident(Kind::KillOne, Err("nobody was awake")),
        ];
        assert_eq!(
            broken_promises(&[Kind::KillOne], &accidents),
            Vec::<String>::new()
        );
        let broken = broken_promises(&[Kind::KillOne, Kind::Halves, Kind::Ring], &accidents);
        assert_eq!(broken.len(), 2);
        assert!(
            broken[0].contains("halves did not happen: no frame was dropped"),
            "{broken:?}"
        );
        assert!(
            broken[1].contains("ring did not happen: its turn never came"),
            "{broken:?}"
        );
        assert_eq!(tally(&accidents), BTreeMap::from([(Kind::KillOne, 1)]));
    }
}
