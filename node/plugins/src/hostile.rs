//! What clients send who mean no good: no handler panics over it, and none blames us for it.

use crate::stage::{Stage, configured, consumer};
use serde_json::{Value, json};
use troop_plugin_api::{Identity, Plugin};

/// Four times what the gateway takes as a head.
const LONG: usize = 128 * 1024;

fn kept(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// Values for any field, argument or body.
fn values() -> Vec<&'static str> {
    let mut values = vec![
        "",
        " ",
        "Basic",
        "Basic ====",
        "Basic Og==",
        "Bearer",
        "Bearer .",
        "Bearer ..",
        "Bearer ....",
        "Bearer e30.e30.e30",
        "hmac username=\"\", algorithm=\"\", headers=\"\", signature=\"\"",
        "hmac username=\"a\", algorithm=\"hmac-sha256\", headers=\"@request-target request-line  x\", signature=\"=\"",
        "{",
        "[[[[",
        "null",
        "{\"a\":1e999}",
        "--b\r\n",
        "--b--",
        "a=%&%zz=%f&&&==",
        "\u{1F600}\u{0}",
        "-1",
        "18446744073709551616",
    ];
    let long = |unit: &str| kept(unit.repeat(LONG / unit.len()));
    values.extend(["A", "Basic ", "a=&", "[", "(", ".", "\"", "%"].map(long));
    values.push(kept(format!("Bearer {}", "A".repeat(LONG))));
    values.push(kept(format!("Bearer {}", "e30.".repeat(LONG / 4))));
    values.push(kept(format!("{{\"iss\":{}1", "[".repeat(LONG))));
    values
}

/// Fields, arguments and bodies that handlers look at.
fn requests() -> Vec<Stage> {
    const FIELDS: [&str; 12] = [
        "authorization",
        "proxy-authorization",
        "apikey",
        "cookie",
        "origin",
        "access-control-request-headers",
        "user-agent",
        "date",
        "digest",
        "content-length",
        "content-type",
        "transfer-encoding",
    ];
    const TYPES: [&str; 4] = [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "multipart/form-data; boundary=\"",
    ];
    let mut requests = Vec::new();
    for value in values() {
        for field in FIELDS {
            requests.push(Stage {
                target: "/x",
                headers: vec![("date", "x"), (field, value)],
                ..Stage::default()
            });
        }
        for kind in TYPES {
            requests.push(Stage {
                target: "/x",
                method: Some("POST"),
                headers: vec![("content-type", kind)],
                body: value,
                ..Stage::default()
            });
        }
        requests.push(Stage {
            target: kept(format!("/x?apikey={value}&jwt={value}&{value}")),
            ..Stage::default()
        });
    }
    requests
}

fn plugins() -> Vec<(&'static dyn Plugin, Value)> {
    let list = |text: &str| json!([text]);
    vec![
        (&crate::acl::Acl, json!({"allow": ["a"]})),
        (&crate::basic_auth::BasicAuth, json!({})),
        (
            &crate::bot_detection::BotDetection,
            json!({"deny": list("(a|b)*c")}),
        ),
        (
            &crate::cors::Cors,
            json!({"origins": ["http://.*", "x"], "credentials": true}),
        ),
        (
            &crate::hmac_auth::HmacAuth,
            json!({"validate_request_body": true}),
        ),
        (
            &crate::jwt::Jwt,
            json!({"cookie_names": list("ck"), "claims_to_verify": list("exp")}),
        ),
        (
            &crate::key_auth::KeyAuth,
            json!({"key_in_body": true, "hide_credentials": true}),
        ),
        (&crate::request_size_limiting::RequestSizeLimiting, json!({})),
        (
            &crate::request_transformer::RequestTransformer,
            json!({
                "remove": {"body": list("a"), "querystring": list("a"), "headers": list("x")},
                "rename": {"body": list("b:c"), "querystring": list("b:c"), "headers": []},
                "replace": {"body": list("c:d"), "querystring": [], "headers": []},
                "add": {"body": list("d:$(headers.origin)"), "querystring": list("d:$(query_params.a)"), "headers": []},
                "append": {"body": list("e:f"), "querystring": list("e:f"), "headers": []},
            }),
        ),
    ]
}

#[test]
fn nonsense_is_refused_or_passed_on_and_is_never_our_failure() {
    let requests = requests();
    for (plugin, config) in plugins() {
        let handler = configured(plugin, config);
        for request in &requests {
            let played = request.play(&*handler);
            let shown: String = format!("{:?} {:?}", request.headers, request.target)
                .chars()
                .take(120)
                .collect();
            match &played.verdict {
                Ok(None) => {}
                Ok(Some(reply)) => assert!((400..500).contains(&reply.status), "{} {shown}", plugin.name()),
                Err(failure) => panic!("{} {shown}: {failure}", plugin.name()),
            }
        }
    }
}

#[test]
fn a_consumer_of_a_strange_name_is_still_told_to_the_peer() {
    let strange = consumer(1, "b\u{f6}b \u{1F600}");
    let stage = Stage {
        target: "/x",
        groups: [(strange.id, vec!["\u{e4}"])].into(),
        known: Some(Identity {
            consumer: strange,
            credential: None,
        }),
        ..Stage::default()
    };
    let played = stage.play(&*configured(&crate::acl::Acl, json!({"allow": ["\u{e4}"]})));
    assert_eq!(played.wish("x-consumer-groups"), Some(Some("\u{e4}")));
}
