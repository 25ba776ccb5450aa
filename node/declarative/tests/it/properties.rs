//! What holds for any document.

use crate::fixture::{NOW_MS, document, registry, stamped};
use proptest::prelude::*;
use serde_json::{Value, json};
use troop_declarative::{Dialect, Export, Format, Loader, Records, diff};
use troop_schema::Registry;

/// Drops what is not there: a document where members are missing as often as not.
fn sparse(members: Vec<(&'static str, Option<Value>)>) -> Value {
    let given = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect())
}

fn maybe(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Option<Value>> {
    prop::option::of(values)
}

fn text(pattern: &'static str) -> impl Strategy<Value = Value> {
    pattern.prop_map(Value::from)
}

fn tags() -> impl Strategy<Value = Option<Value>> {
    maybe(
        prop::collection::vec("[a-z0-9 #:'\"-]{1,4}", 0..3).prop_map(|tags| {
            let tags: Vec<_> = tags.iter().map(|tag| format!("t{tag}t")).collect();
            json!(tags)
        }),
    )
}

fn plugin() -> impl Strategy<Value = Value> {
    prop_oneof![
        maybe((0..9000u64).prop_map(Value::from))
            .prop_map(|age| json!({"name": "cors", "config": {"max_age": age}})),
        (1..99u64).prop_map(|minute| json!({"name": "rate-limiting", "config": {"minute": minute}})),
        text("[a-z]{1,3}").prop_map(|group| json!({"name": "acl", "config": {"allow": [group]}})),
        maybe(text("[ -~üß😀]{1,6}"))
            .prop_map(|secret| json!({"name": "key-auth", "config": {"secret": secret}})),
    ]
}

/// One of a sort per scope.
fn plugins() -> impl Strategy<Value = Option<Value>> {
    maybe(prop::collection::vec(plugin(), 0..3).prop_map(|plugins| first_of_each(plugins, "name")))
}

fn first_of_each(list: Vec<Value>, field: &str) -> Value {
    let mut seen = Vec::new();
    let firsts = list.into_iter().filter(|one| {
        let key = one[field].clone();
        let fresh = key.is_null() || !seen.contains(&key);
        seen.push(key);
        fresh
    });
    firsts.collect()
}

fn route() -> impl Strategy<Value = Value> {
    let paths = prop::collection::vec("/[a-z]{0,3}|~/[a-z]\\\\d\\+", 1..3).prop_map(|paths| json!(paths));
    (
        paths,
        maybe(prop_oneof![Just(json!(["http"])), Just(json!(["http", "https"]))]),
        tags(),
        plugins(),
    )
        .prop_map(|(paths, protocols, tags, plugins)| {
            sparse(vec![
                ("paths", Some(paths)),
                ("protocols", protocols),
                ("tags", tags),
                ("plugins", plugins),
            ])
        })
}

fn service() -> impl Strategy<Value = Value> {
    let routes = maybe(prop::collection::vec(route(), 0..3).prop_map(Value::from));
    (
        text("[a-d]"),
        text("[a-z]{1,5}\\.test"),
        maybe((1..65535u64).prop_map(Value::from)),
        tags(),
        routes,
        plugins(),
    )
        .prop_map(|(name, host, port, tags, routes, plugins)| {
            sparse(vec![
                ("name", Some(name)),
                ("host", Some(host)),
                ("port", port),
                ("tags", tags),
                ("routes", routes),
                ("plugins", plugins),
            ])
        })
}

fn consumer() -> impl Strategy<Value = Value> {
    let key = (text("[a-z]{20}"), maybe((1..1000u64).prop_map(Value::from)));
    let keys = maybe(
        prop::collection::vec(
            key.prop_map(|(key, ttl)| sparse(vec![("key", Some(key)), ("ttl", ttl)])),
            0..3,
        )
        .prop_map(Value::from),
    );
    (text("[a-d]"), tags(), keys).prop_map(|(name, tags, keys)| {
        sparse(vec![
            ("username", Some(name)),
            ("tags", tags),
            ("keyauth_credentials", keys),
        ])
    })
}

fn upstream() -> impl Strategy<Value = Value> {
    let target = (text("[a-d]\\.test:80"), maybe((0..100u64).prop_map(Value::from)));
    let target =
        target.prop_map(|(target, weight)| sparse(vec![("target", Some(target)), ("weight", weight)]));
    let targets =
        maybe(prop::collection::vec(target, 0..4).prop_map(|targets| first_of_each(targets, "target")));
    let algorithm = maybe(
        prop::sample::select(vec!["round-robin", "latency", "least-connections"]).prop_map(Value::from),
    );
    let hash_on = maybe(prop::sample::select(vec!["none", "ip", "consumer"]).prop_map(Value::from));
    (text("[a-d]"), algorithm, hash_on, targets).prop_map(|(name, algorithm, hash_on, targets)| {
        sparse(vec![
            ("name", Some(name)),
            ("algorithm", algorithm),
            ("hash_on", hash_on),
            ("targets", targets),
        ])
    })
}

fn list(of: impl Strategy<Value = Value>, field: &'static str) -> impl Strategy<Value = Option<Value>> {
    maybe(prop::collection::vec(of, 0..4).prop_map(move |list| first_of_each(list, field)))
}

fn collections() -> impl Strategy<Value = Value> {
    (
        list(service(), "name"),
        list(consumer(), "username"),
        list(upstream(), "name"),
        plugins(),
    )
        .prop_map(|(services, consumers, upstreams, plugins)| {
            sparse(vec![
                ("services", services),
                ("consumers", consumers),
                ("upstreams", upstreams),
                ("plugins", plugins),
            ])
        })
}

fn load(registry: &Registry, collections: Value, salt: u128) -> Records {
    let mut drawn = salt << 64;
    let mut random = || {
        drawn += 1;
        drawn.to_be_bytes()
    };
    let mut stamp = troop_schema::Stamp::new(NOW_MS, &mut random);
    Loader::new(registry)
        .load_value(document(collections), &mut stamp)
        .unwrap()
        .into_records()
}

/// Every reference finds its record.
fn is_closed(registry: &Registry, records: &Records) -> bool {
    records.iter().all(|(entity, _, record)| {
        let entity = registry.entity(entity).unwrap();
        entity
            .foreigns()
            .all(|foreign| match record[foreign.field]["id"].as_str() {
                Some(id) => records.get(foreign.reference, &id.parse().unwrap()).is_some(),
                None => true,
            })
    })
}

proptest! {
    #[test]
    fn an_export_loads_as_the_same_records(collections in collections()) {
        let registry = registry();
        let records = load(&registry, collections, 0);
        let export = Export::new(&registry, &records);
        let loader = Loader::new(&registry);
        let from_value = stamped(NOW_MS, |stamp| loader.load_value(export.to_value(), stamp)).unwrap();
        prop_assert!(!from_value.transform());
        prop_assert_eq!(from_value.records(), &records);
        for (text, format) in [(export.to_yaml(), Format::Yaml), (export.to_value().to_string(), Format::Either)] {
            let document = stamped(NOW_MS, |stamp| loader.load_text(&text, format, stamp)).unwrap();
            prop_assert_eq!(document.records(), &records);
            prop_assert_eq!(document.warnings(), &[]);
        }
    }

    #[test]
    fn a_change_set_leads_from_one_to_the_other_without_a_loose_end(a in collections(), b in collections()) {
        let registry = registry();
        let (a, b) = (load(&registry, a, 1), load(&registry, b, 2));
        prop_assert!(diff(&registry, &a, &a).is_empty());
        let changes = diff(&registry, &a, &b);
        let mut at = a.clone();
        prop_assert!(is_closed(&registry, &at));
        for change in changes.changes() {
            change.apply(&mut at);
            prop_assert!(is_closed(&registry, &at), "{change:?}");
        }
        prop_assert_eq!(&at, &b);
        let mut again = a;
        changes.apply(&mut again);
        prop_assert_eq!(again, b);
    }

    #[test]
    fn the_same_document_again_changes_nothing(collections in collections()) {
        let registry = registry();
        let current = load(&registry, collections.clone(), 1);
        let again = stamped(NOW_MS + 60_000, |stamp| {
            Loader::new(&registry).load_value(document(collections), stamp)
        });
        let adopted = stamped(NOW_MS, |stamp| again.unwrap().adopting(&registry, &current, stamp));
        let changes = diff(&registry, &current, adopted.records());
        prop_assert!(changes.is_empty(), "{}", changes.rendered(&registry));
    }

    #[test]
    fn no_text_makes_it_panic(text in "[ -~\n]{0,60}", dialect in prop::sample::select(vec![Dialect::Kong, Dialect::Deck])) {
        let registry = registry();
        let texts = [format!("_format_version: '3.0'\nservices:\n{text}"), text];
        for text in texts {
            let loaded = stamped(NOW_MS, |stamp| {
                Loader::new(&registry).dialect(dialect).load_text(&text, Format::Either, stamp)
            });
            if let Err(error) = loaded {
                prop_assert!(!error.lines().is_empty());
                prop_assert_eq!(&error.to_json(true)["code"], &json!(14));
            }
        }
    }
}
