//! Which groups open the door, and what the peer is told of them.

use crate::{
    acl::Acl,
    stage::{Played, Stage, configured, consumer, credential},
};
use serde_json::{Value, json};
use troop_plugin_api::Identity;

fn stage(groups: &[&'static str], proven: bool) -> Stage {
    let bob = consumer(1, "bob");
    Stage {
        target: "/x",
        headers: vec![("x-consumer-groups", "forged")],
        groups: [(bob.id, groups.to_vec())].into(),
        known: Some(Identity {
            credential: proven.then(|| credential(bob.id, &json!({}))),
            consumer: bob,
        }),
        ..Stage::default()
    }
}

fn play(config: Value, stage: &Stage) -> Played {
    stage.play(&*configured(&Acl, config))
}

fn check(config: Value, groups: &[&'static str], proven: bool, refused: Option<u16>) {
    let played = play(config, &stage(groups, proven));
    assert_eq!(played.refused().map(|(status, _)| status), refused, "{groups:?}");
}

#[test]
fn a_list_admits_by_group() {
    let (allow, deny) = (|| json!({"allow": ["a", "b"]}), || json!({"deny": ["a", "b"]}));
    check(allow(), &["x", "b"], true, None);
    check(allow(), &["x"], true, Some(403));
    check(allow(), &[], true, Some(403));
    check(deny(), &["x", "b"], true, Some(403));
    check(deny(), &["x"], true, None);
    check(deny(), &[], true, None);
}

#[test]
fn an_anonymous_consumer_counts_by_its_groups_and_without_any_is_asked_who_it_is() {
    check(json!({"allow": ["a"]}), &["a"], false, None);
    check(json!({"allow": ["a"]}), &["b"], false, Some(403));
    check(json!({"allow": ["a"]}), &[], false, Some(401));
}

#[test]
fn a_client_that_nobody_knows_is_refused_whatever_the_list() {
    for config in [json!({"allow": ["a"]}), json!({"deny": ["a"]})] {
        let stage = Stage {
            known: None,
            ..stage(&["a"], true)
        };
        assert_eq!(play(config, &stage).refused(), Some((401, "Unauthorized".into())));
    }
}

#[test]
fn the_peer_can_believe_the_groups_header() {
    let told = |config, groups: &[&'static str]| {
        let played = play(config, &stage(groups, true));
        assert_eq!(played.wish("x-authenticated-groups"), Some(None));
        let wish = played.wish("x-consumer-groups").expect("a wish");
        wish.map(str::to_owned)
    };
    assert_eq!(
        told(json!({"allow": ["a"]}), &["a", "b"]).as_deref(),
        Some("a, b")
    );
    assert_eq!(told(json!({"deny": ["x"]}), &[]), None);
    assert_eq!(
        told(json!({"allow": ["a"], "hide_groups_header": true}), &["a"]),
        None
    );
}
