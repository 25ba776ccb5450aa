//! The answer of a look-up: the route, and what of the path it matched.
//!
//! The match borrows from the router and holds no copy of anything. Regex captures are computed
//! when somebody asks for them: most routes have captures nobody reads. Only an expression has found its
//! groups by the time it has matched, and hands them over.

use std::sync::Arc;

use regex::Regex;
use uuid::Uuid;

/// The route that answers a request.
#[derive(Debug)]
pub struct Match<'r, T> {
    /// What the caller hung on the route.
    pub payload: &'r Arc<T>,
    /// The route's id.
    pub route: Uuid,
    /// What of the path was matched.
    pub path: PathMatch<'r>,
}

/// What of the normalised path a route matched.
#[derive(Debug, Clone)]
pub enum PathMatch<'r> {
    /// The route has no paths.
    Any,
    /// A plain path.
    Prefix {
        /// Its length in bytes.
        length: usize,
    },
    /// A regex.
    Regex {
        /// The length of the matched text in bytes.
        length: usize,
        /// The regex, for its captures.
        regex: &'r Regex,
    },
    /// An expression.
    Expression {
        /// The length of what it last compared the path with, in bytes; 0 when it did not.
        length: usize,
        /// Groups of its regexes, whatever they were about.
        groups: Box<[Group]>,
    },
}

/// A group that an expression found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub(crate) index: usize,
    pub(crate) name: Option<Box<str>>,
    pub(crate) value: String,
}

/// One group of a regex path and what it stood for in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capture<'a> {
    /// The number of the group; 0 is the whole match.
    pub index: usize,
    /// The name, for `(?<name>…)`.
    pub name: Option<&'a str>,
    /// The text.
    pub value: &'a str,
}

impl<'r> PathMatch<'r> {
    /// How many bytes of the normalised path a route that strips its path takes away.
    pub fn length(&self) -> usize {
        match *self {
            PathMatch::Any => 0,
            PathMatch::Prefix { length }
            | PathMatch::Regex { length, .. }
            | PathMatch::Expression { length, .. } => length,
        }
    }

    /// The groups of regexes that took part in the match; `path` is the path that was matched.
    pub fn captures<'a>(&'a self, path: &'a str) -> Vec<Capture<'a>> {
        match self {
            PathMatch::Any | PathMatch::Prefix { .. } => Vec::new(),
            PathMatch::Regex { regex, .. } => captures_of(regex, path),
            PathMatch::Expression { groups, .. } => groups.iter().map(Group::as_capture).collect(),
        }
    }
}

impl Group {
    fn as_capture(&self) -> Capture<'_> {
        Capture {
            index: self.index,
            name: self.name.as_deref(),
            value: &self.value,
        }
    }
}

fn captures_of<'a>(regex: &'a Regex, path: &'a str) -> Vec<Capture<'a>> {
    let Some(groups) = regex.captures(path) else {
        return Vec::new();
    };
    regex
        .capture_names()
        .enumerate()
        .filter_map(|(index, name)| {
            Some(Capture {
                index,
                name,
                value: groups.get(index)?.as_str(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_have_numbers_and_the_named_ones_names() {
        let regex = Regex::new("^/v(?<version>\\d+)/(\\w+)(/x)?").unwrap();
        let found = PathMatch::Regex {
            length: 0,
            regex: &regex,
        };
        let captures = found.captures("/v12/items");
        let seen: Vec<_> = captures.iter().map(|c| (c.index, c.name, c.value)).collect();
        assert_eq!(
            seen,
            [
                (0, None, "/v12/items"),
                (1, Some("version"), "12"),
                (2, None, "items")
            ]
        );
    }
}
