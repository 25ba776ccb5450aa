//! Routes of plain connections and datagrams, in the plan.
//!
//! They are few and stand in one list by rank, so a change writes the list anew; the rest of the plan is not touched.

use super::{
    compile::{CompileError, Service},
    instances::Instances,
    record::{EndpointRecord, RouteRecord},
};
use imbl::OrdMap;
use std::{net::IpAddr, sync::Arc};
use troop_expression::{Expression, Flavor, Subsystem};
use troop_plugin_api::Matched;
use troop_router::{Carriers, Endpoint, StreamFields, StreamRouter, StreamSpec};
use uuid::Uuid;

/// A route with its service.
#[derive(Clone, Debug)]
pub(crate) struct StreamRoute {
    pub id: Uuid,
    pub name: Option<Arc<str>>,
    pub service: Option<Arc<Service>>,
}

/// A route without its service: what is kept to hang it in again when the service changes.
#[derive(Clone, Debug)]
pub(crate) struct StreamEntry {
    spec: StreamSpec,
    id: Uuid,
    name: Option<Arc<str>>,
    /// The service's id, if it has one.
    service: Option<Uuid>,
}

/// All of them, and the plugin instances that take part in their sessions.
#[derive(Clone, Default)]
pub(crate) struct Streams {
    pub router: Arc<StreamRouter<StreamRoute>>,
    pub instances: Instances,
    entries: OrdMap<Uuid, Arc<StreamEntry>>,
}

impl StreamRoute {
    /// As plugins see it.
    pub fn matched(&self) -> Matched<'_> {
        Matched {
            id: self.id,
            name: self.name.as_deref(),
        }
    }
}

impl StreamEntry {
    /// Compiles a record. `None` for routes of requests, and for expressions where they are not spoken.
    pub fn compile(record: &RouteRecord, flavor: Flavor) -> Result<Option<StreamEntry>, CompileError> {
        let has = |name: &str| record.protocols.iter().any(|protocol| protocol == name);
        let carriers = Carriers {
            tcp: has("tcp"),
            tls: has("tls"),
            tls_passthrough: has("tls_passthrough"),
            udp: has("udp"),
        };
        if carriers == Carriers::default() {
            return Ok(None);
        }
        let spec = match (&record.expression, flavor) {
            (None, _) => StreamSpec::new(StreamFields {
                id: record.id,
                carriers,
                sources: endpoints(record.sources.as_deref())?,
                destinations: endpoints(record.destinations.as_deref())?,
                snis: record.snis.as_deref().unwrap_or_default(),
                flavor,
                created_at: record.made_at(),
            }),
            (Some(text), Flavor::Expressions) => {
                let expression = Arc::new(Expression::parse(text, Subsystem::Stream)?);
                StreamSpec::of_expression(record.id, carriers, expression, record.priority.unwrap_or(0))
            }
            // Without its other fields such a route would take every connection.
            (Some(_), _) => return Ok(None),
        };
        Ok(Some(StreamEntry {
            spec,
            id: record.id,
            name: record.name.clone(),
            service: record.service.map(|service| service.id),
        }))
    }
}

pub(super) fn endpoints(list: Option<&[EndpointRecord]>) -> Result<Vec<Endpoint>, CompileError> {
    let read = |end: &EndpointRecord| {
        let net = end.ip.as_deref().map(|text| {
            let range = text.parse();
            range.or_else(|_| text.parse::<IpAddr>().map(Into::into))
        });
        let net = net.transpose().map_err(|_| CompileError::Endpoint)?;
        Ok(Endpoint { net, port: end.port })
    };
    list.unwrap_or_default().iter().map(read).collect()
}

impl Streams {
    /// Adds a route in place of the one with the same id.
    pub fn put(&mut self, entry: StreamEntry) {
        self.entries.insert(entry.id, Arc::new(entry));
    }

    /// Removes a route. Whether it was there.
    pub fn remove(&mut self, id: Uuid) -> bool {
        self.entries.remove(&id).is_some()
    }

    /// Whether a route leads to this service.
    pub fn lead_to(&self, service: Uuid) -> bool {
        self.entries.values().any(|entry| entry.service == Some(service))
    }

    /// Writes the list anew. Kong: routes of a service that is disabled are not there.
    pub fn arrange(&mut self, service: impl Fn(Uuid) -> Option<Arc<Service>>) {
        let hang = |entry: &Arc<StreamEntry>| {
            let service = match entry.service {
                None => None,
                Some(id) => Some(service(id).filter(|service| service.enabled)?),
            };
            let route = StreamRoute {
                id: entry.id,
                name: entry.name.clone(),
                service,
            };
            Some((entry.spec.clone(), route))
        };
        self.router = Arc::new(StreamRouter::new(
            self.entries.values().filter_map(hang).collect(),
        ));
    }
}
