//! Text to values: the only place that knows JSON from YAML.
//!
//! Two dictating machines for one secretary. Whichever plays, what comes out is the same tree of values, with remarks about
//! what sounded odd. Everything behind this file works on values and never sees text again, except to find the line of
//! a fault ([`places`]).
//!
//! The catch: a value that came as text is not only what it says but also what it could do. Depth and the unfolding of
//! aliases are bounded while reading, before memory is taken.

mod json;
pub(crate) mod places;
mod scalar;
pub(crate) mod write;
mod yaml;

use crate::{
    limits::{DEPTH_MAX, DOCUMENT_MAX_BYTES, UNFOLDED_MAX_BYTES, WARNINGS_MAX},
    note::{self, Note},
    path::{Path, Position},
};
use serde_json::Value;
use thiserror::Error;

/// How a text is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// JSON and nothing else.
    Json,
    /// YAML.
    Yaml,
    /// JSON if it is that, YAML otherwise.
    #[default]
    Either,
}

/// A text that cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ReadError {
    /// It is too long.
    #[error("the text has {bytes} bytes, {DOCUMENT_MAX_BYTES} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Values lie too deep in each other.
    #[error("{position}: values are nested more than {DEPTH_MAX} levels deep")]
    TooDeep {
        /// Where.
        position: Position,
    },
    /// Its aliases stand for too much.
    #[error("{position}: the aliases unfold to more than {UNFOLDED_MAX_BYTES} bytes")]
    TooMuch {
        /// Where it was one too many.
        position: Position,
    },
    /// It breaks the rules of its format.
    #[error("{position}: {reason}")]
    Syntax {
        /// Where.
        position: Position,
        /// In the words of the reader.
        reason: String,
    },
    /// It is something else than members with names.
    #[error("expected an object")]
    NotAnObject,
}

/// What was read.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Reading {
    pub(crate) value: Value,
    pub(crate) warnings: Vec<Note>,
}

/// Reads a text.
///
/// # Errors
/// Why it cannot be read. Kong: where both formats were tried, in the words of YAML's reader.
pub(crate) fn read(text: &str, format: Format) -> Result<Reading, ReadError> {
    if text.len() > DOCUMENT_MAX_BYTES {
        return Err(ReadError::TooLong { bytes: text.len() });
    }
    match format {
        Format::Json => json::read(text),
        Format::Yaml => yaml::read(text, &mut |_, _| {}),
        Format::Either => json::read(text).or_else(|_| yaml::read(text, &mut |_, _| {})),
    }
}

/// Notes that a member was given twice; the later one counts.
fn warn_twice(warnings: &mut Vec<Note>, path: &Path, position: Option<Position>) {
    note::add(
        warnings,
        WARNINGS_MAX,
        path,
        position,
        "given twice, the last one counts",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(text: &str, wanted: Value, twice: &[&str]) {
        let reading = read(text, Format::Either).unwrap();
        assert_eq!(reading.value, wanted, "{text}");
        let paths: Vec<_> = reading.warnings.iter().map(|w| w.path.to_string()).collect();
        assert_eq!(paths, twice, "{text}");
    }

    #[test]
    fn either_format_gives_the_same_values() {
        check(r#"{"a": [1, {"b": null}]}"#, json!({"a": [1, {"b": null}]}), &[]);
        check("a:\n- 1\n- b: ~\n", json!({"a": [1, {"b": null}]}), &[]);
        check("{a: [1, {b: }],}", json!({"a": [1, {"b": null}]}), &[]);
        check("", Value::Null, &[]);
        check(r#"{"a": "\ud83d\ude00 \/"}"#, json!({"a": "😀 /"}), &[]);
    }

    #[test]
    fn a_member_given_twice_counts_the_last_time_and_is_remarked() {
        check(r#"{"a": {"b": 1, "b": 2}}"#, json!({"a": {"b": 2}}), &["a.b"]);
        check("a:\n  b: 1\n  b: 2\n", json!({"a": {"b": 2}}), &["a.b"]);
    }

    #[test]
    fn too_long_a_text_is_not_looked_at() {
        let text = "a".repeat(DOCUMENT_MAX_BYTES + 1);
        assert!(matches!(
            read(&text, Format::Either),
            Err(ReadError::TooLong { .. })
        ));
    }

    #[test]
    fn depth_is_bounded_in_both_formats() {
        let deep = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for format in [Format::Json, Format::Yaml, Format::Either] {
            assert!(read(&deep(DEPTH_MAX), format).is_ok(), "{format:?}");
            let error = read(&deep(DEPTH_MAX + 2), format).unwrap_err();
            assert!(error.to_string().contains("64 levels"), "{format:?}: {error}");
            assert!(read(&deep(100_000), format).is_err(), "{format:?}");
        }
    }
}
