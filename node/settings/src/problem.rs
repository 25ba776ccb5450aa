//! What can be wrong with settings, each naming the setting, the value, the place and the way out.
//!
//! Like a form that comes back with every wrong field marked at once: [`Rejected`] holds all that was
//! found, because a start that fails five times in a row for five typos is five times the annoyance.

use std::fmt;

use thiserror::Error;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: the table's default.
    Default,
    /// A line of the settings file, counted from 1.
    File {
        /// As the user named the file.
        path: String,
        /// The line.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// A flag of the command line.
    Flag {
        /// With its dashes.
        flag: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Default => write!(f, "default"),
            Place::File { path, line } => write!(f, "{path} line {line}"),
            Place::Environment { variable } => write!(f, "environment variable {variable}"),
            Place::Flag { flag } => write!(f, "flag {flag}"),
        }
    }
}

/// One thing wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingError {
    /// A value that its setting does not take.
    #[error("{setting} = '{value}' ({place}): the value {problem}")]
    Value {
        /// The setting.
        setting: &'static str,
        /// What was written; asterisks for a secret.
        value: String,
        /// Where.
        place: Place,
        /// What is expected instead.
        problem: String,
    },
    /// A name that is no setting.
    #[error(
        "'{name}' ({place}) is not a setting{}; `troop settings --reference` lists them all",
        suggestion(nearest)
    )]
    Unknown {
        /// What was written.
        name: String,
        /// Where.
        place: Place,
        /// The setting it may have meant.
        nearest: Option<String>,
    },
    /// A line that is not `key = value`.
    #[error("{place} is not of the form `key = value`; start it with # if it is a comment")]
    NotAnAssignment {
        /// The line.
        place: Place,
    },
    /// Values that are fine alone and wrong together.
    #[error("{setting} = '{value}' ({place}): {problem}")]
    Rule {
        /// The setting to change.
        setting: &'static str,
        /// Its value.
        value: String,
        /// Where that was written.
        place: Place,
        /// What is wrong and the way out.
        problem: String,
    },
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map(|name| format!("; did you mean '{name}'?"))
        .unwrap_or_default()
}

/// Settings with which the process must not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Everything found, never empty.
    pub errors: Vec<SettingError>,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings are not usable:")?;
        self.errors.iter().try_for_each(|error| write!(f, "\n  {error}"))
    }
}

impl std::error::Error for Rejected {}
