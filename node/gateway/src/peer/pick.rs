//! Whom to ask: from a service to an address, anew for each try; and what came of asking.
//!
//! The picker stays with an exchange from its first try to its last. It remembers who was tried, and it is told how each try went, because
//! both matter only to whoever picks: the next try of this exchange, and all later exchanges through the peer's health.
//!
//! The catch: most upstreams have nobody who wants to know. Then nothing is remembered of a peer, and a request writes to no memory that
//! workers share but the hand of the ring.

use super::{
    attempt::Means,
    pool::TlsKey,
    resolve::{Answer, NameError, Names},
    send::TryError,
};
use crate::{
    affinity::{Ticket, Traits},
    badge::Badge,
    door::host_name,
    plan::{
        Plan,
        compile::{Host, Service, with_port},
        upstream::Upstream,
    },
    rescue::Rescue,
    sweep::{Slot, Stage},
    worker::Worker,
};
use http::HeaderValue;
use std::{
    borrow::Cow,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};
use troop_balancer::{Ask, Occupied, PeerId, Rota, Vitals, health::Report};

/// A peer for one try.
pub(crate) struct Picked<'p> {
    pub address: SocketAddr,
    /// What it is called in `Host`.
    pub host: Cow<'p, str>,
    /// What its upstream shows to peers that ask who we are.
    pub badge: Option<Arc<Badge>>,
    /// The peer's chart, if anything is to be noted on it.
    chart: Option<Arc<Vitals>>,
    /// Its place at the peer, where places are counted.
    pub occupied: Option<Occupied>,
}

/// Picks peers for the tries of one exchange.
pub(crate) struct Picker<'p> {
    service: &'p Service,
    place: Place<'p>,
    /// For a client that is to be known by a cookie.
    pub cookie: Option<HeaderValue>,
}

enum Place<'p> {
    Address(SocketAddr),
    Name(&'p str),
    Upstream {
        upstream: &'p Arc<Upstream>,
        tried: Vec<PeerId>,
        /// The request's key.
        hash: u32,
    },
}

impl<'p> Picker<'p> {
    /// For a service in this plan.
    pub fn new(plan: &'p Plan, service: &'p Service, traits: &Traits<'_>) -> Self {
        let mut cookie = None;
        let place = match &service.host {
            Host::Address(address) => Place::Address(*address),
            Host::Name(name) => match plan.upstreams.get(name) {
                Some(upstream) => {
                    let ticket = match &upstream.affinity {
                        Some(affinity) => affinity.ticket(traits),
                        None => Ticket::default(),
                    };
                    cookie = ticket.cookie;
                    Place::Upstream {
                        upstream,
                        tried: Vec::new(),
                        hash: ticket.hash,
                    }
                }
                None => Place::Name(name),
            },
        };
        Picker {
            service,
            place,
            cookie,
        }
    }

    /// The next peer.
    pub async fn next(&mut self, means: &Means<'_>) -> Result<Picked<'p>, Rescue> {
        let (worker, slot) = (means.worker, means.slot);
        if let Some(picked) = self.pick_now(worker) {
            return picked;
        }
        // On the heap: who waits for nothing carries no room for it.
        match Box::pin(self.wait(&worker.names, slot)).await? {
            Some(answer) => self.pick_address(&answer),
            None => self.pick_now(worker).unwrap_or(Err(Rescue::NoPeer)),
        }
    }

    /// A peer answered. Kong: with a 504 it says of itself that it was too slow.
    pub fn answered(&self, picked: &Picked<'_>, status: u16, took: Duration, worker: &Worker) {
        let (Place::Upstream { upstream, .. }, Some(chart)) = (&self.place, &picked.chart) else {
            return;
        };
        let passive = &upstream.checks.passive;
        let report = match status {
            504 => Some(Report::Timeout),
            _ => passive.statuses.read(status),
        };
        if let Some(report) = report {
            upstream.report(chart, report, &passive.limits);
        }
        if upstream.times() {
            chart.timed(
                now_ms(worker),
                u32::try_from(took.as_millis()).unwrap_or(u32::MAX),
            );
        }
    }

    /// A try gave no answer.
    pub fn failed(&self, picked: &Picked<'_>, error: &TryError) {
        let (Place::Upstream { upstream, .. }, Some(chart)) = (&self.place, &picked.chart) else {
            return;
        };
        let report = match error {
            // The client's fault says nothing about the peer.
            TryError::Client(_) => return,
            TryError::TimedOut => Report::Timeout,
            _ => Report::TcpFailure,
        };
        upstream.report(chart, report, &upstream.checks.passive.limits);
    }

    /// The next peer, if nothing has to be asked for first.
    fn pick_now(&mut self, worker: &Worker) -> Option<Result<Picked<'p>, Rescue>> {
        let service = self.service;
        match &mut self.place {
            Place::Address(address) => Some(Ok(Picked::plain(*address, service))),
            Place::Name(name) => {
                let answer = worker
                    .names
                    .card(name)
                    .filter(|card| !card.fresh_for().is_zero())?;
                Some(self.pick_address(&answer))
            }
            Place::Upstream {
                upstream,
                tried,
                hash,
            } => {
                let rota = upstream.rota();
                if rota.seats().is_empty() && !upstream.is_settled() {
                    return None;
                }
                let ask = Ask {
                    hash: *hash,
                    tried,
                    now_ms: if upstream.times() { now_ms(worker) } else { 0 },
                };
                let Some(id) = rota.pick(&upstream.duty.cursor, ask) else {
                    return Some(Err(Rescue::NoPeer));
                };
                tried.push(id);
                Some(picked_from(upstream, &rota, id, service).ok_or(Rescue::NoPeer))
            }
        }
    }

    fn pick_address(&self, answer: &Answer) -> Result<Picked<'p>, Rescue> {
        let service = self.service;
        let place = answer.next_place().map_err(|error| self.unresolved(error))?;
        let address = (place.ip, place.port_or(service.port)).into();
        Ok(Picked::plain(address, service))
    }

    /// Waits for what the next pick needs to know: the answer for a name, or an upstream's first addresses.
    async fn wait(&self, names: &Arc<Names>, slot: &Slot) -> Result<Option<Arc<Answer>>, Rescue> {
        match &self.place {
            Place::Address(_) => Ok(None),
            Place::Name(name) => in_time(slot, self.service, names.resolve(name)).await.map(Some),
            Place::Upstream { upstream, .. } => {
                in_time(slot, self.service, upstream.settle()).await?;
                Ok(None)
            }
        }
    }

    fn unresolved(&self, error: NameError) -> Rescue {
        match (error, &self.service.host) {
            (NameError::Unanswered(reason), Host::Name(name)) => Rescue::NameServer {
                host: name.to_string(),
                reason,
            },
            _ => Rescue::NameResolution,
        }
    }
}

impl<'p> Picked<'p> {
    /// Of a service without upstream.
    fn plain(address: SocketAddr, service: &'p Service) -> Self {
        Picked {
            address,
            host: Cow::Borrowed(&service.host_header),
            badge: None,
            chart: None,
            occupied: None,
        }
    }
}

fn picked_from<'p>(upstream: &Upstream, rota: &Rota, id: PeerId, service: &Service) -> Option<Picked<'p>> {
    let seat = rota.seat(id)?;
    let own = || seat.peer.host_name().unwrap_or(seat.peer.target.host());
    let name = upstream.host_header.as_deref().unwrap_or_else(own);
    Some(Picked {
        address: seat.peer.address,
        host: Cow::Owned(with_port(name, seat.peer.address.port(), service.scheme)),
        badge: upstream.badge.clone(),
        chart: upstream.notes_tries().then(|| Arc::clone(&seat.vitals)),
        occupied: upstream.counts_open().then(|| seat.vitals.occupy()),
    })
}

/// The clock of answer times: the same for all workers.
fn now_ms(worker: &Worker) -> u64 {
    worker.unix_us_at(Instant::now()) / 1_000
}

/// Waits for an answer about names as long as for a connection.
async fn in_time<T>(slot: &Slot, service: &Service, answer: impl Future<Output = T>) -> Result<T, Rescue> {
    slot.wait(Stage::Exchange, service.timeouts.connect);
    let mut answer = pin!(answer);
    poll_fn(|cx| match answer.as_mut().poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Ok(answer)),
        Poll::Pending if slot.is_overdue() => Poll::Ready(Err(Rescue::NameResolution)),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// How a connection to a service is secured; `host` is what it is called in `Host`, and `badge` what its upstream shows.
///
/// Kong: what the service shows goes before what the upstream shows.
pub(crate) fn tls_key(service: &Service, host: &str, badge: Option<&Arc<Badge>>) -> Option<TlsKey> {
    let trust = service.trust.as_ref()?;
    Some(TlsKey {
        name: host_name(host).trim_matches(['[', ']']).into(),
        trust: Arc::clone(trust),
        badge: badge.filter(|_| !trust.shows()).cloned(),
    })
}
