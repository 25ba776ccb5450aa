//! A call before it is put through: its route, what plugins say, and a peer.

use crate::{
    affinity::Traits,
    chain::Chain,
    edited::Edited,
    peer::{
        attempt::{Means, Trail},
        pick::{Picked, Picker},
        send::TryError,
    },
    plan::{Plan, compile::Service, streams::StreamRoute},
    rescue::Rescue,
    stream::hello::Heard,
    sweep::Slot,
    worker::Worker,
};
use http::HeaderMap;
use std::{net::SocketAddr, rc::Rc, sync::Arc, time::Instant};
use thiserror::Error;
use troop_balancer::Occupied;
use troop_plugin_api::{Client as ClientFacts, Phases, Scope, Session, Verdict};
use troop_router::{Caller, Carriers, NOWHERE};
use troop_stdx::Remote;

/// Why a call was hung up on.
#[derive(Debug, Error)]
pub(crate) enum HungUp {
    /// Nobody expects it.
    #[error("no route")]
    NoRoute,
    /// The route has no service.
    #[error("the route has no service")]
    NoService,
    /// A plugin does not want it.
    #[error("a plugin ended it with {0}")]
    Unwanted(u16),
    /// A plugin failed.
    #[error("a plugin failed: {0}")]
    PluginFailed(String),
    /// No peer, or none that could be reached.
    #[error("no peer: {0:?}")]
    NoPeer(Rescue),
    /// The last peer could not be reached.
    #[error("no peer could be reached: {0}")]
    Unreached(TryError),
}

impl HungUp {
    /// Kong: what a session that ended like this is logged as.
    pub fn status(&self) -> u16 {
        match self {
            HungUp::NoRoute | HungUp::PluginFailed(_) => 500,
            HungUp::NoService => 503,
            HungUp::Unwanted(status) => *status,
            HungUp::NoPeer(_) => 503,
            HungUp::Unreached(_) => 502,
        }
    }
}

/// What carries a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// A connection.
    Tcp,
    /// Datagrams.
    Udp,
}

impl Transport {
    /// As nginx writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Tcp => "TCP",
            Transport::Udp => "UDP",
        }
    }
}

/// Who calls, from where, and when.
pub(crate) struct Call {
    pub worker: Rc<Worker>,
    pub slot: Rc<Slot>,
    /// The client's address; behind a trusted load balancer the one it told.
    pub client: Remote,
    /// Where the connection comes from; none over a unix socket.
    pub source: Option<SocketAddr>,
    /// The address it called; none of a unix socket.
    pub destination: Option<SocketAddr>,
    pub transport: Transport,
    pub heard: Heard,
    /// Number of the connection since the node started.
    pub number: u64,
    pub started: Instant,
}

/// A call with its route.
pub(crate) struct Routed {
    pub route: StreamRoute,
    pub carriers: Carriers,
    pub chain: Rc<Chain>,
}

/// Bytes that passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    pub received: u64,
    pub sent: u64,
}

/// What became of a call.
#[derive(Default)]
pub(crate) struct Fate {
    pub passed: Passed,
    pub trail: Trail,
    /// When a peer was reached.
    pub reached: Option<Instant>,
}

impl Call {
    /// As the router sees it.
    pub fn caller(&self, carriers: Carriers) -> Caller<'_> {
        let port = self.source.map_or(0, |source| source.port());
        Caller {
            source: self.client.ip().map_or(NOWHERE, |client| (client, port).into()),
            destination: self.destination.unwrap_or(NOWHERE),
            sni: self.heard.sni.as_deref(),
            carriers,
        }
    }

    /// Finds the route of a call that may be taken for these.
    pub fn route(&self, plan: &Plan, carriers: Carriers) -> Result<Routed, HungUp> {
        let caller = self.caller(carriers);
        let (carriers, route) = plan.streams.router.find(&caller).ok_or(HungUp::NoRoute)?;
        let covered = Scope {
            route: Some(route.id),
            service: route.service.as_ref().map(|service| service.id),
            consumer: None,
        };
        Ok(Routed {
            route: route.clone(),
            carriers,
            chain: self.worker.session_chains.get(&plan.streams.instances, covered),
        })
    }

    /// Asks the plugins. The service, if nobody objects.
    pub fn admit(&self, routed: &Routed) -> Result<Arc<Service>, HungUp> {
        let session = Session {
            client: ClientFacts {
                address: self.client,
                listener: self.destination,
                connection: self.number,
                request: 1,
            },
            sni: self.heard.sni.as_deref(),
            route: routed.route.matched(),
            service: routed.route.service.as_deref().map(Service::matched),
        };
        for link in routed.chain.of(Phases::PREREAD) {
            match link.handler.preread(&session) {
                Ok(Verdict::Continue) => {}
                Ok(Verdict::Respond(reply)) => return Err(HungUp::Unwanted(reply.status)),
                Err(failure) => return Err(HungUp::PluginFailed(failure.to_string())),
            }
        }
        routed.route.service.clone().ok_or(HungUp::NoService)
    }

    /// Tries peers of a service until one is reached.
    pub async fn connect<T>(
        &self,
        plan: &Plan,
        service: &Service,
        trail: &mut Trail,
        reach: impl AsyncFn(&Picked<'_>) -> Result<T, TryError>,
    ) -> Result<(T, Option<Occupied>), HungUp> {
        let headers = HeaderMap::new();
        let traits = Traits {
            identity: None,
            address: self.client,
            headers: Edited::arrived(&headers),
            path: "",
            query: "",
            captures: &Vec::new,
        };
        let means = Means {
            worker: &self.worker,
            slot: &self.slot,
        };
        let mut picker = Picker::new(plan, service, &traits);
        let mut retries_left = service.retries;
        loop {
            let mut picked = picker.next(&means).await.map_err(HungUp::NoPeer)?;
            trail.picked_at = Some(Instant::now());
            match reach(&picked).await {
                Ok(reached) => {
                    trail.note(picked.address, None, Instant::now(), &self.worker);
                    return Ok((reached, picked.occupied.take()));
                }
                Err(error) => {
                    picker.failed(&picked, &error);
                    trail.note_failure(picked.address, &error, &self.worker);
                    tracing::debug!(peer = %picked.address, %error, "a try failed");
                    if retries_left == 0 {
                        return Err(HungUp::Unreached(error));
                    }
                    retries_left -= 1;
                    self.worker.page.retries.up();
                }
            }
        }
    }
}
