//! Every node walks the same road.
//!
//! Each node knows its revision, a digest of its state there, and a chain: a digest of all it went through. Walkers who were at
//! one milestone must agree about the view (digest) and about the way there (chain), however often they were killed in between
//! and whether they walked or were carried (snapshot). And nobody walks backwards, except a node that was wiped and is a new one, and
//! one that lost its power: its state is brought up to date from the synced log.

use super::Findings;
use crate::history::Nanos;
use std::collections::BTreeMap;

const NAME: &str = "order";

/// What a node said about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// When it had answered.
    pub at: Nanos,
    /// Number of the node.
    pub node: usize,
    /// Which start of its process answered.
    pub start: u32,
    /// How often its power had been cut.
    pub cuts: u32,
    /// Its revision.
    pub revision: u64,
    /// Digest of its state.
    pub digest: String,
    /// Digest of its history.
    pub chain: String,
}

/// Holds the sightings, in the order they were made for each node, against each other.
pub fn check(sightings: &[Sighting]) -> Findings {
    let mut findings = Findings {
        checked: sightings.len() as u64,
        ..Findings::default()
    };
    let mut milestones: BTreeMap<u64, &Sighting> = BTreeMap::new();
    let mut last: BTreeMap<usize, &Sighting> = BTreeMap::new();
    for sighting in sightings {
        let first = *milestones.entry(sighting.revision).or_insert(sighting);
        if (&first.digest, &first.chain) != (&sighting.digest, &sighting.chain) {
            findings.violated(
                NAME,
                format!("node {}", sighting.node),
                sighting.at,
                differ(first, sighting),
            );
        }
        if let Some(before) = last
            .insert(sighting.node, sighting)
            .filter(|before| before.cuts == sighting.cuts && before.revision > sighting.revision)
        {
            let text = format!(
                "went back from revision {} (start {}) to {} (start {})",
                before.revision, before.start, sighting.revision, sighting.start
            );
            findings.violated(NAME, format!("node {}", sighting.node), sighting.at, text);
        }
    }
    findings
}

fn differ(first: &Sighting, second: &Sighting) -> String {
    let what = if first.digest != second.digest {
        "another state"
    } else {
        "another way there"
    };
    format!(
        "has {what} at revision {}: digest {} chain {}, node {} had digest {} chain {}",
        second.revision, second.digest, second.chain, first.node, first.digest, first.chain
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(node: usize, revision: u64, digest: &str, chain: &str) -> Sighting {
        Sighting {
            at: 0,
            node,
            start: 1,
            cuts: 0,
            revision,
            digest: digest.into(),
            chain: chain.into(),
        }
    }

    #[track_caller]
    fn finds(sightings: &[Sighting], expected: &[&str]) {
        let findings = check(sightings);
        let texts: Vec<_> = findings
            .violations
            .iter()
            .map(|violation| violation.text.clone())
            .collect();
        assert_eq!(texts.len(), expected.len(), "{texts:?}");
        for (text, words) in texts.iter().zip(expected) {
            assert!(text.contains(words), "{text} does not say {words}");
        }
    }

    #[test]
    fn equal_revisions_have_equal_digests_and_chains() {
        finds(
            &[
                sighting(1, 5, "a", "x"),
                sighting(2, 5, "a", "x"),
                sighting(2, 6, "b", "y"),
            ],
            &[],
        );
        finds(
            &[sighting(1, 5, "a", "x"), sighting(2, 5, "b", "x")],
            &["another state at revision 5"],
        );
        finds(
            &[sighting(1, 5, "a", "x"), sighting(2, 5, "a", "y")],
            &["another way there at revision 5"],
        );
    }

    #[test]
    fn no_node_goes_back() {
        finds(&[sighting(1, 5, "a", "x"), sighting(2, 4, "b", "y")], &[]);
        finds(
            &[sighting(1, 5, "a", "x"), sighting(1, 4, "b", "y")],
            &["went back from revision 5"],
        );
    }
}
