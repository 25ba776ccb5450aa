//! How fast changes reach the workers.

use std::time::Duration;
use troop_telemetry::Histogram;

/// From a tenth of what one change costs to a whole image of a large configuration.
const BUILD_MARKS: &[Duration] = &[
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(10),
];

/// The same with the wait for it in front.
const PROPAGATION_MARKS: &[Duration] = &[
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
];

/// What was measured.
#[derive(Debug)]
pub struct Pace {
    /// Making the next plan from the last one, or from the whole image.
    pub build: Histogram,
    /// From a revision being applied on this node to its being served.
    pub propagation: Histogram,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            build: Histogram::new(BUILD_MARKS),
            propagation: Histogram::new(PROPAGATION_MARKS),
        }
    }
}
