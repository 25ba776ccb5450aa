//! Who is asked first in the flavour `traditional`.
//!
//! The game as it was played before Kong 3.0: first the number of things a card asks for, then which things these are, and only then
//! how exactly it asks. Where all of that is equal, the older route wins, as with people in a queue.
//!
//! Kong: what its router decides in several rounds (it sorts routes into categories, and each category by itself) is one number here:
//!
//! | bits | content |
//! |---|---|
//! | 62-60 | how many of hosts, headers, paths, methods, snis, sources, destinations are set |
//! | 59-53 | which: one bit each, in this order, hosts on top |
//! | 52 | a host with a wildcard and a port |
//! | 51 | hosts are set and none has a wildcard |
//! | 50 | the path is a regex |
//! | 49-42 | how many headers are named, 255 at most |
//! | 41-0 | `regex_priority` of a regex, or the length of a plain path |
//!
//! The catch: Kong's router takes short cuts. Within a category it asks the routes that were filed under what the request shows first, so where a
//! wildcard with a port competes with a plain host, or headers with other headers, the number of routes can decide. Short cuts are not copied:
//! who wins depends on the routes that fit, and on no others.

use super::{PathTrait, Traits};

const COUNT: u32 = 60;
const WHICH: u32 = 53;
const WILDCARD_WITH_PORT: u64 = 1 << 52;
const EXACT_HOSTS: u64 = 1 << 51;
const REGEX_PATH: u64 = 1 << 50;
const HEADERS: u32 = 42;
const VALUE_MAX: u64 = (1 << HEADERS) - 1;

/// Halfway, so that a `regex_priority` may be below zero. Those beyond two billion times a thousand in either direction count as that.
const ZERO: i64 = 1 << (HEADERS - 1);

/// What of a rank is no matter of age.
pub(super) fn priority(traits: Traits, path: PathTrait) -> u64 {
    let bit = |is_set: bool, bit: u64| if is_set { bit } else { 0 };
    let (is_regex, value) = match path {
        PathTrait::Plain(length) => (false, VALUE_MAX.min(length as u64)),
        PathTrait::Regex(priority) => (true, above_zero(priority)),
    };
    u64::from(traits.asked.count()) << COUNT
        | u64::from(traits.asked.bits()) << WHICH
        | bit(traits.wildcard_with_port, WILDCARD_WITH_PORT)
        | bit(traits.exact_hosts, EXACT_HOSTS)
        | bit(is_regex, REGEX_PATH)
        | u64::from(traits.counted_headers()) << HEADERS
        | value
}

fn above_zero(priority: i64) -> u64 {
    let clamped = priority.clamp(-ZERO, ZERO - 1);
    (clamped + ZERO).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::super::{Asked, Order, Rank};
    use super::*;
    use uuid::Uuid;

    fn route(asked: Asked) -> Traits {
        Traits {
            asked,
            order: Order::Traditional { created_at: 100 },
            ..Traits::default()
        }
    }

    fn made_at(created_at: u64) -> Traits {
        Traits {
            order: Order::Traditional { created_at },
            ..route(Asked::PATHS)
        }
    }

    /// Each of these is asked before the next.
    fn check(falling: &[(Traits, PathTrait, u128)]) {
        let ranks = falling
            .iter()
            .map(|(traits, path, id)| Rank::new(*traits, *path, Uuid::from_u128(*id)));
        let ranks: Vec<Rank> = ranks.collect();
        assert!(ranks.is_sorted_by(|a, b| a > b), "{falling:?}");
    }

    const SHORT: PathTrait = PathTrait::Plain(1);

    #[test]
    fn more_fields_come_first_whatever_they_are() {
        let least = Asked::DESTINATIONS | Asked::SOURCES;
        check(&[
            (route(least | Asked::SNIS), SHORT, 1),
            (route(Asked::HOSTS | Asked::HEADERS), PathTrait::Regex(9), 9),
            (route(least), SHORT, 1),
            (route(Asked::HOSTS), PathTrait::Regex(9), 9),
        ]);
    }

    #[test]
    fn of_as_many_fields_their_kind_decides() {
        let kinds = [
            Asked::HOSTS,
            Asked::HEADERS,
            Asked::PATHS,
            Asked::METHODS,
            Asked::SNIS,
            Asked::SOURCES,
            Asked::DESTINATIONS,
        ];
        let falling = kinds.map(|kind| (route(kind), SHORT, 1));
        check(&falling);
    }

    #[test]
    fn within_a_kind_exactness_then_headers_then_the_path_then_age_decide() {
        let both = route(Asked::HOSTS | Asked::HEADERS | Asked::PATHS);
        let with_port = Traits {
            wildcard_with_port: true,
            ..both
        };
        let exact = Traits {
            exact_hosts: true,
            ..both
        };
        let of_headers = |headers| Traits { headers, ..both };
        check(&[
            (with_port, SHORT, 1),
            (exact, PathTrait::Regex(0), 1),
            (exact, PathTrait::Plain(99), 9),
            (both, PathTrait::Regex(0), 1),
            (of_headers(3), SHORT, 1),
            (of_headers(2), PathTrait::Plain(9), 9),
            (of_headers(1), PathTrait::Plain(9), 9),
        ]);
        check(&[
            (both, PathTrait::Regex(i64::MAX), 1),
            (both, PathTrait::Regex(4096), 1),
            (both, PathTrait::Regex(1), 1),
            (both, PathTrait::Regex(0), 9),
            (both, PathTrait::Regex(-1), 9),
            (both, PathTrait::Regex(i64::MIN), 9),
            (both, PathTrait::Plain(usize::MAX), 9),
            (both, PathTrait::Plain(2), 1),
            (both, PathTrait::Plain(1), 9),
        ]);
    }

    #[test]
    fn the_older_of_equals_comes_first_and_the_greater_id_of_those_made_together() {
        check(&[
            (made_at(0), SHORT, 1),
            (made_at(99), SHORT, 2),
            (made_at(100), SHORT, 9),
            (made_at(100), SHORT, 8),
            (made_at(101), SHORT, 99),
        ]);
    }
}
