//! What other nodes may ask this one.

use crate::{agreement::FLAVOR, facts::Facts};
use std::{sync::Arc, time::SystemTime};
use troop_admin::NodeFacts;
use troop_cluster::question::Answerer;
use troop_expression::Flavor;
use troop_plugins::Tally;
use uuid::Uuid;

/// The health of an upstream here, by its id.
pub const HEALTH: &str = "upstream_health";

/// To take note of what the other node has counted.
pub const COUNTS: &str = "counts";

/// Answers.
pub struct Answers {
    /// What the balancer thinks.
    pub facts: Arc<Facts>,
    /// Counts kept with the others.
    pub tally: Arc<Tally>,
    /// How routes are read here.
    pub flavor: Flavor,
}

impl Answerer for Answers {
    fn answer(&self, subject: &str, question: &[u8]) -> Option<Vec<u8>> {
        match subject {
            HEALTH => {
                let upstream = Uuid::from_slice(question).ok()?;
                serde_json::to_vec(&self.facts.upstream_health(upstream)).ok()
            }
            FLAVOR => Some(self.flavor.as_str().into()),
            COUNTS => self.tally.take_in(question, now_s()),
            _ => None,
        }
    }
}

/// Seconds since 1970.
pub fn now_s() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}
