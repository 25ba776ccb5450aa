//! Lists before known names, and requests without exactly one user agent.

use crate::{
    bot_detection::BotDetection,
    stage::{Stage, configured},
};
use serde_json::json;

fn check(agents: &[&'static str], refused: Option<u16>) {
    let stage = Stage {
        target: "/x",
        headers: agents.iter().map(|agent| ("user-agent", *agent)).collect(),
        ..Stage::default()
    };
    let config = json!({"allow": ["Googlebot"], "deny": ["evil", "^x\\d+"]});
    let played = stage.play(&*configured(&BotDetection, config));
    assert_eq!(played.refused().map(|(status, _)| status), refused, "{agents:?}");
}

#[test]
fn allowed_patterns_go_before_denied_ones_and_those_before_known_robots() {
    check(&["Googlebot/2.1"], None);
    check(&["Googlebot evil"], None);
    check(&["an evil one"], Some(403));
    check(&["x12"], Some(403));
    check(&["ax12"], None);
    check(&["EVIL"], None);
    check(&["  evil"], Some(403));
    check(&["bingbot/2.0"], Some(403));
}

#[test]
fn a_request_may_be_without_a_user_agent_but_not_with_two() {
    check(&[], None);
    check(&["a", "b"], Some(400));
}
