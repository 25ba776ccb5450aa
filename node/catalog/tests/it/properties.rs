//! What holds after any history: every list shows exactly the records that belong on it.

use crate::desk::{Desk, id, reference};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use troop_catalog::{PageQuery, Parent, TagFilter};
use troop_schema::Record;

#[derive(Clone, Debug)]
enum Step {
    Put(&'static str, u32, Value),
    Patch(&'static str, u32, Value),
    Delete(&'static str, u32),
}

fn word() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![json!(null), json!("a"), json!("b"), json!("ab")])
}

fn tags() -> impl Strategy<Value = Value> {
    prop::collection::vec(prop::sample::select(vec!["x", "y", "xy"]), 0..3).prop_map(Value::from)
}

fn step() -> impl Strategy<Value = Step> {
    let n = 1..4u32;
    let parent = (0..4u32).prop_map(|n| if n == 0 { Value::Null } else { reference(&id(n)) });
    prop_oneof![
        (n.clone(), word(), tags()).prop_map(|(n, name, tags)| Step::Put(
            "services",
            n,
            json!({"host": "h", "name": name, "tags": tags})
        )),
        (n.clone(), word(), tags(), parent.clone()).prop_map(|(n, name, tags, service)| {
            Step::Put(
                "routes",
                n,
                json!({"paths": ["/"], "name": name, "tags": tags, "service": service}),
            )
        }),
        (n.clone(), parent.clone()).prop_map(|(n, service)| Step::Patch(
            "routes",
            n,
            json!({"service": service})
        )),
        (n.clone(), word()).prop_map(|(n, name)| Step::Patch("services", n, json!({"name": name}))),
        (n.clone(), parent).prop_map(|(n, service)| Step::Put(
            "plugins",
            n,
            json!({"name": "cors", "service": service})
        )),
        (prop::sample::select(vec!["services", "routes", "plugins"]), n)
            .prop_map(|(entity, n)| Step::Delete(entity, n)),
    ]
}

fn take(desk: &Desk, step: Step) {
    let refused = match step {
        Step::Put(entity, n, body) => desk.upsert(entity, &id(n), body).err(),
        Step::Patch(entity, n, body) => desk.update(entity, &id(n), body).err(),
        Step::Delete(entity, n) => desk.delete(entity, &id(n)).err(),
    };
    if let Some(problem) = refused {
        assert_ne!(problem.status(), 500, "{problem}");
    }
}

fn ids(records: &[Record]) -> Vec<String> {
    records
        .iter()
        .map(|record| record["id"].as_str().unwrap().to_owned())
        .collect()
}

fn all(desk: &Desk, entity: &str) -> Vec<Record> {
    desk.page(entity, &PageQuery::default()).data
}

fn has_tag(record: &Record, tag: &str) -> bool {
    record["tags"]
        .as_array()
        .is_some_and(|tags| tags.contains(&tag.into()))
}

fn check_tags(desk: &Desk, entity: &str, filter: &str, belongs: impl Fn(&Record) -> bool) {
    let query = PageQuery {
        tags: Some(TagFilter::parse(filter.as_bytes()).unwrap()),
        ..PageQuery::default()
    };
    let wanted: Vec<_> = all(desk, entity).into_iter().filter(|r| belongs(r)).collect();
    assert_eq!(
        ids(&desk.page(entity, &query).data),
        ids(&wanted),
        "{entity} {filter}"
    );
}

fn check_children(desk: &Desk, entity: &str, n: u32) {
    let query = PageQuery {
        parent: Some(Parent {
            field: "service",
            id: id(n).parse().unwrap(),
        }),
        ..PageQuery::default()
    };
    let belongs = |record: &Record| record["service"] == reference(&id(n));
    let wanted: Vec<_> = all(desk, entity).into_iter().filter(belongs).collect();
    assert_eq!(
        ids(&desk.page(entity, &query).data),
        ids(&wanted),
        "{entity} of {n}"
    );
}

fn check_names(desk: &Desk, entity: &str) {
    let mut seen = BTreeSet::new();
    for record in all(desk, entity) {
        if let Some(name) = record["name"].as_str() {
            assert!(seen.insert(name.to_owned()), "{name} twice");
            assert_eq!(desk.find(entity, name), Some(record.clone()));
        }
    }
    for name in ["a", "b", "ab"] {
        assert_eq!(
            desk.find(entity, name).is_some(),
            seen.contains(name),
            "{entity} {name}"
        );
    }
}

proptest! {
    #[test]
    fn lists_show_what_belongs_on_them(steps in prop::collection::vec(step(), 1..40)) {
        let desk = Desk::new();
        for step in steps {
            take(&desk, step);
        }
        for entity in ["services", "routes"] {
            check_names(&desk, entity);
            check_tags(&desk, entity, "x", |r| has_tag(r, "x"));
            check_tags(&desk, entity, "x,y", |r| has_tag(r, "x") && has_tag(r, "y"));
            check_tags(&desk, entity, "x/xy", |r| has_tag(r, "x") || has_tag(r, "xy"));
        }
        for n in 1..4 {
            check_children(&desk, "routes", n);
            check_children(&desk, "plugins", n);
        }
        for record in all(&desk, "routes").iter().chain(&all(&desk, "plugins")) {
            if let Some(parent) = record["service"]["id"].as_str() {
                prop_assert!(desk.find("services", parent).is_some(), "a parent is there");
            }
        }
    }
}
