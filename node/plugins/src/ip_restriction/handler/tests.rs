//! Ranges, both families, and what is said to whom is not let in.

use crate::{
    ip_restriction::IpRestriction,
    stage::{Stage, configured},
};
use serde_json::{Value, json};
use troop_plugin_api::{Client, Matched, Remote, Session, Verdict};
use uuid::Uuid;

fn check(config: Value, address: &str, refused: Option<(u16, &str)>) {
    let stage = Stage {
        target: "/x",
        address: Some(address.parse().expect("an address")),
        ..Stage::default()
    };
    let played = stage.play(&*configured(&IpRestriction, config));
    let refused = refused.map(|(status, text)| (status, text.to_owned()));
    assert_eq!(played.refused(), refused, "{address}");
}

#[test]
fn denied_ranges_go_before_allowed_ones() {
    let (allow, deny) = (
        || json!({"allow": ["10.0.0.0/8", "::1"]}),
        || json!({"deny": ["10.0.0.0/8"]}),
    );
    check(allow(), "10.1.2.3", None);
    check(allow(), "::1", None);
    check(
        allow(),
        "11.0.0.1",
        Some((403, "IP address not allowed: 11.0.0.1")),
    );
    check(
        deny(),
        "10.1.2.3",
        Some((403, "IP address not allowed: 10.1.2.3")),
    );
    check(deny(), "11.0.0.1", None);
    let both = || json!({"allow": ["10.0.0.0/8"], "deny": ["10.0.0.1"]});
    check(
        both(),
        "10.0.0.1",
        Some((403, "IP address not allowed: 10.0.0.1")),
    );
    check(both(), "10.0.0.2", None);
}

#[test]
fn an_address_of_the_old_family_in_new_clothes_is_recognised() {
    check(
        json!({"deny": ["10.0.0.0/8"]}),
        "::ffff:10.0.0.1",
        Some((403, "IP address not allowed: 10.0.0.1")),
    );
}

#[test]
fn status_and_message_can_be_chosen() {
    let config = json!({"deny": ["127.0.0.1"], "status": 451, "message": "not here"});
    check(config, "127.0.0.1", Some((451, "not here")));
}

#[test]
fn who_may_not_ask_may_not_call_either() {
    let handler = configured(&IpRestriction, json!({"deny": ["10.0.0.0/8"]}));
    let at = |address: &str| Remote::Ip(address.parse().expect("an address"));
    for (client, status) in [
        (at("10.0.0.1"), Some(403)),
        (at("::ffff:10.0.0.1"), Some(403)),
        (at("11.0.0.1"), None),
        // Kong: who has no address is not let in by any list.
        (Remote::Unix, Some(403)),
    ] {
        let session = Session {
            client: Client {
                address: client,
                listener: Some(([127, 0, 0, 1], 9000).into()),
                connection: 1,
                request: 1,
            },
            sni: None,
            route: Matched {
                id: Uuid::nil(),
                name: None,
            },
            service: None,
        };
        let refused = match handler.preread(&session).expect("a verdict") {
            Verdict::Continue => None,
            Verdict::Respond(reply) => Some(reply.status),
        };
        assert_eq!(refused, status, "{client}");
    }
}
