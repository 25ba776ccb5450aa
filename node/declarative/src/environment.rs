//! `${{ env "DECK_X" }}`: values of the environment written into a text before it is read.
//!
//! A form letter. The gaps are filled before anybody reads the letter, so a gap can stand anywhere, also in the middle of a
//! word. decK's rules: a gap names a variable that begins with `DECK_`, so that a file cannot ask for just any secret of the
//! machine it is read on; and a variable that is not there is an error, not an empty word.
//!
//! The catch: what is filled in becomes part of the text. A value with a colon, a quote or a line break means what these mean
//! there; who writes the file quotes the gap, `"${{ env "DECK_KEY" }}"`, and both quotes of it are read as decK does.

use crate::path::Position;
use thiserror::Error;

const OPEN: &str = "${{";
const CLOSE: &str = "}}";
/// decK: the only variables a file may name.
const PREFIX: &str = "DECK_";

/// A gap that cannot be filled.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EnvironmentError {
    /// The variable is not set.
    #[error("{position}: the environment has no '{name}'")]
    Missing {
        /// Where.
        position: Position,
        /// The variable.
        name: String,
    },
    /// It is a variable that a file may not ask for.
    #[error("{position}: '{name}' does not begin with {PREFIX}")]
    Forbidden {
        /// Where.
        position: Position,
        /// The variable.
        name: String,
    },
    /// It says something else than `env "NAME"`.
    #[error("{position}: expected {OPEN} env \"{PREFIX}NAME\" {CLOSE}")]
    Strange {
        /// Where.
        position: Position,
    },
}

/// Fills the gaps of a text.
///
/// # Errors
/// The first gap that cannot be filled.
pub fn fill(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, EnvironmentError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(OPEN) {
        let position = || position(text, text.len() - rest.len() + at);
        let gap = &rest[at + OPEN.len()..];
        let end = gap
            .find(CLOSE)
            .ok_or_else(|| EnvironmentError::Strange { position: position() })?;
        let name = name(&gap[..end]).ok_or_else(|| EnvironmentError::Strange { position: position() })?;
        if !name.starts_with(PREFIX) {
            return Err(EnvironmentError::Forbidden {
                position: position(),
                name: name.to_owned(),
            });
        }
        let value = lookup(name).ok_or_else(|| EnvironmentError::Missing {
            position: position(),
            name: name.to_owned(),
        })?;
        out.push_str(&rest[..at]);
        out.push_str(&value);
        rest = &gap[end + CLOSE.len()..];
    }
    out.push_str(rest);
    Ok(out)
}

/// The variable of ` env "NAME" `.
fn name(gap: &str) -> Option<&str> {
    let quoted = gap.trim().strip_prefix("env")?.trim();
    let quoted = quoted
        .strip_prefix("\\\"")
        .and_then(|rest| rest.strip_suffix("\\\""))
        .or_else(|| {
            ['"', '\'', '`']
                .iter()
                .find_map(|quote| quoted.strip_prefix(*quote)?.strip_suffix(*quote))
        })?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    Some(quoted).filter(|name| !name.is_empty() && name.chars().all(plain))
}

fn position(text: &str, at: usize) -> Position {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    Position {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: Result<&str, &str>) {
        let lookup = |name: &str| (name == "DECK_X").then(|| "42".to_owned());
        let filled = fill(text, &lookup).map_err(|error| error.to_string());
        assert_eq!(filled.as_deref().map_err(String::as_str), wanted);
    }

    #[test]
    fn gaps_are_filled_wherever_they_stand() {
        check("a: 1", Ok("a: 1"));
        check(r#"a: ${{ env "DECK_X" }}"#, Ok("a: 42"));
        check(
            r#"a: "x${{env 'DECK_X'}}y${{ env "DECK_X" }}""#,
            Ok(r#"a: "x42y42""#),
        );
        check(r#"{"a": "${{ env \"DECK_X\" }}"}"#, Ok(r#"{"a": "42"}"#));
    }

    #[test]
    fn a_gap_that_cannot_be_filled_is_named_with_its_place() {
        check(
            "a: 1\nb: ${{ env \"DECK_Y\" }}",
            Err("line 2, column 4: the environment has no 'DECK_Y'"),
        );
        check(
            "${{ env \"HOME\" }}",
            Err("line 1, column 1: 'HOME' does not begin with DECK_"),
        );
        for strange in [
            "${{ env DECK_X }}",
            "${{ vault \"DECK_X\" }}",
            "${{ env \"DECK_X\"",
            "${{ env \"\" }}",
        ] {
            check(
                strange,
                Err("line 1, column 1: expected ${{ env \"DECK_NAME\" }}"),
            );
        }
    }
}
