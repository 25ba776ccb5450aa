//! Expressions, judged: what a request looks like in the words of the language, and what of it an expression matched.
//!
//! A court with an archivist. The judge is the crate that Kong uses; he only rules on exhibits. The archivist fetches them: a header, a
//! segment of the path, the client's address. He fetches an exhibit when the first sentence asks for it and keeps it on the
//! table for the next, so that a request pays for what its candidates ask, once.
//!
//! The catch: what an expression matched of the path is whatever its *last* comparison with the path was about, wherever in the
//! path that stood. Kong: as many bytes are stripped from the front. So the length is cut to what the path has.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use troop_expression::ast::Value;
use troop_expression::context::{self, Context};
use troop_expression::interpreter::Execute;
use troop_expression::{Expression, Field, Subsystem, vocabulary};

use crate::host::split_host;
use crate::matched::{Group, PathMatch};
use crate::request::{Headers, RequestHead, Tls};

/// Kong: arguments of a query beyond this many are not looked at.
const QUERY_ARGUMENTS_MAX: usize = 100;

/// One request, in the words of the language.
pub(crate) struct Court<'q, H: ?Sized> {
    head: &'q RequestHead<'q, H>,
    /// Nothing until the first expression is judged.
    exhibits: Option<Context<'static>>,
}

impl<'q, H: Headers + ?Sized> Court<'q, H> {
    pub(crate) fn new(head: &'q RequestHead<'q, H>) -> Self {
        Court { head, exhibits: None }
    }

    /// What of the path an expression matched; `None` when it does not hold.
    pub(crate) fn judge<'r>(&mut self, expression: &Expression) -> Option<PathMatch<'r>> {
        let head = self.head;
        let exhibits = self
            .exhibits
            .get_or_insert_with(|| Context::new(vocabulary(Subsystem::Http)));
        for (name, field) in expression.fields() {
            if exhibits.value_of(name).is_none() {
                each_value(head, field, &mut |value| exhibits.add_value(name, value));
            }
        }
        let mut ruling = context::Match::new();
        expression
            .tree()
            .execute(exhibits, &mut ruling)
            .then(|| PathMatch::Expression {
                length: matched_length(&ruling, head.path),
                groups: groups(ruling, expression),
            })
    }
}

fn each_value<H: Headers + ?Sized>(head: &RequestHead<'_, H>, field: &Field, add: &mut dyn FnMut(Value)) {
    let text = |text: &str| Value::String(text.to_owned());
    let (host, port) = split_host(head.host);
    match field {
        Field::Method => add(text(head.method)),
        Field::Host if host.is_empty() => {}
        Field::Host => add(text(host)),
        Field::Path => add(text(head.path)),
        Field::SegmentCount => add(Value::Int(segments(head.path).count() as i64)),
        Field::Segments { first, last } => {
            if let Some(found) = segments_between(head.path, *first, *last) {
                add(text(found));
            }
        }
        Field::Header(name) => {
            head.headers.any(name, &mut |value| {
                add(Value::String(String::from_utf8_lossy(value).into_owned()));
                false
            });
        }
        Field::Query(name) => each_argument(head.query, name, &mut |value| add(Value::String(value))),
        Field::Protocol => add(text(match head.tls {
            Tls::Plain => "http",
            Tls::Https { .. } => "https",
        })),
        Field::Sni => {
            if let Tls::Https { sni: Some(sni) } = head.tls {
                add(text(sni));
            }
        }
        Field::SourceIp => add(Value::IpAddr(head.source.ip())),
        Field::SourcePort => add(Value::Int(head.source.port().into())),
        Field::DestinationIp => add(Value::IpAddr(head.destination.ip())),
        Field::DestinationPort => add(Value::Int(port.unwrap_or(head.port).into())),
    }
}

/// Kong: a slash at the end begins no segment.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let inner = path.strip_prefix('/').unwrap_or(path);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let is_empty = inner.is_empty();
    inner.split('/').filter(move |_| !is_empty)
}

/// The segments from the first to the last, as they stand in the path; `None` unless all are there.
fn segments_between(path: &str, first: usize, last: usize) -> Option<&str> {
    let offset_in = |part: &str| part.as_ptr() as usize - path.as_ptr() as usize;
    let start = offset_in(segments(path).nth(first)?);
    let end = segments(path).nth(last)?;
    path.get(start..offset_in(end) + end.len())
}

/// Kong: an argument without a value has an empty one.
fn each_argument(query: &str, name: &str, add: &mut dyn FnMut(String)) {
    let arguments = query.split('&').filter(|argument| !argument.is_empty());
    for argument in arguments.take(QUERY_ARGUMENTS_MAX) {
        let (own, value) = argument.split_once('=').unwrap_or((argument, ""));
        if plain(own) == name {
            add(plain(value).into_owned());
        }
    }
}

fn plain(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
    } else {
        percent_decode_str(text).decode_utf8_lossy()
    }
}

fn matched_length(ruling: &context::Match, path: &str) -> usize {
    let matched = match ruling.matches.get("http.path") {
        Some(Value::String(text)) => text.len(),
        _ => 0,
    };
    path.floor_char_boundary(matched)
}

fn groups(ruling: context::Match, expression: &Expression) -> Box<[Group]> {
    let name_of = |index: usize, value: &str| {
        let mut names = expression.groups().iter().filter(|(_, of)| *of == index);
        let is_it = |name: &str| ruling.captures.get(name).is_some_and(|own| own == value);
        names.find(|(name, _)| is_it(name)).map(|(name, _)| name.clone())
    };
    let numbered = ruling.captures.iter().filter_map(|(key, value)| {
        let index = key.parse().ok()?;
        Some(Group {
            index,
            name: name_of(index, value),
            value: value.clone(),
        })
    });
    let mut groups: Vec<Group> = numbered.collect();
    groups.sort_by_key(|group| group.index);
    groups.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::NoHeaders;

    fn check_segments(path: &str, count: usize, rows: &[(usize, usize, Option<&str>)]) {
        assert_eq!(segments(path).count(), count, "{path}");
        for (first, last, expected) in rows {
            assert_eq!(
                segments_between(path, *first, *last),
                *expected,
                "{path} {first}_{last}"
            );
        }
    }

    #[test]
    fn segments_are_counted_from_zero() {
        check_segments(
            "/a/bc/d/",
            3,
            &[
                (0, 0, Some("a")),
                (1, 1, Some("bc")),
                (0, 1, Some("a/bc")),
                (1, 2, Some("bc/d")),
                (2, 2, Some("d")),
                (2, 3, None),
                (3, 3, None),
                (usize::MAX, usize::MAX, None),
            ],
        );
        check_segments("/", 0, &[(0, 0, None)]);
        check_segments("/a", 1, &[(0, 0, Some("a"))]);
    }

    #[test]
    fn arguments_are_read_as_forms_are() {
        let values = |query: &str, name: &str| {
            let mut values = Vec::new();
            each_argument(query, name, &mut |value| values.push(value));
            values
        };
        for (query, name, expected) in [
            ("a=1&b=2&a=3", "a", vec!["1", "3"]),
            ("a&b", "a", vec![""]),
            ("x+y=1%202", "x y", vec!["1 2"]),
            ("A=1", "a", vec![]),
            ("&&a=1=2", "a", vec!["1=2"]),
        ] {
            assert_eq!(values(query, name), expected, "{query}");
        }
        let many = format!("{}a=late", "x=1&".repeat(QUERY_ARGUMENTS_MAX));
        assert_eq!(values(&many, "a"), Vec::<String>::new());
    }

    #[test]
    fn what_was_matched_is_never_longer_than_the_path_nor_half_a_letter() {
        let head = RequestHead {
            method: "GET",
            host: "a.test",
            port: 80,
            path: "/ä/b",
            query: "",
            headers: &NoHeaders,
            tls: Tls::Plain,
            source: crate::request::NOWHERE,
            destination: crate::request::NOWHERE,
        };
        for (text, expected) in [
            (r#"http.path ^= "/ä""#, 3),
            (r#"http.path =^ "/b""#, 1),
            (r#"http.path ~ "/ä/b""#, 5),
            (r#"lower(http.path) == "/ä/b""#, 5),
            (r#"http.host == "a.test""#, 0),
        ] {
            let expression = Expression::parse(text, Subsystem::Http).unwrap();
            let found = Court::new(&head).judge(&expression).expect(text);
            assert_eq!(found.length(), expected, "{text}");
        }
    }
}
