//! What consumers prove themselves with: how it is kept, and what must be said together.

use crate::fixture::{change, judge, record};
use serde_json::{Value, json};

const BOB: &str = "00000001-1111-4111-8111-111111111111";
const AL: &str = "00000002-1111-4111-8111-111111111111";

fn basic() -> troop_schema::Record {
    let sent = json!({"username": "u", "password": "p", "consumer": {"id": BOB}});
    record("basicauth_credentials", sent)
}

/// What the entity as a whole is blamed for.
#[track_caller]
fn blamed(result: Result<troop_schema::Record, troop_schema::Violation>) -> Value {
    result.unwrap_err().fields()["@entity"].clone()
}

#[test]
fn a_password_is_kept_as_a_hash_with_the_consumer() {
    assert_eq!(basic()["password"], "d9831041b9af733dcb0d418cd0cd77e6b7c0c6c6");
}

#[test]
fn a_change_that_is_silent_about_the_password_leaves_the_hash_alone() {
    let changed = change("basicauth_credentials", &basic(), json!({"username": "v"})).unwrap();
    assert_eq!(changed["password"], basic()["password"]);
    let same = json!({"username": "v", "consumer": {"id": BOB}});
    let changed = change("basicauth_credentials", &basic(), same).unwrap();
    assert_eq!(changed["password"], basic()["password"]);
}

#[test]
fn password_and_consumer_change_together_or_not_at_all() {
    let text = json!(["all or none of these fields must be set: 'password', 'consumer.id'"]);
    for slip in [json!({"password": "q"}), json!({"consumer": {"id": AL}})] {
        assert_eq!(blamed(change("basicauth_credentials", &basic(), slip)), text);
    }
    let both = json!({"password": "q", "consumer": {"id": AL}});
    let changed = change("basicauth_credentials", &basic(), both).unwrap();
    assert_eq!(changed["password"], troop_schema::password::of_consumer("q", AL));
}

#[test]
fn the_secret_of_an_application_is_hashed_when_that_is_asked_for() {
    let application = |hash: bool| {
        let sent = json!({"name": "a", "client_secret": "s", "hash_secret": hash, "consumer": {"id": BOB}});
        record("oauth2_credentials", sent)
    };
    assert_eq!(application(false)["client_secret"], "s");
    let hashed = application(true);
    let stored = hashed["client_secret"].as_str().unwrap();
    assert!(troop_schema::password::is_of(stored, "s"), "{stored}");

    let renamed = change("oauth2_credentials", &hashed, json!({"name": "b"})).unwrap();
    assert_eq!(renamed["client_secret"], hashed["client_secret"]);
    let text = json!(["all or none of these fields must be set: 'hash_secret', 'client_secret'"]);
    assert_eq!(
        blamed(change(
            "oauth2_credentials",
            &hashed,
            json!({"client_secret": "t"})
        )),
        text
    );
}

#[test]
fn where_an_application_sends_people_back_to_is_an_absolute_url() {
    let judged = |uri: &str| {
        let sent = json!({"name": "a", "redirect_uris": [uri], "consumer": {"id": BOB}});
        judge("oauth2_credentials", sent).map_err(|violation| violation.fields()["redirect_uris"][0].clone())
    };
    assert!(judged("https://a.test/cb?x=1").is_ok());
    assert_eq!(judged("x").unwrap_err(), "cannot parse 'x'");
    let fragment = "fragment not allowed in 'http://a.test#f'";
    assert_eq!(judged("http://a.test#f").unwrap_err(), fragment);
}

#[test]
fn asymmetric_tokens_need_a_public_key() {
    let judged = |algorithm: &str, key: Value| {
        let sent = json!({"algorithm": algorithm, "rsa_public_key": key, "consumer": {"id": BOB}});
        judge("jwt_secrets", sent).map_err(|violation| violation.fields()["rsa_public_key"].clone())
    };
    assert_eq!(
        judged("RS256", Value::Null).unwrap_err(),
        "required field missing"
    );
    assert_eq!(judged("EdDSA", json!("x")).unwrap_err(), "invalid key");
    // Kong: whatever is not asked for is not looked at.
    for algorithm in ["HS256", "ES256"] {
        assert!(judged(algorithm, json!("x")).is_ok(), "{algorithm}");
    }
    let public_key = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                      -----END PUBLIC KEY-----\n";
    assert!(judged("EdDSA", json!(public_key)).is_ok());
}
