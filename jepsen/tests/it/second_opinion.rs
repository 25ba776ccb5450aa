//! Our search for an order against somebody else's.
//!
//! Small histories are drawn at random, half of them with one answer falsified, and both checkers must agree about every one. The
//! other checker knows no operation of unknown fate; so it is asked once for every choice of which of them happened.

use proptest::prelude::*;
use std::collections::BTreeMap;
use todc_utils::{Action, History as OtherHistory, WGLChecker, specifications::Specification};
use troop_jepsen::{
    check::wgl::{self, Verdict},
    history::{End, History, Operation},
    model::{
        Model,
        register::{Answer, Register},
    },
};

type Asked = (Register, Option<Answer>);

struct Rules;

impl Specification for Rules {
    type State = u64;
    type Operation = Asked;

    fn init() -> u64 {
        0
    }

    fn apply((call, answer): &Asked, state: &u64) -> (bool, u64) {
        match Register::step(state, call, answer.as_ref()) {
            Some(after) => (true, after),
            None => (false, *state),
        }
    }
}

/// What the other checker says, trying every choice of infos that happened.
fn other_says(history: &History<Register>) -> bool {
    let infos: Vec<usize> = (0..history.operations().len())
        .filter(|at| history.operations()[*at].is_info())
        .collect();
    (0_u32..1 << infos.len()).any(|choice| {
        let happened = |at: usize| match infos.iter().position(|info| *info == at) {
            Some(bit) => choice & (1 << bit) != 0,
            None => history.operations()[at].is_possible(),
        };
        WGLChecker::<Rules>::is_linearizable(as_others_write(history, happened))
    })
}

fn as_others_write(history: &History<Register>, happened: impl Fn(usize) -> bool) -> OtherHistory<Asked> {
    let mut moments = BTreeMap::new();
    for (at, operation) in history
        .operations()
        .iter()
        .enumerate()
        .filter(|(at, _)| happened(*at))
    {
        let asked = (operation.call, operation.answer().copied());
        let ended = if operation.is_info() {
            u64::MAX
        } else {
            operation.ended
        };
        moments.insert((operation.invoked, 0, at), (at, Action::Call(asked)));
        moments.insert((ended, 1, at), (at, Action::Response(asked)));
    }
    OtherHistory::from_actions(moments.into_values().collect())
}

fn we_say(history: &History<Register>) -> bool {
    match wgl::judge::<Register>(0, history, wgl::BUDGET) {
        Verdict::Linearizable => true,
        Verdict::Not { .. } => false,
        Verdict::Undecided => panic!("a small history is decided"),
    }
}

/// One drawn operation: what, how long before and after its moment it is open, and its fate.
type Draw = (u8, u64, u64, u8);

/// A true history: operation number `i` takes effect at its own moment, somewhere between call and end.
fn true_history(draws: &[Draw]) -> Vec<Operation<Register>> {
    let mut state = 0;
    let mut operations = Vec::new();
    for (at, (kind, before, after, fate)) in draws.iter().copied().enumerate() {
        let value = at as u64 + 1;
        let call = match kind % 4 {
            0 | 1 => Register::Read,
            2 => Register::Write(value),
            _ => Register::Cas {
                from: if kind > 127 { state } else { state + 1 },
                to: value,
            },
        };
        let moment = at as u64 * 100 + 1_000;
        let (happens, end) = fate_of(state, call, fate);
        if happens {
            state = Register::step(&state, &call, None).expect("a call without an answer is lawful");
        }
        operations.push(Operation {
            process: at as u64,
            node: 1,
            call,
            invoked: moment - before,
            ended: moment + after,
            end,
        });
    }
    operations
}

fn fate_of(state: u64, call: Register, fate: u8) -> (bool, End<Answer>) {
    let answer = match call {
        Register::Read => Answer::Value(state),
        Register::Cas { from, .. } if from != state => Answer::Differs,
        Register::Write(_) | Register::Cas { .. } => Answer::Done,
    };
    match fate {
        0..=12 => (true, End::Info("done in silence".into())),
        13..=25 => (false, End::Info("not done in silence".into())),
        26..=35 => (false, End::Fail("refused".into())),
        _ => (true, End::Ok(answer)),
    }
}

fn draws() -> impl Strategy<Value = Vec<Draw>> {
    prop::collection::vec((any::<u8>(), 1_u64..400, 1_u64..400, any::<u8>()), 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_true_history_is_linearizable(draws in draws()) {
        let history = History::new(true_history(&draws));
        prop_assert!(we_say(&history), "{history:#?}");
    }

    #[test]
    fn both_checkers_agree_about_falsified_histories(draws in draws(), which in any::<prop::sample::Index>(), lie in 0_u64..14) {
        let mut operations = true_history(&draws);
        let falsified = which.index(operations.len());
        let operation = &mut operations[falsified];
        operation.end = match operation.call {
            Register::Read => End::Ok(Answer::Value(lie)),
            Register::Cas { .. } if lie % 2 == 0 => End::Ok(Answer::Differs),
            Register::Cas { .. } | Register::Write(_) => End::Ok(Answer::Done),
        };
        let history = History::new(operations);
        if history.operations().iter().filter(|operation| operation.is_info()).count() <= 4 {
            prop_assert_eq!(we_say(&history), other_says(&history), "{:#?}", history);
        }
    }
}

fn operation(
    process: u64,
    call: Register,
    invoked: u64,
    ended: u64,
    end: End<Answer>,
) -> Operation<Register> {
    Operation {
        process,
        node: 1,
        call,
        invoked,
        ended,
        end,
    }
}

#[track_caller]
fn check(operations: Vec<Operation<Register>>, expected: bool) {
    let history = History::new(operations);
    assert_eq!((we_say(&history), other_says(&history)), (expected, expected));
}

#[test]
fn a_stale_read_is_caught() {
    let history = |seen| {
        vec![
            operation(0, Register::Write(1), 0, 10, End::Ok(Answer::Done)),
            operation(0, Register::Write(2), 20, 30, End::Ok(Answer::Done)),
            operation(1, Register::Read, 40, 50, End::Ok(Answer::Value(seen))),
        ]
    };
    check(history(2), true);
    check(history(1), false);
}

#[test]
fn a_lost_update_is_caught() {
    let both = |second| {
        vec![
            operation(0, Register::Cas { from: 0, to: 1 }, 0, 10, End::Ok(Answer::Done)),
            operation(1, Register::Cas { from: 0, to: 2 }, 0, 10, End::Ok(second)),
        ]
    };
    check(both(Answer::Differs), true);
    check(both(Answer::Done), false);
}

#[test]
fn what_was_refused_is_never_read() {
    check(
        vec![
            operation(0, Register::Write(1), 0, 10, End::Fail("no quorum".into())),
            operation(1, Register::Read, 20, 30, End::Ok(Answer::Value(1))),
        ],
        false,
    );
}

#[test]
fn an_unknown_write_may_come_late_and_only_once() {
    let reads = |first, second, third| {
        let read = |at, seen| operation(1, Register::Read, at, at + 5, End::Ok(Answer::Value(seen)));
        let mut all = vec![operation(
            0,
            Register::Write(1),
            0,
            10,
            End::Info("silence".into()),
        )];
        all.extend([read(20, first), read(30, second), read(40, third)]);
        all
    };
    check(reads(0, 0, 0), true);
    check(reads(0, 1, 1), true);
    check(reads(1, 0, 0), false);
}

#[test]
fn what_is_too_hard_is_undecided_and_never_clean() {
    let writes =
        (1..=12).map(|value| operation(value, Register::Write(value), 0, 1_000, End::Ok(Answer::Done)));
    let mut operations: Vec<_> = writes.collect();
    operations.push(operation(
        99,
        Register::Read,
        2_000,
        2_001,
        End::Ok(Answer::Value(77)),
    ));
    let history = History::new(operations);
    assert_eq!(wgl::judge::<Register>(0, &history, 1_000), Verdict::Undecided);
    let findings = wgl::check::<Register>("r", 0, &history, 1_000);
    assert!(!findings.is_clean() && findings.violations.is_empty());
    let findings = wgl::check::<Register>("r", 0, &history, wgl::BUDGET);
    assert_eq!(findings.violations.len(), 1);
}
