//! Where something is: as a path through the values, and as a line of the text.
//!
//! A path is the address, `services[0].routes[1].paths`; a position is the spot on the map. The path is always known,
//! the position only where a text was read.

use std::fmt;

/// One turn on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a member.
    Key(String),
    /// Into an element, counted from zero.
    Index(usize),
}

/// The way to a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<Step>);

impl Path {
    /// The whole document.
    pub fn root() -> Self {
        Path::default()
    }

    /// The way on to a member.
    pub fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }

    /// The way on to an element, counted from zero.
    pub fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    /// The turns.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// How many turns there are.
    pub(crate) fn depth(&self) -> usize {
        self.0.len()
    }

    /// Whether it leads into a record that is nested in another: further than into a collection at the top.
    pub(crate) fn is_nested(&self) -> bool {
        self.0.len() > 2
    }

    /// Its place in the collection of the record it is nested in.
    pub(crate) fn nested_at(&self) -> Option<usize> {
        match self.0.last() {
            Some(Step::Index(at)) if self.is_nested() => Some(*at),
            _ => None,
        }
    }

    pub(crate) fn enter(&mut self, step: Step) {
        self.0.push(step);
    }

    pub(crate) fn leave(&mut self) {
        self.0.pop();
    }

    fn then(&self, step: Step) -> Self {
        let mut path = self.clone();
        path.enter(step);
        path
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the document");
        }
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if at == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// A spot in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Counted from one.
    pub line: usize,
    /// Counted from one, in characters.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_like_an_address() {
        let path = Path::root().key("services").index(0).key("routes");
        assert_eq!(path.to_string(), "services[0].routes");
        assert_eq!(Path::root().to_string(), "the document");
    }
}
