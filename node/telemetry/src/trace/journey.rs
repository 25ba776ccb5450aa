//! The journey of one request, as this station sees it.

use super::{Style, Waybill};

/// Where it belongs and whether it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Journey {
    /// The whole of it.
    pub trace_id: u128,
    /// The station before; none if it begins here.
    pub parent: Option<u64>,
    /// This station.
    pub id: u64,
    /// Whether spans of it are kept.
    pub kept: bool,
    style: Style,
}

impl Journey {
    /// Goes on with the waybill that came, or begins. Nobody has decided yet: then this `share` of all journeys is kept. The random
    /// numbers are used where new ones are needed.
    pub fn begin(came: Option<Waybill>, random_trace: u128, random_id: u64, share: f64) -> Self {
        let chosen = || part_of_one(random_trace as u64) < share;
        // Zero would mean "none".
        let id = random_id.max(1);
        match came {
            Some(waybill) => Journey {
                trace_id: waybill.trace_id,
                parent: Some(waybill.span_id),
                id,
                kept: waybill.sampled.unwrap_or_else(chosen),
                style: waybill.style,
            },
            None => Journey {
                trace_id: random_trace.max(1),
                parent: None,
                id,
                kept: chosen(),
                style: Style::W3c,
            },
        }
    }

    /// The waybill to send on, with the station that sends it.
    pub fn waybill(&self, from: u64) -> Waybill {
        Waybill {
            trace_id: self.trace_id,
            span_id: from,
            sampled: Some(self.kept),
            style: self.style,
        }
    }

    /// How its number is written on the way.
    pub fn style(&self) -> Style {
        self.style
    }

    /// The journey as text.
    pub fn trace_text(&self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

/// From 0 to just below 1.
fn part_of_one(random: u64) -> f64 {
    (random >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(sampled: Option<bool>) -> Option<Waybill> {
        Some(Waybill {
            trace_id: 7,
            span_id: 8,
            sampled,
            style: Style::B3,
        })
    }

    fn check(came: Option<Waybill>, random: u128, share: f64, kept: bool) {
        assert_eq!(Journey::begin(came, random, 5, share).kept, kept);
    }

    #[test]
    fn who_decided_before_us_is_obeyed() {
        check(came(Some(true)), u128::MAX, 0.0, true);
        check(came(Some(false)), 0, 1.0, false);
        check(came(None), 0, 0.5, true);
        check(came(None), u128::MAX, 0.5, false);
    }

    #[test]
    fn of_journeys_that_begin_here_the_share_is_kept() {
        check(None, u128::MAX, 1.0, true);
        check(None, 0, 0.0, false);
        let spread = |n: u128| n * (u64::MAX as u128 / 1_000);
        let kept = (0..1_000).filter(|n| Journey::begin(None, spread(*n), 5, 0.25).kept);
        assert!((245..=255).contains(&kept.count()));
    }

    #[test]
    fn a_journey_goes_on_from_the_station_before() {
        let journey = Journey::begin(came(None), 99, 5, 1.0);
        assert_eq!((journey.trace_id, journey.parent, journey.id), (7, Some(8), 5));
        assert_eq!(
            journey.waybill(6).write(),
            [("b3", format!("{:032x}-{:016x}-1", 7, 6))]
        );
        let first = Journey::begin(None, 99, 0, 1.0);
        assert_eq!((first.trace_id, first.parent, first.id), (99, None, 1));
        assert_eq!((journey.style().as_str(), first.style().as_str()), ("b3", "w3c"));
    }
}
