//! All routes of one configuration, as a value.
//!
//! The router of the next revision is the router of this one with a change: clone it, change the
//! clone, swap it in. Clones share everything the change did not touch, so that a change costs
//! what it touches (the tables of the hosts the route names, and in them the nodes on the way to
//! its paths), and requests that still read the old router are not disturbed.
//!
//! The catch: candidates with the same host and the same path prefix stand in one list. Routes
//! that differ only in headers, methods or server names are judged one after the other, and a
//! change copies their list. Some hundreds of such routes are fine, a hundred thousand are not.

use std::fmt;
use std::sync::Arc;

use imbl::HashMap;
use uuid::Uuid;

use crate::bucket::Bucket;
use crate::candidate::{Filed, split};
use crate::host::{HostPattern, HostRule, PortRule, Ports};
use crate::matched::Match;
use crate::prefix_tree::{Backward, Forward, PrefixTree};
use crate::request::{Headers, RequestHead};
use crate::search::{PathTable, Search};
use crate::spec::RouteSpec;

/// A persistent set of routes; `T` is what the caller hangs on each of them.
pub struct Router<T> {
    /// What was inserted: how a route is found again when it goes.
    routes: HashMap<Uuid, Installed<T>>,
    exact: HashMap<Box<str>, PathTable<T>>,
    /// `*.a.test` under the bytes of `.a.test`, last byte first.
    suffixes: PrefixTree<PathTable<T>>,
    /// `a.*` under `a.`.
    prefixes: PrefixTree<PathTable<T>>,
    /// Routes that name no host.
    any: PathTable<T>,
}

struct Installed<T> {
    spec: RouteSpec,
    payload: Arc<T>,
}

impl<T> Clone for Installed<T> {
    fn clone(&self) -> Self {
        Installed {
            spec: self.spec.clone(),
            payload: Arc::clone(&self.payload),
        }
    }
}

impl<T> Clone for Router<T> {
    fn clone(&self) -> Self {
        Router {
            routes: self.routes.clone(),
            exact: self.exact.clone(),
            suffixes: self.suffixes.clone(),
            prefixes: self.prefixes.clone(),
            any: self.any.clone(),
        }
    }
}

impl<T> Default for Router<T> {
    fn default() -> Self {
        Router {
            routes: HashMap::new(),
            exact: HashMap::new(),
            suffixes: PrefixTree::default(),
            prefixes: PrefixTree::default(),
            any: PathTable::default(),
        }
    }
}

impl<T> fmt::Debug for Router<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("routes", &self.len())
            .finish_non_exhaustive()
    }
}

impl<T> FromIterator<(RouteSpec, Arc<T>)> for Router<T> {
    fn from_iter<I: IntoIterator<Item = (RouteSpec, Arc<T>)>>(routes: I) -> Self {
        let mut router = Router::new();
        for (spec, payload) in routes {
            router.insert(spec, payload);
        }
        router
    }
}

impl<T> Router<T> {
    /// A router without routes.
    pub fn new() -> Self {
        Router::default()
    }

    /// How many routes there are.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there are no routes.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// What was hung on the route `id`.
    pub fn get(&self, id: Uuid) -> Option<&Arc<T>> {
        self.routes.get(&id).map(|installed| &installed.payload)
    }

    /// All routes.
    pub(crate) fn installed(&self) -> impl Iterator<Item = (&RouteSpec, &Arc<T>)> {
        self.routes.values().map(|one| (&one.spec, &one.payload))
    }

    /// Adds a route, in place of the one with the same id if there is one.
    pub fn insert(&mut self, spec: RouteSpec, payload: Arc<T>) {
        self.remove(spec.id);
        for filed in split(&spec, &payload) {
            for place in places(&spec.hosts) {
                self.file(place, &filed);
            }
        }
        self.routes.insert(spec.id, Installed { spec, payload });
    }

    /// Removes a route; false when there is none of that id.
    pub fn remove(&mut self, id: Uuid) -> bool {
        let Some(Installed { spec, payload }) = self.routes.remove(&id) else {
            return false;
        };
        for filed in split(&spec, &payload) {
            for place in places(&spec.hosts) {
                self.unfile(place, &filed);
            }
        }
        true
    }

    /// The route that answers a request: of all routes whose attributes match, the first in the
    /// order that `rank.rs` describes.
    pub fn find<H: Headers + ?Sized>(&self, head: &RequestHead<'_, H>) -> Option<Match<'_, T>> {
        let (host, ports) = Ports::of(head);
        let mut search = Search::new(head, ports);
        if !host.is_empty() {
            for table in self.tables_of(host) {
                search.visit(table);
            }
        }
        search.visit(&self.any);
        search.finish()
    }

    /// The tables of every host pattern that matches `host`.
    fn tables_of<'r>(&'r self, host: &str) -> impl Iterator<Item = &'r PathTable<T>> {
        let exact = self.exact.get(host);
        let prefixes = self.prefixes.prefixes_of(Forward(host.as_bytes()));
        let suffixes = self.suffixes.prefixes_of(Backward(host.as_bytes()));
        exact
            .into_iter()
            .chain(prefixes.map(|(_, table)| table))
            .chain(suffixes.map(|(_, table)| table))
    }

    fn file(&mut self, place: Option<&HostRule>, filed: &Filed<T>) {
        let port = place.map_or(PortRule::Any, |rule| rule.port);
        self.edit_table(place, |table| {
            for prefix in &filed.prefixes {
                table.edit(prefix, |slot| Bucket::add(slot, filed.candidate.at_port(port)));
            }
        });
    }

    fn unfile(&mut self, place: Option<&HostRule>, filed: &Filed<T>) {
        self.edit_table(place, |table| {
            for prefix in &filed.prefixes {
                table.edit(prefix, |slot| Bucket::withdraw(slot, filed.candidate.route));
            }
        });
    }

    /// Lets `change` edit the table of a host pattern; tables come into being when they are first
    /// asked for and go when they are left empty.
    fn edit_table(&mut self, place: Option<&HostRule>, change: impl FnOnce(&mut PathTable<T>)) {
        match place.map(|rule| &rule.pattern) {
            None => change(&mut self.any),
            Some(HostPattern::Prefix(prefix)) => {
                self.prefixes
                    .edit(prefix.as_bytes(), |slot| edit_slot(slot, change));
            }
            Some(HostPattern::Suffix(suffix)) => {
                let reversed: Vec<u8> = suffix.bytes().rev().collect();
                self.suffixes.edit(&reversed, |slot| edit_slot(slot, change));
            }
            Some(HostPattern::Exact(host)) => {
                let mut slot = self.exact.remove(host);
                edit_slot(&mut slot, change);
                if let Some(table) = slot {
                    self.exact.insert(host.clone(), table);
                }
            }
        }
    }
}

/// Where a route is filed: under each of its hosts, or once under none.
fn places(hosts: &[HostRule]) -> impl Iterator<Item = Option<&HostRule>> {
    let none = hosts.is_empty().then_some(None);
    hosts.iter().map(Some).chain(none)
}

fn edit_slot<T>(slot: &mut Option<PathTable<T>>, change: impl FnOnce(&mut PathTable<T>)) {
    let table = slot.get_or_insert_default();
    change(table);
    if table.is_empty() {
        *slot = None;
    }
}
