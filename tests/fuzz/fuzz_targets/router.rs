//! Any routes, any changes, any requests: a look-up must find what reading every route in full finds.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;
use troop_expression::{Expression, Subsystem};
use troop_router::{
    Channel, NOWHERE, PathHandling, RequestHead, RouteFields, RouteSpec, Router, Tls, normalize_path,
    upstream_path,
};
use uuid::Uuid;

#[derive(Arbitrary, Debug)]
struct Game<'a> {
    moves: Vec<Move<'a>>,
    requests: Vec<Question<'a>>,
}

#[derive(Arbitrary, Debug)]
enum Move<'a> {
    Fields {
        id: u8,
        methods: Vec<&'a str>,
        hosts: Vec<&'a str>,
        paths: Vec<&'a str>,
        header: Option<(&'a str, Vec<&'a str>)>,
        snis: Vec<&'a str>,
        regex_priority: i64,
    },
    Sentence {
        id: u8,
        text: &'a str,
        priority: u32,
        plain: bool,
    },
    Remove(u8),
}

#[derive(Arbitrary, Debug)]
struct Question<'a> {
    method: &'a str,
    host: &'a str,
    path: &'a str,
    query: &'a str,
    header: (&'a str, &'a str),
    sni: Option<&'a str>,
}

fuzz_target!(|game: Game<'_>| {
    let mut router = Router::new();
    game.moves.iter().for_each(|one| play(&mut router, one));
    game.requests.iter().for_each(|question| ask(&router, question));
});

fn play(router: &mut Router<()>, one: &Move<'_>) {
    let spec = match one {
        Move::Remove(id) => {
            router.remove(Uuid::from_u128((*id).into()));
            return;
        }
        Move::Sentence {
            id,
            text,
            priority,
            plain,
        } => {
            let Ok(expression) = Expression::parse(text, Subsystem::Http) else {
                return;
            };
            let channel = if *plain { Channel::Plain } else { Channel::Any };
            let id = Uuid::from_u128((*id).into());
            Some(RouteSpec::of_expression(
                id,
                Arc::new(expression),
                (*priority).into(),
                channel,
            ))
        }
        fields => of_fields(fields),
    };
    if let Some(spec) = spec {
        router.insert(spec, Arc::new(()));
    }
}

fn of_fields(one: &Move<'_>) -> Option<RouteSpec> {
    let Move::Fields {
        id,
        methods,
        hosts,
        paths,
        header,
        snis,
        regex_priority,
    } = one
    else {
        return None;
    };
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let headers: Vec<_> = header
        .iter()
        .map(|(name, values)| ((*name).to_owned(), owned(values)))
        .collect();
    RouteSpec::parse(RouteFields {
        id: Uuid::from_u128((*id).into()),
        methods: &owned(methods),
        hosts: &owned(hosts),
        paths: &owned(paths),
        headers: &headers,
        snis: &owned(snis),
        regex_priority: *regex_priority,
        ..RouteFields::default()
    })
    .ok()
}

fn ask(router: &Router<()>, question: &Question<'_>) {
    let Ok(path) = normalize_path(question.path) else {
        return;
    };
    assert_eq!(
        normalize_path(&path).as_deref(),
        Ok(&*path),
        "normal paths stay as they are"
    );
    let name = question.header.0.to_ascii_lowercase();
    let headers = [(name.as_str(), question.header.1)];
    let head = RequestHead {
        method: question.method,
        host: question.host,
        port: 80,
        path: &path,
        query: question.query,
        headers: &headers[..],
        tls: question
            .sni
            .map_or(Tls::Plain, |sni| Tls::Https { sni: Some(sni) }),
        source: NOWHERE,
        destination: NOWHERE,
    };
    let explained = router.explain(&head, 1);
    let winner = explained.first().filter(|one| one.misses.is_empty());
    let found = router.find(&head);
    assert_eq!(
        found.as_ref().map(|found| found.route),
        winner.map(|one| one.route)
    );
    if let Some(found) = found {
        found.path.captures(&path);
        let length = found.path.length();
        assert!(path.is_char_boundary(length), "{length} bytes of {path}");
        for handling in [PathHandling::V0, PathHandling::V1] {
            upstream_path(Some("/base"), &path, length, handling);
        }
    }
}
