//! Why a command did not do what it was asked to, and the exit code that says so.

use std::time::Duration;

use thiserror::Error;

use crate::dial::AdminAddress;
use crate::exit;
use crate::start::SettingsProblem;

/// A command that did not succeed.
#[derive(Debug, Error)]
pub enum Failure {
    /// Nothing answers at the address.
    #[error("no node answers at {address} ({source}); is it running, and is --admin right?")]
    Unreachable {
        /// What was dialled.
        address: AdminAddress,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The Kong to copy does not answer.
    #[error(
        "no Kong answers at {address} ({source}); what was copied so far stays, the same command goes on from there"
    )]
    NoSource {
        /// What was dialled.
        address: AdminAddress,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Some records were not copied.
    #[error("{count} records were not taken, everything else was; the report says which and why")]
    Incomplete {
        /// How many.
        count: usize,
    },
    /// Something answers, but it is not a node's Admin API.
    #[error("{address} answers, but not like an Admin API: {problem}")]
    Strange {
        /// What was dialled.
        address: AdminAddress,
        /// What was odd.
        problem: String,
    },
    /// The node said no.
    #[error("the node at {address} refused with {status}: {message}")]
    Refused {
        /// What was dialled.
        address: AdminAddress,
        /// HTTP status.
        status: u16,
        /// The node's own words.
        message: String,
    },
    /// The node is up and not well.
    #[error("the node at {address} is not healthy: {reason}")]
    Unhealthy {
        /// What was dialled.
        address: AdminAddress,
        /// The node's own words.
        reason: String,
    },
    /// The node was told to stop and still answers.
    #[error(
        "the node at {address} still answers after {waited:?}; it may be draining long requests (--timeout)"
    )]
    StillRunning {
        /// What was dialled.
        address: AdminAddress,
        /// How long the command waited.
        waited: Duration,
    },
    /// The settings are not usable.
    #[error(transparent)]
    Settings(#[from] SettingsProblem),
    /// The file is of no use.
    #[error("{path}: {problem}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it, a line per fault.
        problem: String,
    },
    /// What is to be applied cannot be.
    #[error("{0}; nothing was changed")]
    Inapplicable(String),
    /// The answer could not be printed.
    #[error("cannot write the answer: {0}")]
    Output(#[from] std::io::Error),
}

impl Failure {
    /// The exit code for it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Unreachable { .. } | Failure::NoSource { .. } => exit::UNREACHABLE,
            Failure::Settings(_) => exit::USAGE,
            Failure::Strange { .. }
            | Failure::Refused { .. }
            | Failure::Unhealthy { .. }
            | Failure::Incomplete { .. }
            | Failure::StillRunning { .. }
            | Failure::File { .. }
            | Failure::Inapplicable(_)
            | Failure::Output(_) => exit::FAILED,
        }
    }
}
