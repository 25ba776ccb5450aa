//! The immutable compiled configuration of one revision: all that a request needs to know, and nothing it has to look up.
//!
//! A timetable, printed. Travellers read the one that hangs on the wall; when something changes a new one is
//! printed and hung over the old, and whoever is reading the old one finishes reading it. Printing does not start from scratch: a
//! plan shares everything with its predecessor that the change did not touch, so that one new route among a hundred thousand costs microseconds.
//!
//! The catch: only what is *few and read by everybody* belongs on the wall. Consumers and credentials are many and each is read by one
//! client; they stay in the store, behind a bounded shelf (`shelf.rs`).
//!
//! | file | subject |
//! |---|---|
//! | `record.rs` | stored records as typed structs |
//! | `compile.rs` | typed structs to what the data plane runs on |
//! | `instances.rs` | plugin instances by scope |
//! | `upstream.rs`, `checks.rs` | targets, and how their health is watched |
//! | `duty.rs` | who of them serves, across editions |
//! | `certificates.rs` | certificates by the names they are shown for |
//! | `trusts.rs` | how hands are shaken with peers |
//! | `streams.rs` | routes of plain connections and datagrams |
//! | `vaults.rs` | what vault references stand for |
//! | `draft.rs` | a plan being changed |
//! | `feed.rs` | events to drafts to plans |

pub(crate) mod certificates;
pub(crate) mod checks;
pub(crate) mod compile;
pub(crate) mod draft;
pub(crate) mod duty;
pub(crate) mod feed;
pub(crate) mod instances;
pub(crate) mod pace;
pub(crate) mod record;
pub(crate) mod streams;
pub(crate) mod trusts;
pub(crate) mod upstream;
pub(crate) mod vaults;

use certificates::Certificates;
use compile::{Route, RouteEntry, Service};
use imbl::{HashMap, OrdMap, OrdSet};
use instances::Instances;
use record::{PluginRecord, ServiceRecord, UpstreamRecord};
use std::sync::Arc;
use streams::Streams;
use troop_router::Router;
use troop_txn::Revision;
use trusts::Trusts;
use upstream::{TargetEntry, Upstream};
use uuid::Uuid;
use vaults::Vaults;

/// One printed timetable.
#[derive(Clone, Default)]
pub(crate) struct Plan {
    /// The last revision that changed anything in here.
    pub revision: Revision,
    /// Routes whose service is known and enabled, ready to be matched.
    pub router: Router<Route>,
    /// Plugin instances.
    pub instances: Instances,
    /// Upstreams by the name that services use as host.
    pub upstreams: HashMap<Arc<str>, Arc<Upstream>>,
    /// What is shown to clients that speak TLS.
    pub certificates: Certificates,
    /// Routes of plain connections and datagrams.
    pub streams: Streams,
    services: HashMap<Uuid, Arc<Service>>,
    /// All routes, those that cannot be matched now included.
    routes: HashMap<Uuid, Arc<RouteEntry>>,
    /// (service, route)
    routes_of: OrdSet<(Uuid, Uuid)>,
    upstream_records: HashMap<Uuid, Arc<UpstreamRecord>>,
    /// (upstream, target)
    targets: OrdMap<(Uuid, Uuid), Arc<TargetEntry>>,
    /// target to upstream
    homes: HashMap<Uuid, Uuid>,
    vaults: Vaults,
    trusts: Trusts,
    /// Services that name certificates or authorities.
    secured: HashMap<Uuid, Arc<ServiceRecord>>,
    /// Plugins whose configuration holds vault references.
    referring: HashMap<Uuid, Arc<PluginRecord>>,
}

/// How much is in a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanSize {
    /// Routes that can be matched.
    pub routes: usize,
    /// Services.
    pub services: usize,
    /// Enabled plugin instances.
    pub plugins: usize,
    /// Upstreams.
    pub upstreams: usize,
}

impl Plan {
    /// How much is in it.
    pub fn size(&self) -> PlanSize {
        PlanSize {
            routes: self.router.len() + self.streams.router.len(),
            services: self.services.len(),
            plugins: self.instances.len(),
            upstreams: self.upstream_records.len(),
        }
    }

    /// The upstream with this id.
    pub fn upstream(&self, id: Uuid) -> Option<&Arc<Upstream>> {
        self.upstreams.get(&self.upstream_records.get(&id)?.name)
    }
}
