//! Which key a request has.

use super::*;
use http::HeaderMap;
use serde_json::{Value, json};
use std::sync::Arc;
use troop_plugin_api::Consumer;

/// A request with a bit of everything.
struct Asking {
    identity: Option<Identity>,
    headers: HeaderMap,
    query: &'static str,
}

impl Asking {
    fn new() -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-a", "1"),
            ("x-two", "1"),
            ("x-two", "2"),
            ("cookie", "z=9; sid=abc"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let id = Uuid::from_u128(7);
        let consumer = Consumer {
            id,
            id_text: HeaderValue::try_from(id.to_string()).expect("a value"),
            username: None,
            custom_id: None,
        };
        Asking {
            identity: Some(Identity {
                consumer: Arc::new(consumer),
                credential: None,
            }),
            headers,
            query: "id=b&x=1&id=a%20c&flag&p=1+2",
        }
    }

    fn key(&self, upstream: Value) -> Ticket {
        let record = serde_json::from_value(upstream).expect("a record");
        let captures = || {
            vec![UriCapture {
                index: 1,
                name: Some("uid".into()),
                value: "alice".into(),
            }]
        };
        Affinity::of(&record).ticket(&Traits {
            identity: self.identity.as_ref(),
            address: Remote::Ip([10, 1, 2, 3].into()),
            headers: Edited::arrived(&self.headers),
            path: "/a%2Fb/c",
            query: self.query,
            captures: &captures,
        })
    }
}

fn check(upstream: Value, key: &str) {
    let found = Asking::new().key(upstream.clone());
    let expected = Ticket {
        hash: hash_key(key.as_bytes()),
        cookie: None,
    };
    assert_eq!(found, expected, "{upstream}");
}

#[test]
fn every_kind_of_key_is_read_where_it_stands() {
    check(json!({"hash_on": "none"}), "");
    check(
        json!({"hash_on": "consumer"}),
        "00000000-0000-0000-0000-000000000007",
    );
    check(json!({"hash_on": "ip"}), "10.1.2.3");
    check(json!({"hash_on": "header", "hash_on_header": "X-A"}), "1");
    check(json!({"hash_on": "header", "hash_on_header": "x-two"}), "1, 2");
    check(json!({"hash_on": "cookie", "hash_on_cookie": "sid"}), "abc");
    check(json!({"hash_on": "path"}), "/a/b/c");
    check(
        json!({"hash_on": "query_arg", "hash_on_query_arg": "id"}),
        "a c,b",
    );
    check(
        json!({"hash_on": "query_arg", "hash_on_query_arg": "flag"}),
        "true",
    );
    check(json!({"hash_on": "query_arg", "hash_on_query_arg": "p"}), "1 2");
    check(
        json!({"hash_on": "uri_capture", "hash_on_uri_capture": "uid"}),
        "alice",
    );
    check(
        json!({"hash_on": "uri_capture", "hash_on_uri_capture": "1"}),
        "alice",
    );
}

#[test]
fn who_lacks_the_first_key_is_known_by_the_second_or_by_none() {
    let missing = json!({"hash_on": "header", "hash_on_header": "x-none", "hash_fallback": "ip"});
    check(missing, "10.1.2.3");
    let both = json!({
        "hash_on": "query_arg", "hash_on_query_arg": "none",
        "hash_fallback": "uri_capture", "hash_fallback_uri_capture": "none",
    });
    check(both, "");
}

#[test]
fn who_has_no_cookie_is_given_one_and_hashed_by_it() {
    let upstream = json!({"hash_on": "cookie", "hash_on_cookie": "new", "hash_on_cookie_path": "/p"});
    let found = Asking::new().key(upstream);
    let cookie = found.cookie.expect("a cookie");
    let line = cookie.to_str().expect("text");
    let (value, attributes) = line
        .strip_prefix("new=")
        .and_then(|rest| rest.split_once("; "))
        .expect("a value");
    assert_eq!(attributes, "Path=/p; Same-Site=Lax; HttpOnly");
    assert_eq!(found.hash, hash_key(value.as_bytes()));
}

#[test]
fn a_cookie_as_second_choice_is_given_only_to_those_who_need_it() {
    let by = |header: &str| {
        json!({
            "hash_on": "header", "hash_on_header": header, "hash_fallback": "cookie", "hash_on_cookie": "new",
        })
    };
    assert!(Asking::new().key(by("x-a")).cookie.is_none());
    assert!(Asking::new().key(by("x-none")).cookie.is_some());
}
