//! The ceilings the figures must stay below, read from `ceilings.toml`.
//!
//! The file is TOML as far as it goes (names, numbers, comments), so this reads lines and brings no parser along. The text is
//! part of the program: a rig that is carried to another machine takes its ceilings with it.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;

const TEXT: &str = include_str!("../ceilings.toml");

/// Ceilings by name.
#[derive(Clone, Debug, Default)]
pub struct Ceilings(BTreeMap<String, f64>);

impl Ceilings {
    /// Those of this build.
    ///
    /// # Errors
    /// When a line is not `name = number`.
    pub fn read() -> Result<Self> {
        Ceilings::parse(TEXT)
    }

    fn parse(text: &str) -> Result<Self> {
        let mut ceilings = BTreeMap::new();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let (name, number) = line
                .split_once('=')
                .with_context(|| format!("ceilings.toml: {line:?} is not name = number"))?;
            let digits: String = number.trim().chars().filter(|c| *c != '_').collect();
            let number = digits
                .parse()
                .with_context(|| format!("ceilings.toml: {line:?}"))?;
            let twice = ceilings.insert(name.trim().to_owned(), number).is_some();
            ensure!(!twice, "ceilings.toml: {} stands there twice", name.trim());
        }
        Ok(Ceilings(ceilings))
    }

    /// The ceiling of that name.
    pub fn of(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_this_build_reads() {
        let ceilings = Ceilings::read().unwrap();
        assert!(
            ceilings
                .of("instructions_per_request")
                .is_some_and(|ceiling| ceiling > 0.0)
        );
        assert_eq!(ceilings.of("no such figure"), None);
    }

    #[test]
    fn lines_that_are_no_ceiling_are_refused() {
        for text in ["a", "a = b", "a = 1\na = 2"] {
            assert!(Ceilings::parse(text).is_err(), "{text}");
        }
    }
}
