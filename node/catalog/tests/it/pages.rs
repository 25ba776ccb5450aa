//! Lists: order, offsets, parents, tags.

use crate::desk::{Desk, id, problem, reference};
use serde_json::{Value, json};
use troop_catalog::{Page, PageQuery, Parent, TagFilter};

fn services(desk: &Desk, tags: &[&[&str]]) {
    for (at, tags) in tags.iter().enumerate() {
        let n = at as u32 + 1;
        let body = json!({"host": "h", "name": format!("s{n}"), "tags": tags});
        desk.upsert("services", &id(n), body).unwrap();
    }
}

fn names(page: &Page, field: &str) -> Vec<Value> {
    page.data.iter().map(|record| record[field].clone()).collect()
}

fn of_size(size: usize) -> PageQuery {
    PageQuery {
        size,
        ..PageQuery::default()
    }
}

fn tagged(filter: &str) -> PageQuery {
    PageQuery {
        tags: Some(TagFilter::parse(filter.as_bytes()).unwrap()),
        ..PageQuery::default()
    }
}

/// All pages of a list, each followed by its offset.
fn walk(desk: &Desk, entity: &str, mut query: PageQuery, field: &str) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    loop {
        let page = desk.page(entity, &query);
        pages.push(names(&page, field));
        query.offset = page.offset;
        if query.offset.is_none() {
            return pages;
        }
    }
}

#[test]
fn pages_follow_the_order_of_ids() {
    let desk = Desk::new();
    services(&desk, &[&[], &[], &[], &[]]);
    let pages = walk(&desk, "services", of_size(2), "name");
    assert_eq!(pages, [[json!("s1"), json!("s2")], [json!("s3"), json!("s4")]]);
    assert_eq!(walk(&desk, "services", of_size(3), "name").len(), 2);
    assert_eq!(desk.page("routes", &of_size(1)), Page::default());
}

#[test]
fn an_offset_outlives_its_record() {
    let desk = Desk::new();
    services(&desk, &[&[], &[], &[], &[]]);
    let mut query = of_size(2);
    query.offset = desk.page("services", &query).offset;
    for name in ["s2", "s3"] {
        desk.delete("services", name).unwrap();
    }
    let page = desk.page("services", &query);
    assert_eq!((names(&page, "name"), page.offset), (vec![json!("s4")], None));
}

#[test]
fn a_bad_offset_is_refused() {
    let desk = Desk::new();
    let query = PageQuery {
        offset: Some("x".into()),
        ..PageQuery::default()
    };
    let page = desk.plan(|view, stamp| desk.catalog.page(view, "routes", &query, stamp.now_ms()));
    assert_eq!(
        problem(page),
        json!({"code": 7, "name": "invalid offset", "message": "'x' is not a valid offset: bad base64 encoding"})
    );
}

#[test]
fn tags_are_combined() {
    let desk = Desk::new();
    services(&desk, &[&["a"], &["b"], &["a", "b"], &[], &["b", "ab"]]);
    for (filter, wanted) in [
        ("a", vec!["s1", "s3"]),
        ("a,b", vec!["s3"]),
        ("b,a", vec!["s3"]),
        ("a/b", vec!["s1", "s2", "s3", "s5"]),
        ("c", vec![]),
        ("a,c", vec![]),
        ("c/b", vec!["s2", "s3", "s5"]),
        ("ab,b", vec!["s5"]),
    ] {
        let page = desk.page("services", &tagged(filter));
        assert_eq!(names(&page, "name"), wanted, "{filter}");
        let mut query = tagged(filter);
        query.size = 1;
        assert_eq!(
            walk(&desk, "services", query, "name").concat(),
            wanted,
            "{filter}"
        );
    }
}

#[test]
fn a_tag_that_was_taken_off_finds_nothing() {
    let desk = Desk::new();
    services(&desk, &[&["a"]]);
    desk.update("services", "s1", json!({"tags": ["b"]})).unwrap();
    assert!(desk.page("services", &tagged("a")).data.is_empty());
    assert_eq!(desk.page("services", &tagged("b")).data.len(), 1);
}

#[test]
fn children_are_listed_below_their_parent() {
    let desk = Desk::new();
    services(&desk, &[&[], &[]]);
    for (n, service) in [(1, 1), (2, 2), (3, 1), (4, 1)] {
        let body = json!({"paths": ["/"], "name": format!("r{n}"), "tags": ["x"], "service": reference(&id(service))});
        desk.upsert("routes", &id(n), body).unwrap();
    }
    let below = |n: u32| PageQuery {
        size: 2,
        parent: Some(Parent {
            field: "service",
            id: id(n).parse().unwrap(),
        }),
        ..PageQuery::default()
    };
    let pages = walk(&desk, "routes", below(1), "name");
    assert_eq!(pages, [vec![json!("r1"), json!("r3")], vec![json!("r4")]]);
    desk.update("routes", "r3", json!({"service": {"name": "s2"}}))
        .unwrap();
    assert_eq!(
        walk(&desk, "routes", below(2), "name"),
        [[json!("r2"), json!("r3")]]
    );
}

#[test]
fn targets_are_listed_newest_first() {
    let desk = Desk::new();
    desk.insert("upstreams", json!({"name": "u", "id": id(1)}))
        .unwrap();
    for n in 0..4 {
        desk.now_ms.set(desk.now_ms.get() + 1);
        let body = json!({"target": format!("t{n}.test:80"), "upstream": reference(&id(1))});
        desk.insert("targets", body).unwrap();
    }
    let query = PageQuery {
        size: 3,
        newest_first: true,
        parent: Some(Parent {
            field: "upstream",
            id: id(1).parse().unwrap(),
        }),
        ..PageQuery::default()
    };
    let pages = walk(&desk, "targets", query, "target");
    assert_eq!(
        pages,
        [
            vec![json!("t3.test:80"), json!("t2.test:80"), json!("t1.test:80")],
            vec![json!("t0.test:80")]
        ]
    );
}
