//! Nothing that was acknowledged is lost, nothing that was deleted comes back.
//!
//! A cloakroom: each coat is handed in once and perhaps fetched once, and now and then somebody counts what hangs there. A coat whose
//! ticket was given out before the count began must be in it; one that was fetched before the count began must not; one
//! that was refused at the counter must never be seen at all.
//!
//! The catch is time: an operation that overlaps the count may be in it or not. So only what was over before the count began, or
//! began after it was over, is held against anyone. The last count of a run is made when nothing else goes on, and sees all.

use super::Findings;
use crate::history::{Call, End, History, Nanos, Operation};
use std::collections::{BTreeMap, BTreeSet};

const NAME: &str = "set";

/// What can be asked of a set. An element is added once and removed at most once in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Put this element in.
    Add(u64),
    /// Take it out.
    Remove(u64),
    /// What is in it?
    Read,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Done,
    /// These are in it.
    Elements(BTreeSet<u64>),
}

impl Call for Set {
    type Answer = Answer;

    fn name(&self) -> &'static str {
        match self {
            Set::Add(_) => "add",
            Set::Remove(_) => "remove",
            Set::Read => "read",
        }
    }

    fn argument(&self) -> String {
        match self {
            Set::Add(element) | Set::Remove(element) => element.to_string(),
            Set::Read => "nil".into(),
        }
    }

    fn answered(&self, answer: &Answer) -> String {
        match answer {
            Answer::Done => self.argument(),
            Answer::Elements(elements) => {
                let numbers: Vec<_> = elements.iter().map(u64::to_string).collect();
                format!("#{{{}}}", numbers.join(" "))
            }
        }
    }
}

/// The life of one element, as far as it is known.
#[derive(Default)]
struct Life<'h> {
    add: Option<&'h Operation<Set>>,
    remove: Option<&'h Operation<Set>>,
}

/// Holds every read against what was known when it was made.
pub fn check(subject: &str, history: &History<Set>) -> Findings {
    let lives = lives(history);
    let mut findings = Findings {
        checked: lives.len() as u64,
        ..Findings::default()
    };
    // An element that misbehaves does so in many reads; one is enough.
    let mut told = BTreeSet::new();
    for read in history.operations() {
        let (Set::Read, Some(Answer::Elements(seen))) = (read.call, read.answer()) else {
            continue;
        };
        let strangers = seen.iter().filter(|element| !lives.contains_key(element));
        let faults = lives
            .iter()
            .filter_map(|(element, life)| Some((*element, life.fault(seen.contains(element), read)?)));
        for (element, fault) in strangers
            .map(|element| (*element, "was never added".to_owned()))
            .chain(faults)
        {
            if told.insert(element) {
                let text = format!(
                    "element {element} {fault}; read by process {} at node {}",
                    read.process, read.node
                );
                findings.violated(NAME, subject, read.invoked, text);
            }
        }
    }
    findings
}

fn lives(history: &History<Set>) -> BTreeMap<u64, Life<'_>> {
    let mut lives: BTreeMap<u64, Life<'_>> = BTreeMap::new();
    for operation in history.operations() {
        match operation.call {
            Set::Add(element) => lives.entry(element).or_default().add = Some(operation),
            // A refused removal did nothing.
            Set::Remove(element) if operation.is_possible() => {
                lives.entry(element).or_default().remove = Some(operation);
            }
            Set::Remove(_) | Set::Read => {}
        }
    }
    lives
}

impl Life<'_> {
    /// What is wrong with this element having been seen, or not, by that read.
    fn fault(&self, seen: bool, read: &Operation<Set>) -> Option<String> {
        let add = self.add?;
        if seen {
            match (&add.end, self.remove) {
                (End::Fail(reason), _) => {
                    Some(format!("was seen although its addition was refused ({reason})"))
                }
                _ if add.invoked > read.ended => Some("was seen before it was added".into()),
                (_, Some(remove)) if is_over(remove, read.invoked) => {
                    Some(format!("came back: removed at {:.3} s", seconds(remove.ended)))
                }
                _ => None,
            }
        } else {
            let removed = self.remove.is_some_and(|remove| remove.invoked < read.ended);
            let lost = is_over(add, read.invoked) && !removed;
            lost.then(|| {
                format!(
                    "is lost: acknowledged at {:.3} s by node {}",
                    seconds(add.ended),
                    add.node
                )
            })
        }
    }
}

fn is_over(operation: &Operation<Set>, before: Nanos) -> bool {
    matches!(operation.end, End::Ok(_)) && operation.ended < before
}

fn seconds(at: Nanos) -> f64 {
    at as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(call: Set, invoked: Nanos, ended: Nanos, end: End<Answer>) -> Operation<Set> {
        Operation {
            process: invoked,
            node: 1,
            call,
            invoked,
            ended,
            end,
        }
    }

    fn done(call: Set, invoked: Nanos, ended: Nanos) -> Operation<Set> {
        at(call, invoked, ended, End::Ok(Answer::Done))
    }

    fn read(invoked: Nanos, ended: Nanos, elements: &[u64]) -> Operation<Set> {
        at(
            Set::Read,
            invoked,
            ended,
            End::Ok(Answer::Elements(elements.iter().copied().collect())),
        )
    }

    /// What the checker says about these operations, one word of it per violation.
    #[track_caller]
    fn finds(operations: Vec<Operation<Set>>, expected: &[&str]) {
        let findings = check("s", &History::new(operations));
        let texts: Vec<_> = findings
            .violations
            .iter()
            .map(|violation| violation.text.clone())
            .collect();
        assert_eq!(texts.len(), expected.len(), "{texts:?}");
        for (text, word) in texts.iter().zip(expected) {
            assert!(text.contains(word), "{text} does not say {word}");
        }
    }

    #[test]
    fn what_was_acknowledged_before_a_read_is_in_it() {
        finds(vec![done(Set::Add(1), 0, 10), read(20, 30, &[1])], &[]);
        finds(vec![done(Set::Add(1), 0, 10), read(20, 30, &[])], &["is lost"]);
    }

    #[test]
    fn what_overlaps_a_read_may_be_in_it_or_not() {
        for elements in [&[][..], &[1]] {
            finds(vec![done(Set::Add(1), 0, 25), read(20, 30, elements)], &[]);
            let open = at(Set::Add(1), 0, 9, End::Info("silence".into()));
            finds(vec![open, read(20, 30, elements)], &[]);
            finds(
                vec![
                    done(Set::Add(1), 0, 5),
                    done(Set::Remove(1), 10, 25),
                    read(20, 30, elements),
                ],
                &[],
            );
            let open = at(Set::Remove(1), 10, 15, End::Info("silence".into()));
            finds(vec![done(Set::Add(1), 0, 5), open, read(20, 30, elements)], &[]);
        }
    }

    #[test]
    fn what_was_removed_does_not_come_back() {
        let gone = || vec![done(Set::Add(1), 0, 5), done(Set::Remove(1), 6, 8)];
        finds(gone().into_iter().chain([read(20, 30, &[])]).collect(), &[]);
        finds(
            gone().into_iter().chain([read(20, 30, &[1])]).collect(),
            &["came back"],
        );
    }

    #[test]
    fn a_refused_addition_is_never_seen() {
        let refused = at(Set::Add(1), 0, 5, End::Fail("503".into()));
        finds(vec![refused, read(3, 9, &[1])], &["refused (503)"]);
    }

    #[test]
    fn what_nobody_added_is_a_stranger() {
        finds(vec![read(3, 9, &[7])], &["element 7 was never added"]);
        finds(
            vec![read(3, 9, &[7]), done(Set::Add(7), 20, 30)],
            &["before it was added"],
        );
    }

    #[test]
    fn an_element_that_misbehaves_in_many_reads_is_told_once() {
        finds(
            vec![done(Set::Add(1), 0, 10), read(20, 30, &[]), read(40, 50, &[])],
            &["is lost"],
        );
    }
}
