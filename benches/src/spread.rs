//! Samples and where they lie.
//!
//! On a machine with neighbours the mean belongs to the neighbours. The middle sample and the quartiles around it do not, as
//! long as most rounds are undisturbed.

use std::time::Duration;

/// Sorted samples.
#[derive(Clone, Debug)]
pub struct Spread(Vec<f64>);

impl Spread {
    /// Of any samples; those that are no numbers (a ratio over nothing) are left out.
    pub fn of(samples: impl IntoIterator<Item = f64>) -> Self {
        let mut samples: Vec<f64> = samples.into_iter().filter(|sample| sample.is_finite()).collect();
        samples.sort_by(f64::total_cmp);
        Spread(samples)
    }

    /// Of times, in milliseconds.
    pub fn of_millis(times: impl IntoIterator<Item = Duration>) -> Self {
        Spread::of(times.into_iter().map(|time| time.as_secs_f64() * 1e3))
    }

    /// How many samples.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The sample below which `share` (0 to 1) of all lie: nearest rank, so that it is always one that was measured.
    pub fn at(&self, share: f64) -> f64 {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        let place = rank.clamp(1, self.0.len().max(1)) - 1;
        self.0.get(place).copied().unwrap_or(f64::NAN)
    }

    /// The middle one.
    pub fn median(&self) -> f64 {
        self.at(0.5)
    }

    /// The middle half, for the report's note.
    pub fn quartiles(&self) -> String {
        format!("[{:.2}, {:.2}] of {}", self.at(0.25), self.at(0.75), self.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_the_nearest_rank() {
        let spread = Spread::of((1..=100).map(f64::from));
        let found = [0.0, 0.01, 0.5, 0.99, 1.0].map(|share| spread.at(share));
        assert_eq!(found, [1.0, 1.0, 50.0, 99.0, 100.0]);
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        let spread = Spread::of([f64::NAN, 3.0, f64::INFINITY, 1.0, 2.0]);
        assert_eq!((spread.count(), spread.median()), (3, 2.0));
    }

    #[test]
    fn nothing_measured_is_no_number() {
        assert!(Spread::of([]).median().is_nan());
    }
}
