//! The opinions of all nodes side by side: `?cluster=1`.
//!
//! Every node sees peers from where it stands, so opinions may differ, and a peer that only one node cannot reach is a fact about the network.
//! So nothing is averaged: each node's word is shown, and one word for all of them says whether they agree.

use super::{balancer_word, host_of, word_for};
use crate::ports::{Opinion, UpstreamHealth};
use serde_json::{Map, Value, json};
use troop_schema::Record;

/// What all say when they do not say the same.
const MIXED: &str = "MIXED";

/// A target's row with everybody's word.
pub(super) fn of_target(mut target: Record, opinions: &[Opinion]) -> Record {
    let word = |seen: &UpstreamHealth| word_for(host_of(&target, seen).map(|host| (seen, host)));
    let merged = merge(opinions, word);
    target.insert("cluster".to_owned(), merged);
    target
}

/// An upstream's document with everybody's word.
pub(super) fn of_upstream(mut document: Map<String, Value>, opinions: &[Opinion]) -> Map<String, Value> {
    let merged = merge(opinions, |seen| balancer_word(Some(seen)));
    if let Some(Value::Object(data)) = document.get_mut("data") {
        data.insert("cluster".to_owned(), merged);
    }
    document
}

/// `nodes` names who said what; a node that did not answer is there with nothing.
fn merge(opinions: &[Opinion], word: impl Fn(&UpstreamHealth) -> &'static str) -> Value {
    let words = opinions.iter().map(|opinion| {
        let said = opinion.health.as_ref().map(&word);
        (opinion.node, said)
    });
    let words: Vec<(u64, Option<&str>)> = words.collect();
    let mut said = words.iter().filter_map(|(_, word)| *word);
    let first = said.next();
    let health = match first {
        Some(first) if said.all(|word| word == first) => Some(first),
        Some(_) => Some(MIXED),
        None => None,
    };
    let nodes: Map<String, Value> = words
        .into_iter()
        .map(|(node, word)| (node.to_string(), json!(word)))
        .collect();
    json!({ "health": health, "nodes": nodes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Weights;

    fn opinion(node: u64, healthy: Option<bool>) -> Opinion {
        let health = healthy.map(|healthy| UpstreamHealth {
            checks_on: true,
            healthy,
            weight: Weights::default(),
            hosts: Vec::new(),
        });
        Opinion { node, health }
    }

    fn check(opinions: &[Opinion], expected: Value) {
        let merged = merge(opinions, |seen| balancer_word(Some(seen)));
        assert_eq!(merged, expected);
    }

    #[test]
    fn one_word_stands_for_all_only_if_all_say_it() {
        check(
            &[opinion(1, Some(true)), opinion(2, Some(true))],
            json!({"health": "HEALTHY", "nodes": {"1": "HEALTHY", "2": "HEALTHY"}}),
        );
        check(
            &[opinion(1, Some(true)), opinion(2, Some(false)), opinion(3, None)],
            json!({"health": "MIXED", "nodes": {"1": "HEALTHY", "2": "UNHEALTHY", "3": null}}),
        );
        check(&[opinion(1, None)], json!({"health": null, "nodes": {"1": null}}));
    }
}
