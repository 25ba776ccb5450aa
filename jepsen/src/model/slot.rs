//! A unique name: at any time it belongs to nobody or to exactly one record.

use super::Model;
use crate::history::Call;

/// What can be asked about one name. Records are numbered by whoever makes them and no number comes twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Make record `0` under this name.
    Take(u64),
    /// Delete that record.
    Free(u64),
    /// Whose is the name?
    Look,
}

/// What comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done, or there was nothing to do.
    Done,
    /// The name belongs to another.
    Taken,
    /// It belongs to this record, or to nobody.
    Owner(Option<u64>),
}

impl Call for Slot {
    type Answer = Answer;

    fn name(&self) -> &'static str {
        match self {
            Slot::Take(_) => "take",
            Slot::Free(_) => "free",
            Slot::Look => "look",
        }
    }

    fn argument(&self) -> String {
        match self {
            Slot::Take(id) | Slot::Free(id) => id.to_string(),
            Slot::Look => "nil".into(),
        }
    }

    fn answered(&self, answer: &Answer) -> String {
        match answer {
            Answer::Owner(Some(id)) => id.to_string(),
            Answer::Owner(None) => "nil".into(),
            Answer::Done | Answer::Taken => self.argument(),
        }
    }

    fn is_refusal(&self, answer: &Answer) -> bool {
        *answer == Answer::Taken
    }
}

impl Model for Slot {
    type Call = Slot;
    type State = Option<u64>;

    fn step(state: &Option<u64>, call: &Slot, answer: Option<&Answer>) -> Option<Option<u64>> {
        let freed = |id| if *state == Some(id) { None } else { *state };
        match (*call, answer) {
            (Slot::Take(id), Some(Answer::Done)) => state.is_none().then_some(Some(id)),
            (Slot::Take(_), Some(Answer::Taken)) => state.is_some().then_some(*state),
            (Slot::Take(id), None) => Some(state.or(Some(id))),
            // Kong: deleting what is not there succeeds.
            (Slot::Free(id), Some(Answer::Done) | None) => Some(freed(id)),
            (Slot::Look, Some(Answer::Owner(owner))) => (owner == state).then_some(*state),
            (Slot::Look, None) => Some(*state),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_owner_at_a_time() {
        let step = |state, call, answer: Option<Answer>| Slot::step(&state, &call, answer.as_ref());
        assert_eq!(step(None, Slot::Take(1), Some(Answer::Done)), Some(Some(1)));
        assert_eq!(step(Some(2), Slot::Take(1), Some(Answer::Done)), None);
        assert_eq!(step(Some(2), Slot::Take(1), Some(Answer::Taken)), Some(Some(2)));
        assert_eq!(step(None, Slot::Take(1), Some(Answer::Taken)), None);
        assert_eq!(step(Some(2), Slot::Take(1), None), Some(Some(2)));
        assert_eq!(step(Some(1), Slot::Free(1), Some(Answer::Done)), Some(None));
        assert_eq!(step(Some(2), Slot::Free(1), Some(Answer::Done)), Some(Some(2)));
        assert_eq!(step(None, Slot::Look, Some(Answer::Owner(Some(1)))), None);
    }
}
