//! `troop.conf`: one `key = value` per line, as in Kong's own file.
//!
//! A `#` starts a comment unless a backslash stands before it; `\#` is a plain `#`. Blank lines are free.
//!
//! The catch is the trailing comment: in `token = a\#b # mine` only the second `#` ends the value.
//! Kong also drops the character before an unescaped `#`; nobody can want that, so it is not copied.
//!
//! Here text becomes lines and nothing more: which names exist is not this file's business.

use crate::problem::{Place, SettingError};

/// A settings file: its text, and its path for messages.
#[derive(Debug, Clone, Copy)]
pub struct ConfFile<'a> {
    /// As the user wrote it.
    pub path: &'a str,
    /// The whole content.
    pub text: &'a str,
}

/// One assignment of the file.
#[derive(Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) place: Place,
}

/// The assignments of a file in order; lines that are none are reported.
pub(crate) fn parse(file: ConfFile<'_>, errors: &mut Vec<SettingError>) -> Vec<Line> {
    let mut lines = Vec::new();
    for (index, text) in file.text.lines().enumerate() {
        let place = Place::File {
            path: file.path.to_owned(),
            line: index + 1,
        };
        let text = without_comment(text.trim_start_matches('\u{feff}'));
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        match text
            .split_once('=')
            .map(|(name, value)| (name.trim(), value.trim()))
        {
            Some((name, value)) if !name.is_empty() && !name.contains(char::is_whitespace) => {
                lines.push(Line {
                    name: name.to_owned(),
                    value: value.to_owned(),
                    place,
                });
            }
            _ => errors.push(SettingError::NotAnAssignment { place }),
        }
    }
    lines
}

fn without_comment(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'#') => kept.extend(chars.next()),
            '#' => break,
            _ => kept.push(c),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str, usize)], wrong_lines: usize) {
        let mut errors = Vec::new();
        let lines = parse(
            ConfFile {
                path: "troop.conf",
                text,
            },
            &mut errors,
        );
        let found: Vec<_> = lines
            .iter()
            .map(|line| match &line.place {
                Place::File { line: number, .. } => (line.name.as_str(), line.value.as_str(), *number),
                place => panic!("{place}"),
            })
            .collect();
        assert_eq!(found, expected);
        assert_eq!(errors.len(), wrong_lines, "{errors:?}");
    }

    #[test]
    fn lines_are_assignments_blanks_or_comments() {
        check("# all\n\n  a = 1  \nb=2\r\n", &[("a", "1", 3), ("b", "2", 4)], 0);
    }

    #[test]
    fn a_comment_may_trail_and_a_backslash_keeps_the_sign() {
        check(
            "a = x # why\nb = x\\#y # why\nc = x#y",
            &[("a", "x", 1), ("b", "x#y", 2), ("c", "x", 3)],
            0,
        );
    }

    #[test]
    fn a_value_may_hold_equals_signs_and_backslashes() {
        check(
            "a = so_keepalive=on\nb = c:\\d",
            &[("a", "so_keepalive=on", 1), ("b", "c:\\d", 2)],
            0,
        );
    }

    #[test]
    fn a_value_may_be_empty() {
        check("a =\nb = # nothing", &[("a", "", 1), ("b", "", 2)], 0);
    }

    #[test]
    fn lines_of_another_form_are_reported_and_the_rest_is_read() {
        check("proxy_listen\n= 5\na b = 1\nc = 1", &[("c", "1", 4)], 3);
    }
}
