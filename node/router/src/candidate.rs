//! A route split into candidates: the parts of it that have one rank each.
//!
//! A route may list `/a`, `/longer` and `~/c+`. The rank depends on the path that matches, so
//! such a route enters the order three times, at three places, like a runner who holds three
//! tickets for three queues. Paths of the same length share a ticket, and so do all regexes.
//!
//! Kong: each part beyond the first kind gets an id of its own, made from the route's id and the
//! number of the part, and that id breaks ties against other routes. A route that was not split
//! keeps its own. In the flavour `traditional` ids come after everything else, age too, and are the route's.

use std::sync::Arc;

use regex::Regex;
use troop_expression::Expression;
use uuid::Uuid;

use crate::condition::Conditions;
use crate::host::PortRule;
use crate::rank::{Order, PathTrait, Rank};
use crate::spec::{PathRule, RouteSpec, Sentence};

/// Kong: the namespace in which the ids of a split route's parts are made (UUID version 5).
const PART_NAMESPACE: Uuid = Uuid::from_u128(0x7f145bf9_0dce_4f91_98eb_debbce4b9f6b);

/// One place of a route in the order. Holds all that judging it takes, so that a look-up follows
/// no pointer from here unless the route has further conditions.
#[derive(Debug)]
pub(crate) struct Candidate<T> {
    pub(crate) rank: Rank,
    /// The port of the host pattern under which this is filed.
    pub(crate) port: PortRule,
    /// `None` when host and path are all the route asks for.
    pub(crate) conditions: Option<Arc<Conditions>>,
    pub(crate) paths: CandidatePaths,
    /// The route this is a part of.
    pub(crate) route: Uuid,
    /// What the caller hung on the route.
    pub(crate) payload: Arc<T>,
}

/// How a candidate judges a path under whose prefix it was filed.
#[derive(Debug, Clone)]
pub(crate) enum CandidatePaths {
    /// The route has no paths: every path will do.
    Any,
    /// Being found under the prefix is the match.
    Plain,
    /// The first of these that matches, in the order the route lists them.
    Regex(Arc<[Regex]>),
    /// Whether this holds, of which the path is a part.
    Expression(Arc<Expression>),
}

impl<T> Clone for Candidate<T> {
    fn clone(&self) -> Self {
        Candidate {
            rank: self.rank,
            port: self.port,
            conditions: self.conditions.clone(),
            paths: self.paths.clone(),
            route: self.route,
            payload: Arc::clone(&self.payload),
        }
    }
}

impl<T> Candidate<T> {
    /// The same candidate, as filed under a host pattern with this port.
    pub(crate) fn at_port(&self, port: PortRule) -> Self {
        Candidate { port, ..self.clone() }
    }
}

/// A candidate with the path prefixes it is filed under.
pub(crate) struct Filed<T> {
    pub(crate) candidate: Candidate<T>,
    pub(crate) prefixes: Vec<Box<[u8]>>,
}

/// Paths of one route that share a rank.
struct Group<'s> {
    path: PathTrait,
    rules: Vec<&'s PathRule>,
}

/// Splits a route into its candidates.
pub(crate) fn split<T>(spec: &RouteSpec, payload: &Arc<T>) -> Vec<Filed<T>> {
    if let Some(sentence) = &spec.sentence {
        return vec![sentence.file(spec, payload)];
    }
    let groups = group(spec);
    let parts = groups.len();
    groups
        .into_iter()
        .enumerate()
        .map(|(index, group)| {
            let id = match spec.traits.order {
                Order::Compatible if parts > 1 => part_id(spec.id, index + 1),
                _ => spec.id,
            };
            group.file(spec, id, payload)
        })
        .collect()
}

fn group(spec: &RouteSpec) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for rule in &*spec.paths {
        let path = rule.path_trait(spec.regex_priority);
        match groups.iter_mut().find(|group| group.path == path) {
            Some(group) => group.rules.push(rule),
            None => groups.push(Group {
                path,
                rules: vec![rule],
            }),
        }
    }
    if groups.is_empty() {
        groups.push(Group {
            path: PathTrait::Plain(0),
            rules: Vec::new(),
        });
    }
    groups
}

fn part_id(route: Uuid, number: usize) -> Uuid {
    Uuid::new_v5(&PART_NAMESPACE, format!("{route}#{number}").as_bytes())
}

impl Sentence {
    fn file<T>(&self, spec: &RouteSpec, payload: &Arc<T>) -> Filed<T> {
        let candidate = Candidate {
            rank: Rank::of_expression(self.priority, spec.id),
            port: PortRule::Any,
            conditions: spec.conditions.clone(),
            paths: CandidatePaths::Expression(Arc::clone(&self.expression)),
            route: spec.id,
            payload: Arc::clone(payload),
        };
        Filed {
            candidate,
            prefixes: self.prefixes.clone(),
        }
    }
}

impl Group<'_> {
    fn file<T>(self, spec: &RouteSpec, id: Uuid, payload: &Arc<T>) -> Filed<T> {
        let candidate = Candidate {
            rank: Rank::new(spec.traits, self.path, id),
            port: PortRule::Any,
            conditions: spec.conditions.clone(),
            paths: self.paths(),
            route: spec.id,
            payload: Arc::clone(payload),
        };
        Filed {
            candidate,
            prefixes: self.prefixes(),
        }
    }

    fn paths(&self) -> CandidatePaths {
        match self.path {
            PathTrait::Regex(_) => CandidatePaths::Regex(
                self.rules
                    .iter()
                    .filter_map(|rule| rule.regex().cloned())
                    .collect(),
            ),
            PathTrait::Plain(_) if self.rules.is_empty() => CandidatePaths::Any,
            PathTrait::Plain(_) => CandidatePaths::Plain,
        }
    }

    fn prefixes(&self) -> Vec<Box<[u8]>> {
        let mut prefixes: Vec<Box<[u8]>> = self.rules.iter().map(|rule| rule.prefix().into()).collect();
        if prefixes.is_empty() {
            prefixes.push(Box::default());
        }
        prefixes.sort();
        prefixes.dedup();
        prefixes
    }
}

impl PathRule {
    fn path_trait(&self, regex_priority: i64) -> PathTrait {
        match self {
            PathRule::Plain(path) => PathTrait::Plain(path.len()),
            PathRule::Regex { .. } => PathTrait::Regex(regex_priority),
        }
    }

    fn regex(&self) -> Option<&Regex> {
        match self {
            PathRule::Plain(_) => None,
            PathRule::Regex { regex, .. } => Some(regex),
        }
    }

    fn prefix(&self) -> &[u8] {
        match self {
            PathRule::Plain(path) => path.as_bytes(),
            PathRule::Regex { prefix, .. } => prefix,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::RouteFields;

    fn prefixes(paths: &[&str]) -> Vec<Vec<String>> {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_string()).collect();
        let spec = RouteSpec::parse(RouteFields {
            paths: &paths,
            ..Default::default()
        })
        .unwrap();
        let text = |prefix: &[u8]| String::from_utf8(prefix.to_vec()).unwrap();
        let filed = split(&spec, &Arc::new(()));
        filed
            .iter()
            .map(|filed| filed.prefixes.iter().map(|prefix| text(prefix)).collect())
            .collect()
    }

    #[test]
    fn paths_of_one_length_share_a_candidate_and_so_do_all_regexes() {
        assert_eq!(
            prefixes(&["/a", "~/x/\\d", "/bb", "/c", "~/y"]),
            [vec!["/a", "/c"], vec!["/x/", "/y"], vec!["/bb"]]
        );
    }

    #[test]
    fn a_route_without_paths_is_filed_under_the_empty_prefix() {
        assert_eq!(prefixes(&[]), [vec![""]]);
    }
}
