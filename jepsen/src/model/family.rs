//! A parent and its children: a service and the routes that point to it.
//!
//! No child is ever without its parent: a child is born only while the parent is there, and the parent goes only when it has no
//! child. Children are numbered 0 to 63, and a number is given to one child only, so that a set of them is one word.

use super::Model;
use crate::history::Call;

/// Most children one family can have in its life.
pub const CHILDREN_MAX: u32 = 64;

/// What can be asked of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Make the parent.
    Found,
    /// Delete the parent.
    End,
    /// Make child number `0`.
    Bear(u32),
    /// Delete that child.
    Lose(u32),
    /// Who is there?
    Look,
}

/// What comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done, or there was nothing to do.
    Done,
    /// The state does not allow it.
    Refused,
    /// The children, one bit each; none if there is no parent.
    Children(Option<u64>),
}

/// Who lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// Whether the parent does.
    pub parent: bool,
    /// Which children do, one bit each.
    pub children: u64,
}

impl Call for Family {
    type Answer = Answer;

    fn name(&self) -> &'static str {
        match self {
            Family::Found => "found",
            Family::End => "end",
            Family::Bear(_) => "bear",
            Family::Lose(_) => "lose",
            Family::Look => "look",
        }
    }

    fn argument(&self) -> String {
        match self {
            Family::Bear(child) | Family::Lose(child) => child.to_string(),
            Family::Found | Family::End | Family::Look => "nil".into(),
        }
    }

    fn answered(&self, answer: &Answer) -> String {
        match answer {
            Answer::Children(Some(children)) => {
                let numbers = (0..CHILDREN_MAX).filter(|child| children & (1 << child) != 0);
                format!(
                    "[{}]",
                    numbers.map(|n| n.to_string()).collect::<Vec<_>>().join(" ")
                )
            }
            Answer::Children(None) => "nil".into(),
            Answer::Done | Answer::Refused => self.argument(),
        }
    }

    fn is_refusal(&self, answer: &Answer) -> bool {
        *answer == Answer::Refused
    }
}

impl Model for Family {
    type Call = Family;
    type State = State;

    fn step(state: &State, call: &Family, answer: Option<&Answer>) -> Option<State> {
        if let (Family::Look, answer) = (call, answer) {
            return look(state, answer);
        }
        let (allowed, after) = change(state, *call);
        match answer {
            Some(Answer::Done) => allowed.then_some(after),
            Some(Answer::Refused) => (!allowed).then_some(*state),
            Some(Answer::Children(_)) => None,
            None => Some(if allowed { after } else { *state }),
        }
    }
}

fn look(state: &State, answer: Option<&Answer>) -> Option<State> {
    let seen = state.parent.then_some(state.children);
    match answer {
        Some(Answer::Children(children)) => (*children == seen).then_some(*state),
        None => Some(*state),
        Some(_) => None,
    }
}

/// Whether a change is allowed, and what it makes.
fn change(state: &State, call: Family) -> (bool, State) {
    let State { parent, children } = *state;
    match call {
        Family::Found => (
            !parent,
            State {
                parent: true,
                children,
            },
        ),
        // Kong: deleting what is not there succeeds.
        Family::End => (
            children == 0,
            State {
                parent: false,
                children,
            },
        ),
        Family::Bear(child) => (
            parent,
            State {
                parent,
                children: children | 1 << child,
            },
        ),
        Family::Lose(child) => (
            true,
            State {
                parent,
                children: children & !(1 << child),
            },
        ),
        Family::Look => (true, *state),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALONE: State = State {
        parent: true,
        children: 0,
    };
    const WITH_CHILD: State = State {
        parent: true,
        children: 0b10,
    };

    #[test]
    fn no_child_is_ever_without_its_parent() {
        let step = |state: State, call, answer: Option<Answer>| Family::step(&state, &call, answer.as_ref());
        let nobody = State::default();
        assert_eq!(step(nobody, Family::Bear(1), Some(Answer::Done)), None);
        assert_eq!(step(nobody, Family::Bear(1), Some(Answer::Refused)), Some(nobody));
        assert_eq!(step(ALONE, Family::Bear(1), Some(Answer::Done)), Some(WITH_CHILD));
        assert_eq!(step(WITH_CHILD, Family::End, Some(Answer::Done)), None);
        assert_eq!(
            step(WITH_CHILD, Family::End, Some(Answer::Refused)),
            Some(WITH_CHILD)
        );
        assert_eq!(step(WITH_CHILD, Family::End, None), Some(WITH_CHILD));
        assert_eq!(step(ALONE, Family::End, None), Some(nobody));
        assert_eq!(
            step(WITH_CHILD, Family::Look, Some(Answer::Children(Some(2)))),
            Some(WITH_CHILD)
        );
        assert_eq!(step(nobody, Family::Look, Some(Answer::Children(Some(0)))), None);
    }
}
