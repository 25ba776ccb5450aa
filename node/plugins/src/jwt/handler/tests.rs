//! Which tokens are believed, and what is said of those that are not.

use crate::{
    authentication::BASE64_URL,
    jwt::Jwt,
    stage::{Played, Stage, configured, consumer},
};
use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    hmac, rand, rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
    },
};
use base64::Engine as _;
use serde_json::{Value, json};

fn unsigned(algorithm: &str, claims: &Value) -> String {
    let header = json!({"typ": "JWT", "alg": algorithm});
    format!(
        "{}.{}",
        BASE64_URL.encode(header.to_string()),
        BASE64_URL.encode(claims.to_string())
    )
}

fn with_signature(text: &str, signature: &[u8]) -> String {
    format!("{text}.{}", BASE64_URL.encode(signature))
}

fn hs256(secret: &str, claims: &Value) -> String {
    let text = unsigned("HS256", claims);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    with_signature(&text, hmac::sign(&key, text.as_bytes()).as_ref())
}

fn stage(credential: Value, token: &str) -> Stage {
    let bob = consumer(1, "bob");
    let mut credential = credential;
    credential["consumer"] = bob.id.to_string().into();
    credential["key"] = "k".into();
    Stage {
        target: "/x",
        headers: vec![(
            "authorization",
            Box::leak(format!("Bearer {token}").into_boxed_str()),
        )],
        credentials: vec![("jwt_secrets", credential)],
        consumers: vec![bob],
        ..Stage::default()
    }
}

fn secret() -> Value {
    json!({"secret": "s3cret", "algorithm": "HS256"})
}

fn play(config: Value, stage: &Stage) -> Played {
    stage.play(&*configured(&Jwt, config))
}

fn check(config: Value, stage: &Stage, refused: Option<Value>) {
    let played = play(config, stage);
    let body = played.refused().map(|(status, body)| {
        assert_eq!(status, 401);
        serde_json::from_str::<Value>(&body).expect("JSON")
    });
    assert_eq!(body, refused);
    if body.is_none() {
        assert_eq!(played.wish("x-credential-identifier"), Some(Some("k")));
    }
}

fn message(text: &str) -> Option<Value> {
    Some(json!({ "message": text }))
}

#[test]
fn a_token_is_believed_if_its_issuers_secret_signed_it() {
    let with = |token: &str| stage(secret(), token);
    check(json!({}), &with(&hs256("s3cret", &json!({"iss": "k"}))), None);
    for (token, why) in [
        (hs256("bad", &json!({"iss": "k"})), "Invalid signature"),
        (
            hs256("s3cret", &json!({"iss": "x"})),
            "No credentials found for given 'iss'",
        ),
        (
            hs256("s3cret", &json!({"iss": 5})),
            "No credentials found for given 'iss'",
        ),
        (hs256("s3cret", &json!({"iss": ""})), "Invalid 'iss' in claims"),
        (
            hs256("s3cret", &json!({"sub": "k"})),
            "No mandatory 'iss' in claims",
        ),
        (
            format!("{}.", unsigned("none", &json!({"iss": "k"}))),
            "Bad token; invalid alg",
        ),
        (
            format!("{}.", unsigned("HS512", &json!({"iss": "k"}))),
            "Invalid algorithm",
        ),
        (
            format!("{}.", unsigned("HS256", &json!({"iss": "k"}))),
            "Invalid signature",
        ),
        ("a.b.c".to_owned(), "Bad token; invalid JSON"),
    ] {
        check(json!({}), &with(&token), message(why));
    }
}

#[test]
fn a_secret_may_be_stored_in_base64() {
    let config = || json!({"secret_is_base64": true});
    let stored = |secret: &str| json!({"secret": secret, "algorithm": "HS256"});
    let token = hs256("s3cret", &json!({"iss": "k"}));
    check(config(), &stage(stored("czNjcmV0"), &token), None);
    check(
        config(),
        &stage(stored("!"), &token),
        message("Invalid key/secret"),
    );
}

fn pem(der: &[u8]) -> String {
    let body = crate::authentication::BASE64.encode(der);
    format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
}

fn check_public(algorithm: &str, public: &[u8], sign: impl Fn(&[u8]) -> Vec<u8>) {
    let text = unsigned(algorithm, &json!({"iss": "k"}));
    let mut signature = sign(text.as_bytes());
    let credential = |algorithm: &str| json!({"rsa_public_key": pem(public), "algorithm": algorithm});
    let token = with_signature(&text, &signature);
    check(json!({}), &stage(credential(algorithm), &token), None);
    check(
        json!({}),
        &stage(credential("RS384"), &token),
        message("Invalid algorithm"),
    );
    signature[5] ^= 1;
    let forged = with_signature(&text, &signature);
    check(
        json!({}),
        &stage(credential(algorithm), &forged),
        message("Invalid signature"),
    );
}

#[test]
fn a_token_is_believed_if_its_issuers_private_key_signed_it() {
    let random = rand::SystemRandom::new();
    let rsa = RsaKeyPair::generate(rsa::KeySize::Rsa2048).expect("a key");
    let public: PublicKeyX509Der<'_> = rsa.public_key().as_der().expect("a public key");
    let by_rsa = |encoding: &'static dyn RsaEncoding, text: &[u8]| {
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(encoding, &random, text, &mut signature)
            .expect("a signature");
        signature
    };
    check_public("RS256", public.as_ref(), |text| by_rsa(&RSA_PKCS1_SHA256, text));
    check_public("PS512", public.as_ref(), |text| by_rsa(&RSA_PSS_SHA512, text));
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let public: PublicKeyX509Der<'_> = ec.public_key().as_der().expect("a public key");
    check_public("ES256", public.as_ref(), |text| {
        ec.sign(&random, text).expect("a signature").as_ref().to_vec()
    });
    let ed = Ed25519KeyPair::generate().expect("a key");
    let public: PublicKeyX509Der<'_> = ed.public_key().as_der().expect("a public key");
    check_public("EdDSA", public.as_ref(), |text| ed.sign(text).as_ref().to_vec());
}

#[test]
fn a_public_key_is_never_taken_for_a_shared_secret() {
    let key = "-----BEGIN PUBLIC KEY-----\nMAAA\n-----END PUBLIC KEY-----";
    let token = hs256(key, &json!({"iss": "k"}));
    let credential = json!({"rsa_public_key": key, "algorithm": "RS256"});
    check(
        json!({}),
        &stage(credential, &token),
        message("Invalid algorithm"),
    );
}

#[test]
fn claims_are_checked_if_configured() {
    let config = || json!({"claims_to_verify": ["exp", "nbf"]});
    let with = |exp: Value, nbf: Value| {
        stage(
            secret(),
            &hs256("s3cret", &json!({"iss": "k", "exp": exp, "nbf": nbf})),
        )
    };
    let now = super::now_s();
    let (past, future) = (json!(now - 60.0), json!(now + 60.0));
    check(config(), &with(future.clone(), past.clone()), None);
    check(
        config(),
        &with(past.clone(), past.clone()),
        Some(json!({"exp": "token expired"})),
    );
    let both = json!({"exp": "token expired", "nbf": "token not valid yet"});
    check(config(), &with(past.clone(), future.clone()), Some(both));
    check(
        config(),
        &with(json!("x"), past.clone()),
        Some(json!({"exp": "must be a number"})),
    );
    check(json!({}), &with(past.clone(), future), None);
    let short = json!({"claims_to_verify": ["exp"], "maximum_expiration": 10});
    let too_long = json!({"exp": "exceeds maximum allowed expiration"});
    check(short, &with(json!(now + 60.0), past), Some(too_long));
}

#[test]
fn a_token_is_found_in_query_cookie_and_header_and_counts_once() {
    let token = hs256("s3cret", &json!({"iss": "k"}));
    let places = |token: &str, cookie: &str| Stage {
        target: Box::leak(format!("/x?jwt={token}").into_boxed_str()),
        headers: vec![("cookie", Box::leak(format!("a=b; ck={cookie}").into_boxed_str()))],
        ..stage(secret(), "x")
    };
    let config = || json!({"cookie_names": ["ck"]});
    check(config(), &places(&token, &token), None);
    check(config(), &places("", &token), None);
    check(config(), &places(&token, ""), None);
    let two = message("Multiple tokens provided");
    check(config(), &places(&token, "other"), two);
    check(config(), &places("", ""), message("Unauthorized"));
    let preflight = Stage {
        method: Some("OPTIONS"),
        ..places("", "")
    };
    assert!(
        play(json!({"run_on_preflight": false}), &preflight)
            .refused()
            .is_none()
    );
}
