//! Who is asked first.
//!
//! Like cards in a game, candidates have a rank, and the highest card that fits takes the
//! request. What makes a card high is how much it asks: hosts spelt out, a regex, more
//! conditions, a longer path, in an order that has to be exactly the one people know.
//!
//! Kong: in the default flavour (`traditional_compatible`) the rank is one 64-bit number. Its
//! published layout puts the number of attributes on top, but what runs computes most parts with
//! 32-bit arithmetic, so that shifts wrap around and land elsewhere. Requests are answered by what
//! runs, and that is what stands here:
//!
//! | bits | content |
//! |---|---|
//! | 60 | hosts are set and none has a wildcard |
//! | 51 | the path is a regex |
//! | 31-29 | how many of methods, hosts, headers, snis, paths, sources, destinations are set |
//! | 27-20 | how many headers are named, 255 at most |
//! | 31-19 | `regex_priority`, for regex paths only, laid over the two above |
//! | 18-0 | length of the plain path |
//!
//! The catch: the lower half is a signed number and keeps its sign when it is widened. Bit 31 is
//! therefore copied into all bits above it, and a candidate with four attributes, or with a
//! `regex_priority` of 4096, outranks everything below it whatever else is set.
//!
//! Kong: among equals the larger id wins. Age plays no part in this flavour; in `traditional`, whose rank is made in `rank/traditional.rs`,
//! it does.
//!
//! Kong: an expression brings its own number, and is asked before all other routes. So the topmost bit is an
//! expression's: of the others' top three, which are always alike, it is cleared.

mod traditional;

use std::ops::BitOr;

use uuid::Uuid;

const EXPRESSION: u64 = 1 << 63;
const EXACT_HOSTS: u64 = 1 << 60;
const REGEX_PATH: u64 = 1 << 51;
const ATTRIBUTES: u32 = 29;
const HEADERS: u32 = 20;
const HEADERS_MAX: usize = 0xff;
const REGEX_PRIORITY: u32 = 19;
const LENGTH_MASK: u32 = (1 << REGEX_PRIORITY) - 1;

/// Places a candidate in the order in which candidates are asked: greater comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    priority: u64,
    /// Greater for what was made earlier, where that counts.
    age: u64,
    id: Uuid,
}

/// By which rules a route gets its rank.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// Those of `traditional_compatible`.
    #[default]
    Compatible,
    /// Those of `traditional`.
    Traditional {
        /// When the route was made, in seconds of Unix time.
        created_at: u64,
    },
}

/// Which of a route's fields are set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Asked(u8);

impl Asked {
    /// Kong: the weight of fields in the flavour `traditional`.
    pub(crate) const HOSTS: Asked = Asked(0x40);
    pub(crate) const HEADERS: Asked = Asked(0x20);
    pub(crate) const PATHS: Asked = Asked(0x10);
    pub(crate) const METHODS: Asked = Asked(0x08);
    pub(crate) const SNIS: Asked = Asked(0x04);
    pub(crate) const SOURCES: Asked = Asked(0x02);
    pub(crate) const DESTINATIONS: Asked = Asked(0x01);

    /// How many.
    pub(crate) fn count(self) -> u32 {
        self.0.count_ones()
    }

    fn bits(self) -> u8 {
        self.0
    }
}

impl BitOr for Asked {
    type Output = Asked;

    fn bitor(self, other: Asked) -> Asked {
        Asked(self.0 | other.0)
    }
}

impl FromIterator<Asked> for Asked {
    fn from_iter<I: IntoIterator<Item = Asked>>(fields: I) -> Asked {
        fields.into_iter().fold(Asked::default(), Asked::bitor)
    }
}

/// What a route's rank is made of, apart from the path.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traits {
    /// Which of methods, hosts, headers, snis, paths, sources and destinations are set.
    pub(crate) asked: Asked,
    /// Hosts are set and none has a wildcard.
    pub(crate) exact_hosts: bool,
    /// A host has a wildcard and a port.
    pub(crate) wildcard_with_port: bool,
    /// How many headers are named.
    pub(crate) headers: usize,
    /// By which rules.
    pub(crate) order: Order,
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
        match traits.order {
            Order::Compatible => Rank {
                priority: compatible(traits, path),
                age: 0,
                id,
            },
            Order::Traditional { created_at } => Rank {
                priority: traditional::priority(traits, path),
                age: u64::MAX - created_at,
                id,
            },
        }
    }

    /// Of an expression with this priority.
    pub(crate) fn of_expression(priority: u64, id: Uuid) -> Self {
        Rank {
            priority: EXPRESSION | priority,
            age: 0,
            id,
        }
    }
}

fn compatible(traits: Traits, path: PathTrait) -> u64 {
    let exact = if traits.exact_hosts { EXACT_HOSTS } else { 0 };
    let regex = if matches!(path, PathTrait::Regex(_)) {
        REGEX_PATH
    } else {
        0
    };
    let low = traits.low_bits() | path.low_bits();
    (widen(low) | exact | regex) & !EXPRESSION
}

/// Widens as a signed number does: bit 31 fills everything above it.
fn widen(low: u32) -> u64 {
    i64::from(low.cast_signed()).cast_unsigned()
}

impl Traits {
    fn low_bits(self) -> u32 {
        self.asked.count() << ATTRIBUTES | self.counted_headers() << HEADERS
    }

    fn counted_headers(self) -> u32 {
        self.headers.min(HEADERS_MAX) as u32
    }
}

impl PathTrait {
    fn low_bits(self) -> u32 {
        match self {
            PathTrait::Plain(length) => length as u32 & LENGTH_MASK,
            PathTrait::Regex(priority) => (priority as u32) << REGEX_PRIORITY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Traits = Traits {
        asked: Asked(0b1),
        exact_hosts: false,
        wildcard_with_port: false,
        headers: 0,
        order: Order::Compatible,
    };

    /// So many fields, whichever.
    fn asking(count: u32) -> Traits {
        Traits {
            asked: Asked((1 << count) - 1),
            ..ONE
        }
    }

    fn rank(traits: Traits, path: PathTrait, id: u128) -> Rank {
        Rank::new(traits, path, Uuid::from_u128(id))
    }

    fn check(falling: &[Rank]) {
        assert!(falling.is_sorted_by(|a, b| a > b), "{falling:?}");
    }

    #[test]
    fn each_rule_beats_all_rules_after_it() {
        check(&[
            rank(
                Traits {
                    exact_hosts: true,
                    ..ONE
                },
                PathTrait::Plain(0),
                0,
            ),
            rank(ONE, PathTrait::Regex(0), 0),
            rank(asking(3), PathTrait::Plain(0), 0),
            rank(asking(2), PathTrait::Plain(9), 0),
            rank(Traits { headers: 2, ..ONE }, PathTrait::Plain(0), 0),
            rank(Traits { headers: 1, ..ONE }, PathTrait::Plain(9), 0),
            rank(ONE, PathTrait::Plain(9), 0),
            rank(ONE, PathTrait::Plain(8), 2),
            rank(ONE, PathTrait::Plain(8), 1),
        ]);
    }

    #[test]
    fn the_priority_of_a_regex_is_laid_over_the_counts() {
        check(&[
            rank(asking(2), PathTrait::Regex(0), 0),
            rank(ONE, PathTrait::Regex(7), 0),
            rank(ONE, PathTrait::Regex(0), 0),
        ]);
        // 1 << 10 lies on the bit of the attribute count: laid over, not added.
        assert_eq!(
            rank(ONE, PathTrait::Regex(1 << 10), 0),
            rank(ONE, PathTrait::Regex(0), 0)
        );
    }

    #[test]
    fn four_attributes_or_a_priority_of_4096_outrank_everything() {
        let exact = Traits {
            exact_hosts: true,
            headers: 9,
            ..asking(3)
        };
        check(&[
            rank(asking(4), PathTrait::Plain(1), 0),
            rank(asking(4), PathTrait::Plain(0), 0),
            rank(exact, PathTrait::Regex(0), 0),
        ]);
        check(&[
            rank(ONE, PathTrait::Regex(4096), 0),
            rank(exact, PathTrait::Regex(0), 0),
        ]);
        check(&[
            rank(ONE, PathTrait::Regex(-1), 0),
            rank(exact, PathTrait::Regex(0), 0),
        ]);
    }

    #[test]
    fn an_expression_is_asked_before_everything_that_is_none() {
        let expression = |priority| Rank::of_expression(priority, Uuid::nil());
        check(&[
            expression((1 << 46) - 1),
            expression(1),
            expression(0),
            rank(asking(4), PathTrait::Regex(4096), u128::MAX),
        ]);
    }

    #[test]
    fn more_than_255_headers_count_as_255() {
        let many = |headers| rank(Traits { headers, ..ONE }, PathTrait::Plain(0), 0);
        assert_eq!(many(255), many(300));
    }
}
