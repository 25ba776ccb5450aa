//! What an object would do if it stood on one machine and served one client at a time.
//!
//! The rules of the game, without the players: given a state and a call, which answers are lawful and what is the state after.
//! A checker then asks whether some order of all calls, true to the clock, obeys the rules.
//!
//! An operation whose answer is unknown is stepped without one: it does what it would do in that state. (That it may never happen at
//! all is the checker's business.)

pub mod family;
pub mod register;
pub mod slot;

use crate::history::Call;
use std::{fmt::Debug, hash::Hash};

/// A sequential object.
pub trait Model {
    /// What can be asked of it.
    type Call: Call;
    /// What it remembers.
    type State: Clone + Debug + Eq + Hash;

    /// The state after `call` in `state`, if `answer` is lawful there.
    fn step(
        state: &Self::State,
        call: &Self::Call,
        answer: Option<&<Self::Call as Call>::Answer>,
    ) -> Option<Self::State>;
}
