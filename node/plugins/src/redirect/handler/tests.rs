//! Where clients are sent.

use crate::{
    redirect::Redirect,
    stage::{Stage, configured},
};
use serde_json::{Value, json};

fn check(config: Value, target: &'static str, status: u16, location: &str) {
    let stage = Stage {
        target,
        ..Stage::default()
    };
    let played = stage.play(&*configured(&Redirect, config));
    assert_eq!(played.refused(), Some((status, "redirecting".to_owned())));
    let reply = played.verdict.expect("no failure").expect("a reply");
    assert_eq!(reply.headers[0].1, location);
}

#[test]
fn a_client_is_sent_to_the_place_or_to_its_own_path_there() {
    let place = "https://t.test:8443/base?z=1";
    check(json!({"location": place}), "/x?a=1", 301, place);
    let keep = || json!({"location": place, "keep_incoming_path": true, "status_code": 308});
    check(keep(), "/x/y?a=1", 308, "https://t.test:8443/x/y?a=1");
    check(keep(), "/x", 308, "https://t.test:8443/x");
}
