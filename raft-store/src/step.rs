//! The storage steps at which a test can make this store stumble.
//!
//! Like the numbered joints in a crash-test dummy: each place at which an error, a panic or a stall would hurt has a name, and a test can
//! bend exactly that joint of exactly one node, however many nodes its process holds.
//!
//! The catch: the joints exist only where the crate `fail` is built with its feature `failpoints`, which tests of this crate ask for and
//! nobody else. In the program [`reach`] is an empty function. What it does not do: decide what a stumble means; its callers treat the
//! error as if the disk had said so.

use std::{io, path::Path};

/// A step that leaves something on disk, or sends what lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Writing and syncing a vote.
    Vote,
    /// Writing entries to the log.
    Append,
    /// Syncing the log.
    Sync,
    /// Writing a run of applied entries to the state.
    Apply,
    /// Freezing the state for a snapshot.
    Checkpoint,
    /// Reading a snapshot out to a member.
    Send,
    /// Making a received snapshot the state.
    Install,
    /// Pointing the data directory to another state.
    Rename,
    /// Removing entries from the log.
    Purge,
    /// Noting who takes part.
    Membership,
}

/// Which side of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Nothing has happened yet.
    Before,
    /// It has, and nobody was told.
    After,
}

impl Step {
    /// Every step.
    pub const ALL: [Step; 10] = [
        Step::Vote,
        Step::Append,
        Step::Sync,
        Step::Apply,
        Step::Checkpoint,
        Step::Send,
        Step::Install,
        Step::Rename,
        Step::Purge,
        Step::Membership,
    ];

    /// What this step is called on one node: `fail` knows names only, and knows them for the whole process.
    pub fn name(self, side: Side, data_dir: &Path) -> String {
        format!("{side:?}{self:?} in {}", data_dir.display())
    }

    /// The name under which a test asks for an error: a point of its own, so that the other one can count who comes by.
    pub fn error_name(self, side: Side, data_dir: &Path) -> String {
        format!("{} fails", self.name(side, data_dir))
    }
}

/// A node comes to one side of a step.
///
/// # Errors
/// What a test asked for; never in the program.
pub(crate) fn reach(step: Step, side: Side, data_dir: &Path) -> io::Result<()> {
    // Without the feature the macros are nothing and so is this function.
    let _ = (step, side, data_dir);
    fail::fail_point!(&step.name(side, data_dir));
    fail::fail_point!(&step.error_name(side, data_dir), |_| {
        Err(io::Error::other(format!("failpoint: {side:?} {step:?}")))
    });
    Ok(())
}
