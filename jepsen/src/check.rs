//! Judging a record.
//!
//! Each checker knows one promise and asks whether the record can be squared with it. A checker that cannot tell says so: an
//! unknown is never counted as clean.

pub mod events;
pub mod order;
pub mod revisions;
pub mod set_full;
pub mod wgl;

use crate::history::Nanos;

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Who found it.
    pub checker: &'static str,
    /// The object it is about.
    pub subject: String,
    /// What happened, for a person.
    pub text: String,
    /// When, on the run's clock; 0 when it cannot be dated.
    pub at: Nanos,
}

/// Something a checker could not decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Who could not.
    pub checker: &'static str,
    /// About what.
    pub subject: String,
    /// Why.
    pub text: String,
}

/// What checkers found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many things were looked at, so that a checker that saw nothing cannot pass for a happy one.
    pub checked: u64,
    /// Broken promises.
    pub violations: Vec<Violation>,
    /// What stays undecided.
    pub unknowns: Vec<Unknown>,
}

impl Findings {
    /// Neither broken nor undecided.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.unknowns.is_empty()
    }

    /// Adds what another found.
    pub fn add(&mut self, other: Findings) {
        self.checked += other.checked;
        self.violations.extend(other.violations);
        self.unknowns.extend(other.unknowns);
    }

    /// Notes a broken promise.
    pub fn violated(
        &mut self,
        checker: &'static str,
        subject: impl Into<String>,
        at: Nanos,
        text: impl Into<String>,
    ) {
        self.violations.push(Violation {
            checker,
            subject: subject.into(),
            text: text.into(),
            at,
        });
    }

    /// Notes what cannot be decided.
    pub fn undecided(&mut self, checker: &'static str, subject: impl Into<String>, text: impl Into<String>) {
        self.unknowns.push(Unknown {
            checker,
            subject: subject.into(),
            text: text.into(),
        });
    }
}
