//! From a request head to the route that answers it.
//!
//! Think of a sorting office. Every route is a card that says which letters it wants: for these
//! hosts, under these paths, with this header. A letter often fits several cards, and there is
//! one strict order in which cards are asked (`rank.rs`). The office could ask card after
//! card, and with ten cards it might; with a hundred thousand it files them: by host first, then
//! by path, so that only cards which can possibly fit are looked at, and the best of those wins.
//!
//! The catch: filing must never change *who wins*. A longer path does not simply beat a shorter
//! one, because a route with more conditions or a regex beats both. So the index only narrows the candidates
//! down, and the order decides. A property test holds the result against the naive reading of the
//! rules: sort everything, take the first that matches.
//!
//! ```text
//!            host                 path                        order
//! request ─► exact ────┐
//!            *.suffix ─┼─► tree of path prefixes ─► buckets ─► highest rank whose other
//!            prefix.* ─┤   (plain paths and the                conditions hold
//!            any ──────┘    literal start of regexes)
//! ```
//!
//! | file | subject |
//! |---|---|
//! | `spec.rs` | a route parsed once at the door |
//! | `rank.rs`, `rank/traditional.rs` | who is asked first, in either order there is |
//! | `candidate.rs` | a route split into parts of equal rank |
//! | `condition.rs`, `endpoint.rs` | methods, headers, server names, ends of the connection |
//! | `judge.rs`, `narrow.rs` | expressions: whether one holds, and how it is filed |
//! | `host.rs`, `literal.rs` | how hosts and regexes are filed |
//! | `prefix_tree.rs`, `label.rs`, `bucket.rs` | the persistent tree under both, and what stands in it |
//! | `router.rs`, `search.rs` | the value that holds all routes, and one look-up |
//! | `explain.rs` | why a request finds what it finds |
//! | `stream.rs`, `stream/` | routes of plain connections and datagrams |
//! | `normal.rs`, `upstream_path.rs` | the path before matching, and after it |
//!
//! The router is a value: [`Router::clone`] costs a few reference counts, a changed clone shares
//! everything the change did not touch, and readers of the old one never notice.
//!
//! What this crate does not do: unless a route asks for a kind of connection, protocols are no part of matching (a plain request finds a route
//! that is limited to https, and the caller redirects it), nothing is cached per request, and
//! nothing here knows about services or plugins: the caller hangs what it compiled on the route.

mod bucket;
mod candidate;
mod condition;
mod endpoint;
mod explain;
mod host;
mod judge;
mod label;
mod literal;
mod matched;
mod narrow;
mod normal;
mod prefix_tree;
mod question;
mod rank;
mod request;
mod router;
mod search;
mod spec;
mod stream;
mod upstream_path;

pub use crate::endpoint::{Channel, Endpoint};
pub use crate::explain::{Attribute, Judged};
pub use crate::host::split_host;
pub use crate::matched::{Capture, Group, Match, PathMatch};
pub use crate::normal::{PathError, normalize_path};
pub use crate::question::{RouteQuestion, RouteVerdict};
pub use crate::request::{Headers, NOWHERE, NoHeaders, RequestHead, Tls};
pub use crate::router::Router;
pub use crate::spec::{RouteError, RouteFields, RouteSpec};
pub use crate::stream::{Caller, Carriers, StreamFields, StreamRouter, StreamSpec};
pub use crate::upstream_path::{PathHandling, upstream_path};
