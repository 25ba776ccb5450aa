//! A sentence, spelled so that the grammar can be trusted with it.
//!
//! A proofreader who reads before the printer does: he counts how deep the brackets go, and writes some words the way the printer
//! knows them. Texts in quotation marks he leaves alone.
//!
//! The catch: the grammar knows `not in` as two words with any space between them, or none, while what reads its result knows the
//! spelling with one space only, and panics at others. So every spelling becomes that one.
//!
//! Kong: `net.port` is the old name of `net.dst.port`, and still understood.

use crate::expression::ExpressionError;

/// Longest sentence. Reading one takes memory of some hundred times its length.
pub(crate) const LENGTH_MAX_BYTES: usize = 64 * 1024;

/// Brackets within brackets. Each level is a dozen calls on the stack of whoever reads or judges it.
pub(crate) const DEPTH_MAX: usize = 64;

/// `&&` and `||` in one sentence. A chain of them is read as a tree that is as deep as the chain is long.
pub(crate) const JOINTS_MAX: usize = 1_000;

/// The sentence as the grammar knows it.
pub(crate) fn spell(text: &str) -> Result<String, ExpressionError> {
    if text.len() > LENGTH_MAX_BYTES {
        return Err(ExpressionError::TooLong);
    }
    let mut reader = Reader {
        rest: text,
        spelled: String::with_capacity(text.len()),
        depth: 0,
        joints: 0,
    };
    while !reader.rest.is_empty() {
        reader.step()?;
    }
    Ok(reader.spelled)
}

struct Reader<'t> {
    rest: &'t str,
    spelled: String,
    depth: usize,
    joints: usize,
}

impl<'t> Reader<'t> {
    fn step(&mut self) -> Result<(), ExpressionError> {
        let quoted = quoted(self.rest);
        let word = word(self.rest);
        if quoted > 0 {
            self.copy(quoted);
        } else if word > 0 {
            self.write_word(word);
        } else {
            self.count()?;
            self.copy(self.rest.chars().next().map_or(0, char::len_utf8));
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), ExpressionError> {
        if self.rest.starts_with('(') {
            self.depth += 1;
        } else if self.rest.starts_with(')') {
            self.depth = self.depth.saturating_sub(1);
        } else if self.rest.starts_with("&&") || self.rest.starts_with("||") {
            self.joints += 1;
        }
        match (self.depth > DEPTH_MAX, self.joints > JOINTS_MAX) {
            (true, _) => Err(ExpressionError::TooDeep),
            (_, true) => Err(ExpressionError::TooManyTerms),
            (false, false) => Ok(()),
        }
    }

    fn write_word(&mut self, length: usize) {
        let word = &self.rest[..length];
        let behind_not = self.rest.strip_prefix("not").map(str::trim_ascii_start);
        if let Some(behind) = behind_not.and_then(|behind| behind.strip_prefix("in")) {
            self.spelled.push_str("not in");
            self.rest = behind;
        } else if word == "net.port" {
            self.spelled.push_str("net.dst.port");
            self.rest = &self.rest[length..];
        } else {
            self.copy(length);
        }
    }

    fn copy(&mut self, length: usize) {
        let (done, rest) = self.rest.split_at(length);
        self.spelled.push_str(done);
        self.rest = rest;
    }
}

/// The length of the text in quotation marks at the front, the marks included; 0 if there is none. One that never ends lasts to the end.
fn quoted(text: &str) -> usize {
    if let Some(raw) = text.strip_prefix("r#\"") {
        return raw.find("\"#").map_or(text.len(), |at| at + "r#\"\"#".len());
    }
    let Some(inner) = text.strip_prefix('"') else {
        return 0;
    };
    let mut escaped = false;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return at + "\"\"".len(),
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// The length of the word at the front: a letter, then letters, digits, dots, underscores.
fn word(text: &str) -> usize {
    if !text.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return 0;
    }
    let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    text.find(|c: char| !goes_on(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_in_has_one_space_however_it_was_written() {
        for text in [
            "net.src.ip not in 10.0.0.0/8",
            "net.src.ip not  in 10.0.0.0/8",
            "net.src.ip not\n\tin 10.0.0.0/8",
            "net.src.ip notin 10.0.0.0/8",
        ] {
            assert_eq!(spell(text).unwrap(), "net.src.ip not in 10.0.0.0/8", "{text:?}");
        }
    }

    #[test]
    fn texts_in_quotation_marks_stay_as_they_are() {
        for text in [
            r#"http.path == "not  in net.port ((((""#,
            r##"http.path == r#"not  in " net.port"# "##,
            r#"http.path == "a\"not  in""#,
            r#"http.path == "a\\" && http.method == "b""#,
            "http.path == \"without end",
            "http.path == r#\"without end",
        ] {
            assert_eq!(spell(text).unwrap(), text);
        }
    }

    #[test]
    fn the_old_name_of_the_port_is_still_understood() {
        assert_eq!(spell("net.port == 1").unwrap(), "net.dst.port == 1");
        assert_eq!(spell("net.ports == 1").unwrap(), "net.ports == 1");
    }

    #[test]
    fn what_is_too_long_too_deep_or_too_many_is_refused() {
        let deep = |levels: usize| format!("{}a == 1{}", "(".repeat(levels), ")".repeat(levels));
        let many = |joints: usize| vec!["a == 1"; joints + 1].join(" && ");
        let long = |bytes: usize| "x".repeat(bytes);
        for (text, expected) in [
            (deep(DEPTH_MAX), None),
            (deep(DEPTH_MAX + 1), Some(ExpressionError::TooDeep)),
            (many(JOINTS_MAX), None),
            (many(JOINTS_MAX + 1), Some(ExpressionError::TooManyTerms)),
            (long(LENGTH_MAX_BYTES), None),
            (long(LENGTH_MAX_BYTES + 1), Some(ExpressionError::TooLong)),
        ] {
            assert_eq!(spell(&text).err(), expected, "{} bytes", text.len());
        }
    }
}
