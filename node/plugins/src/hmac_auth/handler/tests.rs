//! Whose signature is believed, for how long, and for which body.

use crate::{
    authentication::BASE64,
    hmac_auth::HmacAuth,
    stage::{Played, Stage, configured, consumer},
};
use aws_lc_rs::hmac;
use base64::Engine as _;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// Tests keep their texts for ever, as the stage wants them.
fn kept(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn now() -> String {
    httpdate::fmt_http_date(SystemTime::now())
}

fn authorization(username: &str, secret: &str, fields: &str, signed: &str) -> &'static str {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = BASE64.encode(hmac::sign(&key, signed.as_bytes()));
    kept(format!(
        r#"hmac username="{username}", algorithm="hmac-sha256", headers="{fields}", signature="{signature}""#
    ))
}

fn stage(headers: Vec<(&'static str, &'static str)>, body: &'static str) -> Stage {
    let bob = consumer(1, "bob");
    Stage {
        target: "/x",
        headers,
        body,
        credentials: vec![(
            "hmacauth_credentials",
            json!({"username": "h", "secret": "s3", "consumer": bob.id.to_string()}),
        )],
        consumers: vec![bob],
        ..Stage::default()
    }
}

fn play(config: Value, headers: Vec<(&'static str, &'static str)>, body: &'static str) -> Played {
    stage(headers, body).play(&*configured(&HmacAuth, config))
}

fn check(
    config: Value,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static str,
    refused: Option<&str>,
) {
    let played = play(config, headers, body);
    let refused = refused.map(|message| (401, message.to_owned()));
    assert_eq!(played.refused(), refused);
    if refused.is_none() {
        assert_eq!(played.wish("x-credential-identifier"), Some(Some("h")));
    }
}

#[test]
fn a_signature_over_a_recent_date_by_a_known_secret_admits() {
    let date = kept(now());
    let signed = format!("date: {date}");
    let by = |username, secret| authorization(username, secret, "date", &signed);
    let with = |value| vec![("date", date), ("authorization", value)];
    check(json!({}), with(by("h", "s3")), "", None);
    check(
        json!({}),
        vec![("date", date), ("proxy-authorization", by("h", "s3"))],
        "",
        None,
    );
    check(json!({}), with(by("h", "other")), "", Some(super::DIFFERENT));
    check(
        json!({}),
        with(by("unknown", "s3")),
        "",
        Some(super::NOT_VERIFIABLE),
    );
    check(json!({}), with("hmac garbage"), "", Some(super::NOT_VERIFIABLE));
    check(json!({}), vec![("date", date)], "", Some(super::UNAUTHORIZED));
    let other = json!({"algorithms": ["hmac-sha1"]});
    check(other, with(by("h", "s3")), "", Some(super::NOT_VERIFIABLE));
    let more = json!({"enforce_headers": ["Date", "host"]});
    check(more, with(by("h", "s3")), "", Some(super::NOT_VERIFIABLE));
}

#[test]
fn a_signature_without_a_recent_date_is_refused() {
    let old = kept(httpdate::fmt_http_date(
        SystemTime::now() - Duration::from_secs(60),
    ));
    let value = authorization("h", "s3", "date", &format!("date: {old}"));
    let with = || vec![("date", old), ("authorization", value)];
    check(json!({"clock_skew": 5}), with(), "", Some(super::NO_DATE));
    check(json!({"clock_skew": 90}), with(), "", None);
    check(
        json!({}),
        vec![("authorization", value)],
        "",
        Some(super::NO_DATE),
    );
    check(
        json!({}),
        vec![("date", "soon"), ("authorization", value)],
        "",
        Some(super::NO_DATE),
    );
}

#[test]
fn the_body_must_be_the_one_that_was_described() {
    let config = || json!({"validate_request_body": true});
    let date = kept(now());
    // echo -n hello | openssl dgst -sha256 -binary | base64
    let digest = "SHA-256=LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
    let value = authorization(
        "h",
        "s3",
        "date digest",
        &format!("date: {date}\ndigest: {digest}"),
    );
    let with = || vec![("date", date), ("digest", digest), ("authorization", value)];
    check(config(), with(), "hello", None);
    check(config(), with(), "other", Some(super::DIFFERENT));
    let value = authorization("h", "s3", "date", &format!("date: {date}"));
    let with = || vec![("date", date), ("authorization", value)];
    check(config(), with(), "", None);
    check(config(), with(), "hello", Some(super::DIFFERENT));
}

#[test]
fn a_hidden_signature_does_not_reach_the_peer() {
    let date = kept(now());
    let value = authorization("h", "s3", "date", &format!("date: {date}"));
    let played = play(
        json!({"hide_credentials": true}),
        vec![("date", date), ("authorization", value)],
        "",
    );
    assert_eq!(played.wish("authorization"), Some(None));
}
