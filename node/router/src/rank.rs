//! Who is asked first.
//!
//! Like cards in a game, candidates have a rank, and the highest card that fits takes the
//! request. More conditions beat fewer, whatever they are; then hosts spelt out beat wildcards,
//! more headers beat fewer, a regex beats a plain path, and a longer path beats a shorter one.
//!
//! Kong: all of this is one 64-bit number (the `traditional_compatible` flavour), laid out so
//! that comparing numbers is comparing rule by rule:
//!
//! | bits | content |
//! |---|---|
//! | 63-61 | how many of methods, hosts, headers, snis, paths are set |
//! | 60 | hosts are set and none has a wildcard |
//! | 59-52 | how many headers are named, 255 at most |
//! | 51 | the path is a regex |
//! | 50-19 | `regex_priority`, for regex paths only |
//! | 18-0 | length of the plain path |
//!
//! Kong: among equals the larger id wins. Age plays no part in this flavour.

use uuid::Uuid;

const ATTRIBUTES: u32 = 61;
const EXACT_HOSTS: u64 = 1 << 60;
const HEADERS: u32 = 52;
const HEADERS_MAX: usize = 0xff;
const REGEX_PATH: u64 = 1 << 51;
const REGEX_PRIORITY: u32 = 19;
const LENGTH_MASK: u64 = (1 << REGEX_PRIORITY) - 1;

/// Places a candidate in the order in which candidates are asked: greater comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    priority: u64,
    id: Uuid,
}

/// What a route's rank is made of, apart from the path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traits {
    /// How many of methods, hosts, headers, snis and paths are set.
    pub(crate) attributes: u8,
    /// Hosts are set and none has a wildcard.
    pub(crate) exact_hosts: bool,
    /// How many headers are named.
    pub(crate) headers: usize,
}

/// The path's share of a rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathTrait {
    /// A plain path of this many bytes; zero when the route has no path.
    Plain(usize),
    /// A regex, with the route's `regex_priority`.
    Regex(i64),
}

impl Rank {
    pub(crate) fn new(traits: Traits, path: PathTrait, id: Uuid) -> Self {
        let attributes = u64::from(traits.attributes) << ATTRIBUTES;
        let exact = if traits.exact_hosts { EXACT_HOSTS } else { 0 };
        let headers = (traits.headers.min(HEADERS_MAX) as u64) << HEADERS;
        Rank {
            priority: attributes | exact | headers | path.bits(),
            id,
        }
    }
}

impl PathTrait {
    fn bits(self) -> u64 {
        match self {
            PathTrait::Plain(length) => length as u64 & LENGTH_MASK,
            // Kong: a regex_priority that is negative or wider than 32 bits spills into the bits
            // above it, so that -1 outranks everything.
            PathTrait::Regex(priority) => REGEX_PATH | (priority as u64) << REGEX_PRIORITY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Traits = Traits {
        attributes: 1,
        exact_hosts: false,
        headers: 0,
    };

    fn rank(traits: Traits, path: PathTrait, id: u128) -> Rank {
        Rank::new(traits, path, Uuid::from_u128(id))
    }

    #[test]
    fn each_rule_beats_all_rules_after_it() {
        let falling = [
            rank(
                Traits {
                    attributes: 2,
                    ..NOTHING
                },
                PathTrait::Plain(0),
                0,
            ),
            rank(
                Traits {
                    exact_hosts: true,
                    ..NOTHING
                },
                PathTrait::Plain(0),
                0,
            ),
            rank(
                Traits {
                    headers: 2,
                    ..NOTHING
                },
                PathTrait::Plain(0),
                0,
            ),
            rank(
                Traits {
                    headers: 1,
                    ..NOTHING
                },
                PathTrait::Regex(0),
                0,
            ),
            rank(NOTHING, PathTrait::Regex(7), 0),
            rank(NOTHING, PathTrait::Regex(0), 0),
            rank(NOTHING, PathTrait::Plain(9), 0),
            rank(NOTHING, PathTrait::Plain(8), 2),
            rank(NOTHING, PathTrait::Plain(8), 1),
        ];
        assert!(falling.is_sorted_by(|a, b| a > b), "{falling:?}");
    }

    #[test]
    fn more_than_255_headers_count_as_255() {
        let many = |headers| rank(Traits { headers, ..NOTHING }, PathTrait::Plain(0), 0);
        assert_eq!(many(255), many(300));
    }
}
