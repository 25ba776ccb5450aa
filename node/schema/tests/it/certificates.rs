//! Certificates, keys and vaults: which texts are some, and which belong together.

use crate::fixture::{change, judge, object, record};
use serde_json::{Value, json};
use troop_schema::pki::{Certificate, KeyKind, PkiError, PublicKey};

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!("../pem/", $name))
    };
}

/// What a record is blamed for: as a whole, and in one field.
#[track_caller]
fn blamed(entity: &str, input: Value, field: &str) -> (Value, Value) {
    let fields = judge(entity, input).unwrap_err().fields();
    (fields["@entity"][0].clone(), fields[field].clone())
}

#[test]
fn a_private_key_has_one_public_half_whatever_it_is_wrapped_in() {
    let halves = [
        (pem!("rsa.key"), pem!("rsa.pub")),
        (pem!("rsa.pkcs1.key"), pem!("rsa.pkcs1.pub")),
        (pem!("ec.key"), pem!("ec.pub")),
        (pem!("ec.sec1.key"), pem!("ec.pub")),
        (pem!("ed.key"), pem!("ed.pub")),
    ];
    for (private, public) in halves {
        let half = PublicKey::from_private_pem(private).unwrap();
        assert_eq!(half, PublicKey::from_pem(public).unwrap(), "{public}");
        assert_eq!(half, PublicKey::from_pem(private).unwrap(), "{public}");
        assert_eq!(PublicKey::from_private_pem(public), Err(PkiError::OtherKind));
    }
    let rsa = PublicKey::from_pem(pem!("rsa.pub")).unwrap();
    assert_eq!(rsa, PublicKey::from_pem(pem!("rsa.pkcs1.pub")).unwrap());
    assert_eq!(rsa.kind(), KeyKind::Rsa);
}

#[test]
fn a_chain_is_several_certificates_and_begins_with_its_own() {
    let chain = format!("{}{}", pem!("ec.crt"), pem!("ca.crt"));
    let all = Certificate::all_from_pem(&chain).unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(Certificate::from_pem(&chain).unwrap(), all[0]);
    assert_eq!((all[0].is_ca, all[1].is_ca), (false, true));
    assert_eq!(all[0].public_key, PublicKey::from_pem(pem!("ec.pub")).unwrap());
    for (text, error) in [
        ("x", PkiError::NotPem),
        ("", PkiError::NotPem),
        (pem!("ec.key"), PkiError::OtherKind),
    ] {
        assert_eq!(Certificate::from_pem(text).unwrap_err(), error, "{text}");
    }
}

#[test]
fn a_certificate_comes_with_its_key() {
    record(
        "certificates",
        json!({"cert": pem!("ec.crt"), "key": pem!("ec.key")}),
    );
    record(
        "certificates",
        json!({"cert": pem!("rsa.crt"), "key": pem!("rsa.pkcs1.key")}),
    );
    let other = json!({"cert": pem!("ec.crt"), "key": pem!("ec2.key")});
    assert_eq!(
        blamed("certificates", other, "key").0,
        "certificate does not match key"
    );
    let no_key = json!({"cert": pem!("ec.crt"), "key": "x"});
    assert_eq!(
        blamed("certificates", no_key, "key"),
        (Value::Null, json!("invalid key: no PEM block"))
    );
    let no_cert = json!({"cert": pem!("ec.key"), "key": pem!("ec.key")});
    let text = "invalid certificate: the PEM block is of another kind";
    assert_eq!(
        blamed("certificates", no_cert, "cert"),
        (Value::Null, json!(text))
    );
}

#[test]
fn a_certificate_in_a_vault_is_not_looked_at() {
    let reference = "{vault://env/cert}";
    let stored = record(
        "certificates",
        json!({"cert": reference, "key": "{vault://env/key}"}),
    );
    assert_eq!(stored["cert"], reference);
    record(
        "certificates",
        json!({"cert": pem!("ec.crt"), "key": "{vault://env/key}"}),
    );
}

#[test]
fn an_alternative_certificate_is_of_another_kind_and_has_its_own_key() {
    let with = |cert: &str, key: Value| json!({"cert": pem!("rsa.crt"), "key": pem!("rsa.key"), "cert_alt": cert, "key_alt": key});
    let stored = record("certificates", with(pem!("ec.crt"), json!(pem!("ec.key"))));
    let alone = "all or none of these fields must be set: 'cert_alt', 'key_alt'";
    assert_eq!(
        blamed("certificates", with(pem!("ec.crt"), Value::Null), "key_alt").0,
        alone
    );
    let slip = json!({"cert_alt": null});
    assert_eq!(
        change("certificates", &stored, slip).unwrap_err().fields()["@entity"][0],
        alone
    );
    let other = with(pem!("ec.crt"), json!(pem!("ec2.key")));
    let text = "alternative certificate does not match key";
    assert_eq!(blamed("certificates", other, "key_alt").0, text);
    let same = with(pem!("rsa.crt"), json!(pem!("rsa.key")));
    let remark = blamed("certificates", same, "cert_alt").0;
    assert!(
        remark.as_str().unwrap().ends_with("were both of the same type"),
        "{remark}"
    );
}

#[test]
fn names_of_a_certificate_are_not_stored_with_it() {
    let input = json!({"cert": pem!("ec.crt"), "key": pem!("ec.key"), "snis": ["a.test"]});
    assert!(!record("certificates", input).contains_key("snis"));
    let wrong = json!({"cert": pem!("ec.crt"), "key": pem!("ec.key"), "snis": "a.test"});
    assert_eq!(blamed("certificates", wrong, "snis").1, "expected an array");
}

#[test]
fn an_authority_is_one_certificate_that_may_sign() {
    let stored = record(
        "ca_certificates",
        json!({"cert": pem!("ca.crt"), "cert_digest": "ignored"}),
    );
    assert_eq!(stored["cert_digest"].as_str().unwrap().len(), 64);
    for (cert, text) in [
        (
            format!("{}{}", pem!("ca.crt"), pem!("ca.crt")),
            "please submit only one certificate at a time",
        ),
        (
            pem!("ec.crt").to_owned(),
            "certificate does not appear to be a CA because it is missing the \"CA\" basic constraint",
        ),
    ] {
        assert_eq!(blamed("ca_certificates", json!({"cert": cert}), "cert").0, text);
    }
    let text = blamed("ca_certificates", json!({"cert": "x"}), "cert").1;
    assert_eq!(text, "invalid certificate: no PEM block");
}

#[test]
fn a_vault_is_of_a_kind_there_is_and_its_prefix_is_a_word_of_its_own() {
    let vault = |prefix: &str| json!({"name": "env", "prefix": prefix});
    let stored = record("vaults", vault("my-env1"));
    assert_eq!(stored["config"], json!({"prefix": null}));
    for (prefix, text) in [
        ("env", "must not be one of: env"),
        ("a", "invalid value: a"),
        ("a-", "invalid value: a-"),
        ("1a", "invalid value: 1a"),
        ("a_b", "invalid value: a_b"),
    ] {
        assert_eq!(blamed("vaults", vault(prefix), "prefix").1, text);
    }
    let unknown = json!({"name": "nope", "prefix": "ab"});
    assert_eq!(
        blamed("vaults", unknown, "name").1,
        "vault 'nope' is not installed"
    );
    let bad = json!({"name": "env", "prefix": "ab", "config": {"prefix": "1x"}});
    assert_eq!(
        blamed("vaults", bad, "config").1,
        json!({"prefix": "invalid value: 1x"})
    );
}

#[test]
fn a_key_is_a_jwk_or_a_pair_that_belongs_together() {
    let key = |pem: Value| json!({"kid": "k", "pem": pem});
    record(
        "keys",
        key(json!({"public_key": pem!("rsa.pub"), "private_key": pem!("rsa.key")})),
    );
    record("keys", key(json!({"public_key": pem!("ed.pub")})));
    for (pem, text) in [
        (json!({"public_key": "x"}), "could not load public key"),
        (
            json!({"private_key": "x"}),
            "could not load private key: no PEM block",
        ),
        (
            json!({"public_key": pem!("rsa.pub"), "private_key": pem!("ec.key")}),
            "public key does not match private key",
        ),
    ] {
        assert_eq!(blamed("keys", key(pem), "pem").1, text);
    }
    let remark = "at least one of these fields must be non-empty: 'private_key', 'public_key'";
    assert_eq!(
        blamed("keys", key(json!({})), "pem").1,
        json!({"@entity": [remark]})
    );
    let neither = blamed("keys", json!({"kid": "k"}), "pem").0;
    assert_eq!(
        neither,
        "at least one of these fields must be non-empty: 'jwk', 'pem'"
    );
    let jwk = r#"{"kty":"RSA","kid":"other","n":"AQAB","e":"AQAB"}"#;
    let remark = blamed("keys", json!({"kid": "k", "jwk": jwk}), "jwk").0;
    assert_eq!(remark, "kid in jwk.kid must be equal to keys.kid");
}

#[test]
fn secrets_of_certificates_and_keys_are_covered() {
    let registry = crate::fixture::registry();
    let covered = |entity: &str, record: Value| {
        let table = registry.entity(entity).unwrap();
        Value::Object(registry.redacted(table, object(record)))
    };
    let certificate = covered("certificates", json!({"cert": "c", "key": "k", "key_alt": null}));
    assert_eq!(
        certificate,
        json!({"cert": "c", "key": "******", "key_alt": null})
    );
    let key = covered(
        "keys",
        json!({"jwk": "j", "pem": {"private_key": "p", "public_key": "q"}}),
    );
    assert_eq!(
        key,
        json!({"jwk": "******", "pem": {"private_key": "******", "public_key": "q"}})
    );
}
