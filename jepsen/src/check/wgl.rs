//! Is there one order of all operations that obeys the model and the clock?
//!
//! A seating puzzle: guests (operations) were in the room from their call to their answer, and each took the one chair at some moment
//! in between. Wing and Gong try the guests who could be next, one after the other; Lowe remembers which sets of guests with
//! which state led nowhere, and lifts seated guests out of a linked list so that the first one left is always at hand.
//!
//! The catch: the puzzle is hard, and guests who never left (infos) make it much harder. So there is a budget, and when it is used
//! up the verdict is *undecided*, never *clean*. Workloads keep histories short and few-handed so that it is rarely used up.
//!
//! Papers: Wing & Gong 1993; Lowe, "Testing for linearizability", 2017.

use super::Findings;
use crate::{
    history::{Call, History, Operation},
    model::Model,
};
use std::collections::HashSet;

const NAME: &str = "linearizability";

/// Steps before giving up on one object: some seconds of search, and a few hundred MB of memory at most.
pub const BUDGET: u64 = 5_000_000;

/// What the search came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is such an order.
    Linearizable,
    /// There is none. The operation (by position in the history) that could not be seated in the longest partial order found, and
    /// how the state looked there.
    Not {
        /// Its position in the history.
        stuck: usize,
        /// The state it met.
        state: String,
    },
    /// The budget was used up.
    Undecided,
}

/// Judges one object that was in `initial` when the history began.
pub fn judge<M: Model>(initial: M::State, history: &History<M::Call>, budget: u64) -> Verdict {
    Search::<M>::new(initial, history).run(budget)
}

/// Judges and puts the verdict in words.
pub fn check<M: Model>(
    subject: &str,
    initial: M::State,
    history: &History<M::Call>,
    budget: u64,
) -> Findings {
    let mut findings = Findings {
        checked: history.operations().len() as u64,
        ..Findings::default()
    };
    match judge::<M>(initial, history, budget) {
        Verdict::Linearizable => {}
        Verdict::Not { stuck, state } => {
            let operation = &history.operations()[stuck];
            let text = format!(
                "{} has no place in any lawful order; at best it meets state {state}",
                words(operation)
            );
            findings.violated(NAME, subject, operation.ended, text);
        }
        Verdict::Undecided => {
            findings.undecided(
                NAME,
                subject,
                format!("{} operations, {budget} steps", history.operations().len()),
            );
        }
    }
    findings
}

fn words<C: Call>(operation: &Operation<C>) -> String {
    let value = match operation.answer() {
        Some(answer) if operation.call.is_refusal(answer) => {
            format!("{} (refused)", operation.call.argument())
        }
        Some(answer) => operation.call.answered(answer),
        None => operation.call.argument(),
    };
    format!(
        "{} {value} by process {} at node {} ({:.3} s to {:.3} s)",
        operation.call.name(),
        operation.process,
        operation.node,
        operation.invoked as f64 / 1e9,
        operation.ended as f64 / 1e9
    )
}

/// The head of the list of entries; no real entry.
const HEAD: usize = 0;

/// A call or a return in the linked list.
struct Entry {
    operation: usize,
    /// For a call: where its return is. Infos have none, for they never return.
    pair: Option<usize>,
    is_call: bool,
    before: usize,
    /// `HEAD` at the end of the list.
    after: usize,
}

struct Search<'h, M: Model> {
    operations: &'h [Operation<M::Call>],
    entries: Vec<Entry>,
    state: M::State,
    /// Who is seated, as the xor of their numbers of chance.
    seated: u128,
    /// Seated calls with the state before each.
    path: Vec<(usize, M::State)>,
    tried: HashSet<(u128, M::State)>,
    deepest: Option<(usize, usize, M::State)>,
}

impl<'h, M: Model> Search<'h, M> {
    fn new(initial: M::State, history: &'h History<M::Call>) -> Self {
        let operations = history.operations();
        Search {
            operations,
            entries: entries(operations),
            state: initial,
            seated: 0,
            path: Vec::new(),
            tried: HashSet::new(),
            deepest: None,
        }
    }

    fn run(mut self, budget: u64) -> Verdict {
        let mut at = self.entries[HEAD].after;
        for _ in 0..budget {
            if at == HEAD {
                // No return is left in the list: all who were answered are seated.
                return Verdict::Linearizable;
            }
            at = if self.entries[at].is_call {
                self.try_seat(at)
            } else {
                match self.unseat(at) {
                    Some(next) => next,
                    None => return self.explain(),
                }
            };
        }
        Verdict::Undecided
    }

    /// Seats the guest if that is lawful and was not tried before, and says where to look next.
    fn try_seat(&mut self, at: usize) -> usize {
        let number = self.entries[at].operation;
        let operation = &self.operations[number];
        let next = self.entries[at].after;
        let Some(state) = M::step(&self.state, &operation.call, operation.answer()) else {
            return next;
        };
        let seated = self.seated ^ number_of_chance(number);
        if !self.tried.insert((seated, state.clone())) {
            return next;
        }
        self.seated = seated;
        self.path.push((at, std::mem::replace(&mut self.state, state)));
        self.lift(at);
        self.entries[HEAD].after
    }

    /// Somebody left without ever having sat: the last one seated gets up. None if nobody is.
    fn unseat(&mut self, blocked: usize) -> Option<usize> {
        let depth = self.path.len();
        if self.deepest.as_ref().is_none_or(|(deepest, ..)| depth > *deepest) {
            self.deepest = Some((depth, self.entries[blocked].operation, self.state.clone()));
        }
        let (at, state) = self.path.pop()?;
        self.seated ^= number_of_chance(self.entries[at].operation);
        self.state = state;
        self.put_back(at);
        Some(self.entries[at].after)
    }

    fn lift(&mut self, call: usize) {
        self.unlink(call);
        if let Some(pair) = self.entries[call].pair {
            self.unlink(pair);
        }
    }

    fn put_back(&mut self, call: usize) {
        // In the reverse order of lifting.
        if let Some(pair) = self.entries[call].pair {
            self.link(pair);
        }
        self.link(call);
    }

    fn unlink(&mut self, at: usize) {
        let Entry { before, after, .. } = self.entries[at];
        self.entries[before].after = after;
        self.entries[after].before = before;
    }

    fn link(&mut self, at: usize) {
        let Entry { before, after, .. } = self.entries[at];
        self.entries[before].after = at;
        self.entries[after].before = at;
    }

    fn explain(self) -> Verdict {
        let (_, stuck, state) = self
            .deepest
            .expect("invariant: somebody was blocked before the search gave up");
        Verdict::Not {
            stuck,
            state: format!("{state:?}"),
        }
    }
}

/// The list: calls and returns by time, a call before a return of the same moment (they count as concurrent).
fn entries<C: Call>(operations: &[Operation<C>]) -> Vec<Entry> {
    let mut moments = Vec::new();
    for (number, operation) in operations.iter().enumerate() {
        match operation.end {
            // It did nothing: it has no place in the order.
            crate::history::End::Fail(_) => {}
            crate::history::End::Ok(_) => {
                moments.push((operation.invoked, 0, number));
                moments.push((operation.ended, 1, number));
            }
            crate::history::End::Info(_) => moments.push((operation.invoked, 0, number)),
        }
    }
    moments.sort_unstable();
    let mut entries = vec![Entry {
        operation: usize::MAX,
        pair: None,
        is_call: false,
        before: 0,
        after: 0,
    }];
    let mut calls = vec![HEAD; operations.len()];
    for (_, side, number) in moments {
        let at = entries.len();
        entries.push(Entry {
            operation: number,
            pair: None,
            is_call: side == 0,
            before: at - 1,
            after: HEAD,
        });
        entries[at - 1].after = at;
        if side == 0 {
            calls[number] = at;
        } else {
            entries[calls[number]].pair = Some(at);
        }
    }
    entries[HEAD].before = entries.len() - 1;
    entries
}

/// A 128-bit number that belongs to a guest (splitmix64, twice): sets with equal xors are equal for all that matters.
fn number_of_chance(guest: usize) -> u128 {
    let mix = |seed: u64| {
        let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let guest = guest as u64 * 2 + 1;
    u128::from(mix(guest)) << 64 | u128::from(mix(guest + 1))
}
