//! What holds for any input: nothing panics, what was judged right stays right, numbers are tidy.

use crate::fixture::{change, judge, object, registry};
use proptest::prelude::*;
use serde_json::{Value, json};

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0..70000i64).prop_map(Value::from),
        "[a-z0-9/:.*~ %ü-]{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["http", "grpc", "tcp", "none", "header", "stamp", "latency"])
            .prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{0,4}|active|healthy|header|redis", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// An entity, and a body whose members it mostly knows.
fn input() -> impl Strategy<Value = (&'static str, Value)> {
    let names: Vec<(&'static str, Vec<String>)> = registry()
        .entities()
        .map(|entity| {
            let document = registry().document(entity);
            let fields = document["fields"].as_array().cloned().unwrap();
            let names = fields
                .iter()
                .flat_map(|f| object(f.clone()).into_iter().map(|(k, _)| k));
            (
                entity.name(),
                names.chain(["url".to_owned(), "x".to_owned()]).collect(),
            )
        })
        .collect();
    prop::sample::select(names).prop_flat_map(|(entity, names)| {
        let members = prop::collection::btree_map(prop::sample::select(names), value(), 0..6);
        members.prop_map(move |map| (entity, Value::Object(map.into_iter().collect())))
    })
}

proptest! {
    #[test]
    fn any_input_is_judged_and_what_is_right_stays_right((entity, input) in input()) {
        match judge(entity, input) {
            Ok(record) => prop_assert_eq!(change(entity, &record, json!({})), Ok(record)),
            Err(violation) => {
                prop_assert!(violation.message().contains("schema violation"));
                prop_assert!(violation.fields().as_object().is_some_and(|fields| !fields.is_empty()));
            }
        }
    }
}
