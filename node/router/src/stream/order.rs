//! Which route of connections is asked before which.
//!
//! As at a counter where whoever brings the more exact form is served first. In one number: what kind of claim a route has, then how exactly it names
//! both ends.
//!
//! Kong: expressions come first, by their own numbers. Then a name, or a source together with a destination, ranks above everything; then exact
//! addresses above ports above ranges, the source's before the destination's; then the larger id. In the flavour `traditional` the number of fields
//! that are set ranks first, then a name above a source above a destination; and the older route comes before the larger id.

use super::StreamFields;
use crate::endpoint::Endpoint;
use troop_expression::Flavor;
use uuid::Uuid;

/// The place of a route in the order: greater comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    priority: u64,
    /// Greater for what was made earlier, where that counts.
    age: u64,
    id: Uuid,
}

impl Rank {
    /// Of fields.
    pub(super) fn of_form(fields: &StreamFields<'_>) -> Rank {
        let weigh = |list: &[Endpoint]| list.iter().map(Endpoint::weight).fold(0, |all, one| all | one);
        let ends = weigh(&fields.sources) << 4 | weigh(&fields.destinations);
        let (claim, age) = match fields.flavor {
            Flavor::TraditionalCompatible | Flavor::Expressions => (fields.claim(), 0),
            Flavor::Traditional => (fields.traditional_claim(), u64::MAX - fields.created_at),
        };
        Rank {
            priority: claim | ends,
            age,
            id: fields.id,
        }
    }

    /// Of an expression with this priority.
    pub(super) fn of_expression(priority: u64, id: Uuid) -> Rank {
        const EXPRESSION: u64 = 1 << 63;
        Rank {
            priority: EXPRESSION | priority,
            age: 0,
            id,
        }
    }
}

impl StreamFields<'_> {
    /// What ranks above the ends.
    fn claim(&self) -> u64 {
        const NAMED: u64 = 1 << 61;
        let both_ends = !self.sources.is_empty() && !self.destinations.is_empty();
        if both_ends || !self.snis.is_empty() {
            NAMED
        } else {
            0
        }
    }

    /// Kong: how many fields, then which.
    fn traditional_claim(&self) -> u64 {
        const COUNT: u32 = 60;
        const WHICH: u32 = 53;
        let set = [
            !self.snis.is_empty(),
            !self.sources.is_empty(),
            !self.destinations.is_empty(),
        ];
        let which = set
            .into_iter()
            .fold(0, |bits: u64, is_set| bits << 1 | u64::from(is_set));
        u64::from(which.count_ones()) << COUNT | which << WHICH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(net: Option<&str>, port: Option<u16>) -> Endpoint {
        Endpoint {
            net: net.map(|net| net.parse().expect("a range")),
            port,
        }
    }

    #[test]
    fn in_the_flavour_traditional_the_number_of_fields_then_their_kind_then_age_decide() {
        let made = |id: u128, created_at, from: &[Endpoint], to: &[Endpoint], snis: &[&str]| {
            let snis: Vec<String> = snis.iter().map(|sni| (*sni).to_owned()).collect();
            Rank::of_form(&StreamFields {
                id: Uuid::from_u128(id),
                sources: from.to_vec(),
                destinations: to.to_vec(),
                snis: &snis,
                flavor: Flavor::Traditional,
                created_at,
                ..StreamFields::default()
            })
        };
        let (range, exact) = (end(Some("10.0.0.0/8"), None), end(Some("10.0.0.1/32"), None));
        let port = end(None, Some(9000));
        let falling = [
            made(1, 9, &[range], &[port], &["a.test"]),
            made(1, 9, &[range], &[], &["a.test"]),
            made(1, 9, &[range], &[port], &[]),
            made(1, 9, &[], &[], &["a.test"]),
            made(1, 9, &[exact], &[], &[]),
            made(1, 9, &[range], &[], &[]),
            made(1, 9, &[], &[exact], &[]),
            made(1, 8, &[], &[port], &[]),
            made(2, 9, &[], &[port], &[]),
            made(1, 9, &[], &[port], &[]),
        ];
        assert!(falling.is_sorted_by(|a, b| a > b), "{falling:?}");
    }
}
