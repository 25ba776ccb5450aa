//! Whether enough of an upstream is left to serve at all.
//!
//! A ship that lost too many engines stays in port, although the last engine still runs: the few
//! peers that are up would be crushed by the load of all. The operator says where that point is,
//! as a percentage of the weight.
//!
//! Kong: the share must be *above* the threshold. A threshold of 0 asks for any weight at all, a
//! threshold of 100 can never be met.

/// The weight of an upstream's peers, and how much of it is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capacity {
    total: u64,
    available: u64,
}

impl Capacity {
    /// Adds up peers, each as its weight and whether it is up.
    pub fn of(peers: impl IntoIterator<Item = (u32, bool)>) -> Self {
        peers
            .into_iter()
            .fold(Capacity::default(), |sum, (weight, up)| Capacity {
                total: sum.total + u64::from(weight),
                available: sum.available + if up { u64::from(weight) } else { 0 },
            })
    }

    /// The weight of all peers.
    pub fn total(self) -> u64 {
        self.total
    }

    /// The weight of the peers that are up.
    pub fn available(self) -> u64 {
        self.available
    }

    /// Whether the share that is up exceeds `threshold` percent.
    pub fn exceeds(self, threshold: f64) -> bool {
        self.total > 0 && self.available as f64 / self.total as f64 * 100.0 > threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peers: &[(u32, bool)], threshold: f64, expected: bool) {
        assert_eq!(
            Capacity::of(peers.iter().copied()).exceeds(threshold),
            expected,
            "{peers:?} {threshold}"
        );
    }

    #[test]
    fn the_share_that_is_up_must_be_above_the_threshold() {
        check(&[(100, true), (100, false)], 49.9, true);
        check(&[(100, true), (100, false)], 50.0, false);
        check(&[(100, true)], 100.0, false);
    }

    #[test]
    fn a_threshold_of_zero_asks_for_any_weight_at_all() {
        check(&[(1, true), (1000, false)], 0.0, true);
        check(&[(1000, false)], 0.0, false);
        check(&[(0, true)], 0.0, false);
        check(&[], 0.0, false);
    }
}
