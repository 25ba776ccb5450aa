//! Certificates and their SNIs; authorities in services' lists; keys in their sets.

use crate::desk::{Desk, id, problem, reference};
use serde_json::{Value, json};

const CERT: &str = include_str!("../../../schema/tests/pem/ec.crt");
const KEY: &str = include_str!("../../../schema/tests/pem/ec.key");
const AUTHORITY: &str = include_str!("../../../schema/tests/pem/ca.crt");

fn certificate(n: u32, snis: Value) -> Value {
    json!({"id": id(n), "cert": CERT, "key": KEY, "snis": snis})
}

fn names(desk: &Desk) -> Vec<String> {
    let page = desk.page("snis", &Default::default());
    let mut names: Vec<String> = page
        .data
        .iter()
        .filter_map(|sni| Some(sni["name"].as_str()?.to_owned()))
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn the_names_of_a_certificate_are_records_and_it_is_found_by_them() {
    let desk = Desk::new();
    let stored = desk
        .insert("certificates", certificate(1, json!(["b.test", "*.a.test"])))
        .unwrap();
    assert_eq!(stored["snis"], json!(["*.a.test", "b.test"]));
    assert_eq!(names(&desk), ["*.a.test", "b.test"]);
    assert_eq!(desk.find("certificates", "b.test").unwrap(), stored);
    assert_eq!(desk.page("certificates", &Default::default()).data, [stored]);
    assert_eq!(
        desk.find("snis", "b.test").unwrap()["certificate"],
        reference(&id(1))
    );
}

#[test]
fn a_name_that_is_not_there_finds_no_certificate() {
    let desk = Desk::new();
    let change = desk.update("certificates", "x.test", json!({"tags": []}));
    assert_eq!(problem(change), json!({"message": "SNI not found"}));
    let deletion = desk.delete("certificates", "x.test");
    assert_eq!(problem(deletion), json!({"message": "SNI not found"}));
    let bad = problem(desk.catalog.selector("certificates", "1.1.1.1"));
    assert_eq!(bad["name"], "invalid unique name");
}

#[test]
fn a_name_is_given_once() {
    let desk = Desk::new();
    desk.insert("certificates", certificate(1, json!(["a.test"])))
        .unwrap();
    let text = |snis: Value| problem(desk.insert("certificates", certificate(2, snis)))["message"].clone();
    assert_eq!(
        text(json!(["x.test", "x.test"])),
        "schema violation (snis: x.test is duplicated)"
    );
    let owner = id(1);
    let taken =
        format!("schema violation (snis: a.test already associated with existing certificate '{owner}')");
    assert_eq!(text(json!(["a.test"])), taken);
    assert_eq!(text(json!(["1.1.1.1"])), "must not be an IP");
    assert_eq!(names(&desk), ["a.test"]);
    let own = desk.update("certificates", "a.test", json!({"snis": ["a.test", "b.test"]}));
    assert_eq!(own.unwrap()["snis"], json!(["a.test", "b.test"]));
}

#[test]
fn silence_keeps_the_names_in_a_change_and_drops_them_in_a_replacement() {
    let desk = Desk::new();
    desk.insert("certificates", certificate(1, json!(["a.test", "b.test"])))
        .unwrap();
    let kept = desk
        .update("certificates", &id(1), json!({"tags": ["x"]}))
        .unwrap();
    assert_eq!(kept["snis"], json!(["a.test", "b.test"]));
    let fewer = desk
        .update("certificates", &id(1), json!({"snis": ["b.test"]}))
        .unwrap();
    assert_eq!(
        (fewer["snis"].clone(), names(&desk)),
        (json!(["b.test"]), vec!["b.test".to_owned()])
    );
    let body = json!({"cert": CERT, "key": KEY});
    let replaced = desk.upsert("certificates", &id(1), body).unwrap();
    assert_eq!((replaced["snis"].clone(), names(&desk)), (json!([]), vec![]));
}

#[test]
fn a_replacement_by_a_new_name_takes_the_name_only_with_a_list() {
    let desk = Desk::new();
    let body = json!({"cert": CERT, "key": KEY});
    desk.upsert("certificates", "new.test", body).unwrap();
    assert_eq!((desk.count("certificates"), names(&desk)), (1, vec![]));
    let body = json!({"cert": CERT, "key": KEY, "snis": ["other.test"]});
    let stored = desk.upsert("certificates", "new.test", body.clone()).unwrap();
    assert_eq!(stored["snis"], json!(["new.test", "other.test"]));
    let again = desk.upsert("certificates", "new.test", body).unwrap();
    assert_eq!(again["id"], stored["id"]);
}

#[test]
fn a_certificate_takes_its_names_along_and_is_held_back_by_services() {
    let desk = Desk::new();
    desk.insert("certificates", certificate(1, json!(["a.test"])))
        .unwrap();
    let service =
        json!({"host": "h", "name": "s", "protocol": "https", "client_certificate": reference(&id(1))});
    desk.insert("services", service).unwrap();
    let held = problem(desk.delete("certificates", &id(1)));
    assert_eq!(held["fields"], json!({"@referenced_by": "services"}));
    assert_eq!(names(&desk), ["a.test"]);
    desk.update("services", "s", json!({"client_certificate": null}))
        .unwrap();
    assert!(desk.delete("certificates", "a.test").unwrap());
    assert!(names(&desk).is_empty());
    desk.insert("certificates", certificate(2, json!(["a.test"])))
        .unwrap();
}

#[test]
fn an_authority_stays_while_a_service_lists_it() {
    let desk = Desk::new();
    let authority = desk.insert("ca_certificates", json!({"cert": AUTHORITY, "id": id(1)}));
    let digest = authority.unwrap()["cert_digest"].clone();
    let again = problem(desk.insert("ca_certificates", json!({"cert": AUTHORITY})));
    assert_eq!(again["fields"], json!({"cert_digest": digest}));
    let service = json!({"id": id(2), "host": "h", "name": "s", "protocol": "https", "ca_certificates": [id(1), id(9)]});
    desk.insert("services", service).unwrap();
    assert_eq!(
        problem(desk.delete("ca_certificates", &id(1))),
        json!({
            "code": 19, "name": "referenced by others",
            "message": format!("ca certificate {} is still referenced by services (id = {})", id(1), id(2)),
        })
    );
    desk.update("services", "s", json!({"ca_certificates": [id(9)]}))
        .unwrap();
    assert!(desk.delete("ca_certificates", &id(1)).unwrap());
}

#[test]
fn an_authority_that_is_over_is_refused() {
    let desk = Desk::new();
    desk.now_ms.set(7_500_000_000_000); // in the year 2207
    let fault = problem(desk.insert("ca_certificates", json!({"cert": AUTHORITY})));
    let text = "certificate expired, \"Not After\" time is in the past";
    assert_eq!(fault["fields"]["@entity"], json!([text]));
}

#[test]
fn a_kid_is_unique_in_its_set_and_a_set_takes_its_keys_along() {
    let desk = Desk::new();
    desk.insert("key_sets", json!({"name": "s", "id": id(1)}))
        .unwrap();
    let key = |name: &str, set: Value| {
        let jwk = r#"{"kty":"RSA","kid":"k","n":"AQAB","e":"AQAB"}"#;
        json!({"kid": "k", "name": name, "jwk": jwk, "set": set})
    };
    desk.insert("keys", key("a", Value::Null)).unwrap();
    desk.insert("keys", key("b", json!({"name": "s"}))).unwrap();
    let taken = |body: Value| problem(desk.insert("keys", body))["fields"].clone();
    assert_eq!(
        taken(key("c", reference(&id(1)))),
        json!({"kid": "k", "set": reference(&id(1))})
    );
    assert_eq!(taken(key("a", Value::Null)), json!({"name": "a"}));
    assert!(desk.delete("key_sets", "s").unwrap());
    assert_eq!(desk.count("keys"), 1);
}
