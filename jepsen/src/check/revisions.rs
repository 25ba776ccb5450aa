//! Revisions follow the clock.
//!
//! Every answer carries the revision it was given at: a page number in the cluster's one book. If one answer was in hand before another
//! question was asked, the second may not quote an earlier page. That is linearizability of the whole configuration at once, checked
//! in `n log n`, where a search for an order would be hopeless.
//!
//! It believes the page numbers, which is what the search in [`wgl`](super::wgl) does not; hence both.

use super::Findings;
use crate::history::Nanos;
use std::collections::BTreeMap;

const NAME: &str = "revisions";

/// What an answer quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// When the question was asked.
    pub invoked: Nanos,
    /// When the answer was in hand.
    pub ended: Nanos,
    /// The revision of the write, or of the state that was read.
    pub revision: u64,
    /// Whether it was a write: no two have one revision.
    pub is_write: bool,
    /// The object, the revision of its last change, and its value then, where the answer told.
    pub value: Option<(String, u64, u64)>,
    /// Who asked whom.
    pub who: String,
}

/// Holds the quotes against the clock and against each other.
pub fn check(quotes: &[Quote]) -> Findings {
    let mut findings = Findings {
        checked: quotes.len() as u64,
        ..Findings::default()
    };
    follow_the_clock(quotes, &mut findings);
    one_write_per_revision(quotes, &mut findings);
    one_value_per_revision(quotes, &mut findings);
    findings
}

fn follow_the_clock(quotes: &[Quote], findings: &mut Findings) {
    let mut by_call: Vec<&Quote> = quotes.iter().collect();
    by_call.sort_by_key(|quote| quote.invoked);
    let mut by_end: Vec<&Quote> = quotes.iter().collect();
    by_end.sort_by_key(|quote| quote.ended);
    let mut known: Option<&Quote> = None;
    let mut ended = by_end.into_iter().peekable();
    for quote in by_call {
        while let Some(before) = ended.next_if(|before| before.ended < quote.invoked) {
            if known.is_none_or(|known| before.revision > known.revision) {
                known = Some(before);
            }
        }
        let Some(known) = known else { continue };
        // A write is a page of its own, behind all that were known.
        if quote.revision < known.revision || (quote.is_write && quote.revision == known.revision) {
            let text = format!(
                "{} got revision {} although {} had revision {} in hand {:.3} ms before it asked",
                quote.who,
                quote.revision,
                known.who,
                known.revision,
                (quote.invoked - known.ended) as f64 / 1e6
            );
            findings.violated(NAME, "all", quote.invoked, text);
        }
    }
}

fn one_write_per_revision(quotes: &[Quote], findings: &mut Findings) {
    let mut writes = BTreeMap::new();
    for quote in quotes.iter().filter(|quote| quote.is_write) {
        if let Some(other) = writes.insert(quote.revision, quote) {
            let text = format!(
                "{} and {} both made revision {}",
                other.who, quote.who, quote.revision
            );
            findings.violated(NAME, "all", quote.ended, text);
        }
    }
}

fn one_value_per_revision(quotes: &[Quote], findings: &mut Findings) {
    let mut values = BTreeMap::new();
    for quote in quotes {
        let Some((subject, changed, value)) = &quote.value else {
            continue;
        };
        if *changed > quote.revision {
            let text = format!(
                "{} read at revision {} what was changed at {changed}",
                quote.who, quote.revision
            );
            findings.violated(NAME, subject, quote.ended, text);
        }
        let other = values.entry((subject, changed)).or_insert(value);
        if *other != value {
            let text = format!(
                "at revision {changed} it was {other} and, to {}, {value}",
                quote.who
            );
            findings.violated(NAME, subject, quote.ended, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(invoked: Nanos, ended: Nanos, revision: u64, is_write: bool) -> Quote {
        Quote {
            invoked,
            ended,
            revision,
            is_write,
            value: None,
            who: format!("at {invoked}"),
        }
    }

    #[track_caller]
    fn finds(quotes: &[Quote], expected: &[&str]) {
        let findings = check(quotes);
        let texts: Vec<_> = findings
            .violations
            .iter()
            .map(|violation| violation.text.clone())
            .collect();
        assert_eq!(texts.len(), expected.len(), "{texts:?}");
        for (text, words) in texts.iter().zip(expected) {
            assert!(text.contains(words), "{text} does not say {words}");
        }
    }

    #[test]
    fn a_later_question_gets_no_earlier_page() {
        finds(&[quote(0, 10, 5, true), quote(20, 30, 5, false)], &[]);
        finds(
            &[quote(0, 10, 5, true), quote(20, 30, 4, false)],
            &["got revision 4"],
        );
        finds(
            &[quote(0, 10, 5, false), quote(20, 30, 5, true)],
            &["got revision 5"],
        );
    }

    #[test]
    fn of_two_that_overlap_either_may_be_first() {
        finds(&[quote(0, 25, 5, true), quote(20, 30, 4, false)], &[]);
    }

    #[test]
    fn a_page_is_written_once() {
        finds(
            &[quote(0, 25, 5, true), quote(20, 30, 5, true)],
            &["both made revision 5"],
        );
    }

    #[test]
    fn a_page_says_the_same_to_everybody() {
        let told = |revision, changed, value| Quote {
            value: Some(("a".into(), changed, value)),
            ..quote(0, 9, revision, false)
        };
        finds(&[told(7, 5, 1), told(8, 5, 1)], &[]);
        finds(&[told(7, 5, 1), told(8, 5, 2)], &["at revision 5 it was 1 and"]);
        finds(&[told(7, 9, 1)], &["what was changed at 9"]);
    }
}
