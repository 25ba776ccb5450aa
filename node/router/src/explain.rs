//! Why a request finds the route it finds: every route with what speaks against it.
//!
//! A look-up only ever says who won. An operator whose request went astray wants to know about the others: "yours was the third card, it
//! fits but asks for less", or "yours asks for another host". So here every card is read in full, the slow way that look-ups avoid.
//!
//! The catch: it costs a pass over all routes, so it is for people, never for requests.

use crate::{
    candidate::{Candidate, CandidatePaths, split},
    host::{HostPattern, HostRule, Ports},
    judge::Court,
    rank::Rank,
    request::{Headers, RequestHead},
    router::Router,
    spec::{RouteSpec, Sentence},
};
use std::{cmp::Reverse, sync::Arc};
use uuid::Uuid;

/// What a route may ask of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attribute {
    /// Its host, and the port with it.
    Host,
    /// The beginning of its path.
    Path,
    /// Its method.
    Method,
    /// Its header fields.
    Headers,
    /// The server name of its TLS connection.
    Sni,
    /// Whence the connection comes.
    Source,
    /// Where it leads.
    Destination,
    /// Whether it is plain or TLS.
    Protocol,
    /// Whatever its expression says.
    Expression,
}

impl Attribute {
    /// As a route's field is called.
    pub fn as_str(self) -> &'static str {
        match self {
            Attribute::Host => "hosts",
            Attribute::Path => "paths",
            Attribute::Method => "methods",
            Attribute::Headers => "headers",
            Attribute::Sni => "snis",
            Attribute::Source => "sources",
            Attribute::Destination => "destinations",
            Attribute::Protocol => "protocols",
            Attribute::Expression => "expression",
        }
    }
}

/// A route, read in full.
#[derive(Debug)]
pub struct Judged<'r, T> {
    /// Its id.
    pub route: Uuid,
    /// What hangs on it.
    pub payload: &'r Arc<T>,
    /// What of it does not fit; nothing when all of it does.
    pub misses: Vec<Attribute>,
    /// Its place in the order, if it fits.
    rank: Option<Rank>,
}

impl<T> Router<T> {
    /// The `max` routes that come closest to a request: first those that fit, the winner at the head; then those of which least does not fit.
    pub fn explain<H: Headers + ?Sized>(&self, head: &RequestHead<'_, H>, max: usize) -> Vec<Judged<'_, T>> {
        let judged = self.installed().map(|(spec, payload)| judge(spec, payload, head));
        let mut judged: Vec<Judged<'_, T>> = judged.collect();
        judged.sort_by_key(|one| (one.misses.len(), Reverse(one.rank), Reverse(one.route)));
        judged.truncate(max);
        judged
    }
}

fn judge<'r, T, H: Headers + ?Sized>(
    spec: &RouteSpec,
    payload: &'r Arc<T>,
    head: &RequestHead<'_, H>,
) -> Judged<'r, T> {
    if let Some(sentence) = &spec.sentence {
        return judge_sentence(spec, sentence, payload, head);
    }
    let mut misses = Vec::new();
    if !spec.hosts.is_empty() && !spec.hosts.iter().any(|rule| fits(rule, head)) {
        misses.push(Attribute::Host);
    }
    let candidates = split(spec, payload).into_iter();
    let fitting = candidates.filter(|filed| {
        let is_below = filed
            .prefixes
            .iter()
            .any(|prefix| head.path.as_bytes().starts_with(prefix));
        is_below && regex_fits(&filed.candidate, head.path)
    });
    let rank = fitting.map(|filed| filed.candidate.rank).max();
    if rank.is_none() {
        misses.push(Attribute::Path);
    }
    if let Some(conditions) = &spec.conditions {
        misses.extend(conditions.misses(head));
    }
    Judged {
        route: spec.id,
        payload,
        rank: rank.filter(|_| misses.is_empty()),
        misses,
    }
}

/// Kong's language says of a sentence only whether it holds.
fn judge_sentence<'r, T, H: Headers + ?Sized>(
    spec: &RouteSpec,
    sentence: &Sentence,
    payload: &'r Arc<T>,
    head: &RequestHead<'_, H>,
) -> Judged<'r, T> {
    let mut misses = Vec::new();
    if Court::new(head).judge(&sentence.expression).is_none() {
        misses.push(Attribute::Expression);
    }
    if let Some(conditions) = &spec.conditions {
        misses.extend(conditions.misses(head));
    }
    let rank = Rank::of_expression(sentence.priority, spec.id);
    Judged {
        route: spec.id,
        payload,
        rank: misses.is_empty().then_some(rank),
        misses,
    }
}

fn regex_fits<T>(candidate: &Candidate<T>, path: &str) -> bool {
    match &candidate.paths {
        CandidatePaths::Any | CandidatePaths::Plain | CandidatePaths::Expression(_) => true,
        CandidatePaths::Regex(regexes) => regexes.iter().any(|regex| regex.is_match(path)),
    }
}

fn fits<H: ?Sized>(rule: &HostRule, head: &RequestHead<'_, H>) -> bool {
    let (host, ports) = Ports::of(head);
    ports.fit(rule.port)
        && !host.is_empty()
        && match &rule.pattern {
            HostPattern::Exact(name) => **name == *host,
            HostPattern::Suffix(suffix) => host.ends_with(&**suffix),
            HostPattern::Prefix(prefix) => host.starts_with(&**prefix),
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        request::{NOWHERE, NoHeaders, Tls},
        spec::RouteFields,
    };

    fn spec(id: u128, hosts: &[&str], paths: &[&str], methods: &[&str]) -> RouteSpec {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let (hosts, paths, methods) = (owned(hosts), owned(paths), owned(methods));
        RouteSpec::parse(RouteFields {
            id: Uuid::from_u128(id),
            hosts: &hosts,
            paths: &paths,
            methods: &methods,
            ..RouteFields::default()
        })
        .unwrap()
    }

    fn head<'a>(host: &'a str, path: &'a str) -> RequestHead<'a, NoHeaders> {
        RequestHead {
            method: "GET",
            host,
            port: 80,
            path,
            query: "",
            headers: &NoHeaders,
            tls: Tls::Plain,
            source: NOWHERE,
            destination: NOWHERE,
        }
    }

    fn router() -> Router<()> {
        let specs = [
            spec(1, &[], &["/a"], &[]),
            spec(2, &["x.test"], &["/a", "~/b\\d"], &[]),
            spec(3, &["*.test"], &["/c"], &["POST"]),
            spec(4, &["y.test:8080"], &[], &["GET"]),
        ];
        specs.into_iter().map(|spec| (spec, Arc::new(()))).collect()
    }

    #[test]
    fn those_that_fit_come_first_and_the_winner_before_all() {
        use Attribute::{Host, Method, Path};
        let router = router();
        let found = router.explain(&head("x.test", "/a/1"), 10);
        let found: Vec<_> = found
            .into_iter()
            .map(|one| (one.route.as_u128(), one.misses))
            .collect();
        assert_eq!(
            found,
            [(2, vec![]), (1, vec![]), (4, vec![Host]), (3, vec![Path, Method]),]
        );
    }

    #[test]
    fn the_head_of_the_list_is_what_a_look_up_finds() {
        let router = router();
        for (host, path) in [
            ("x.test", "/a"),
            ("x.test", "/b7"),
            ("z.test", "/a"),
            ("z.test", "/c"),
            ("y.test:8080", "/"),
            ("y.test", "/"),
            ("", "/a"),
        ] {
            let head = head(host, path);
            let explained = router.explain(&head, 1);
            let winner = explained.first().filter(|one| one.misses.is_empty());
            let found = router.find(&head).map(|found| found.route);
            assert_eq!(winner.map(|one| one.route), found, "{host}{path}");
        }
    }

    #[test]
    fn no_more_are_told_than_asked_for() {
        assert_eq!(router().explain(&head("x.test", "/"), 2).len(), 2);
    }
}
