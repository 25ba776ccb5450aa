//! A register that holds one number: read, write, compare and swap.
//!
//! Written values are never repeated, so that a value read names the write it came from.

use super::Model;
use crate::history::Call;

/// What can be asked of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    /// What is in it?
    Read,
    /// Put this in.
    Write(u64),
    /// Put `to` in if `from` is in it.
    Cas {
        /// What must be there.
        from: u64,
        /// What shall be there.
        to: u64,
    },
}

/// What a register answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This is in it.
    Value(u64),
    /// It was written.
    Done,
    /// Something else was in it; nothing was written.
    Differs,
}

impl Call for Register {
    type Answer = Answer;

    fn name(&self) -> &'static str {
        match self {
            Register::Read => "read",
            Register::Write(_) => "write",
            Register::Cas { .. } => "cas",
        }
    }

    fn argument(&self) -> String {
        match self {
            Register::Read => "nil".into(),
            Register::Write(value) => value.to_string(),
            Register::Cas { from, to } => format!("[{from} {to}]"),
        }
    }

    fn answered(&self, answer: &Answer) -> String {
        match answer {
            Answer::Value(value) => value.to_string(),
            Answer::Done | Answer::Differs => self.argument(),
        }
    }

    fn is_refusal(&self, answer: &Answer) -> bool {
        *answer == Answer::Differs
    }
}

impl Model for Register {
    type Call = Register;
    type State = u64;

    fn step(state: &u64, call: &Register, answer: Option<&Answer>) -> Option<u64> {
        match (*call, answer) {
            (Register::Read, Some(Answer::Value(value))) => (value == state).then_some(*state),
            (Register::Read, None) => Some(*state),
            (Register::Write(value), Some(Answer::Done) | None) => Some(value),
            (Register::Cas { from, to }, Some(Answer::Done)) => (from == *state).then_some(to),
            (Register::Cas { from, .. }, Some(Answer::Differs)) => (from != *state).then_some(*state),
            (Register::Cas { from, to }, None) => Some(if from == *state { to } else { *state }),
            // An answer to another question.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_what_was_put_in() {
        let step = |state, call, answer: Option<Answer>| Register::step(&state, &call, answer.as_ref());
        assert_eq!(step(1, Register::Read, Some(Answer::Value(1))), Some(1));
        assert_eq!(step(1, Register::Read, Some(Answer::Value(2))), None);
        assert_eq!(step(1, Register::Write(5), Some(Answer::Done)), Some(5));
        let cas = Register::Cas { from: 1, to: 9 };
        assert_eq!(step(1, cas, Some(Answer::Done)), Some(9));
        assert_eq!(step(2, cas, Some(Answer::Done)), None);
        assert_eq!(step(2, cas, Some(Answer::Differs)), Some(2));
        assert_eq!(step(1, cas, Some(Answer::Differs)), None);
        assert_eq!((step(1, cas, None), step(2, cas, None)), (Some(9), Some(2)));
        assert_eq!(step(1, Register::Read, Some(Answer::Done)), None);
    }
}
