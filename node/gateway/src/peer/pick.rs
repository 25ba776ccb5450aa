//! Whom to ask: from a service to an address, anew for each try.

use super::{
    pool::TlsKey,
    resolve::{Answer, NameError, Names},
};
use crate::{
    door::host_name,
    plan::{
        Plan,
        compile::{Host, Service, with_port},
        upstream::Upstream,
    },
    rescue::Rescue,
    sweep::{Slot, Stage},
};
use std::{
    borrow::Cow,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    task::Poll,
};
use troop_balancer::{PeerId, Ring};
use troop_plugin_api::Scheme;

/// A peer for one try.
pub(crate) struct Picked<'p> {
    pub address: SocketAddr,
    /// What it is called in `Host`.
    pub host: Cow<'p, str>,
}

/// Picks peers for the tries of one exchange.
pub(crate) struct Picker<'p> {
    service: &'p Service,
    place: Place<'p>,
}

enum Place<'p> {
    Address(SocketAddr),
    Name(&'p str),
    Upstream {
        upstream: &'p Arc<Upstream>,
        tried: Vec<PeerId>,
    },
}

impl<'p> Picker<'p> {
    /// For a service in this plan.
    pub fn new(plan: &'p Plan, service: &'p Service) -> Self {
        let place = match &service.host {
            Host::Address(address) => Place::Address(*address),
            Host::Name(name) => match plan.upstreams.get(name) {
                Some(upstream) => Place::Upstream {
                    upstream,
                    tried: Vec::new(),
                },
                None => Place::Name(name),
            },
        };
        Picker { service, place }
    }

    /// The next peer.
    pub async fn next(&mut self, names: &Arc<Names>, slot: &Slot) -> Result<Picked<'p>, Rescue> {
        if let Some(picked) = self.pick_now(names) {
            return picked;
        }
        // On the heap: who waits for nothing carries no room for it.
        match Box::pin(self.wait(names, slot)).await? {
            Some(answer) => self.pick_address(&answer),
            None => self.pick_now(names).unwrap_or(Err(Rescue::NoPeer)),
        }
    }

    /// The next peer, if nothing has to be asked for first.
    fn pick_now(&mut self, names: &Names) -> Option<Result<Picked<'p>, Rescue>> {
        let service = self.service;
        match &mut self.place {
            Place::Address(address) => Some(Ok(Picked {
                address: *address,
                host: Cow::Borrowed(&service.host_header),
            })),
            Place::Name(name) => {
                let answer = names.card(name).filter(|card| !card.fresh_for().is_zero())?;
                Some(self.pick_address(&answer))
            }
            Place::Upstream { upstream, tried } => {
                let ring = upstream.ring();
                if ring.is_empty() && !upstream.is_settled() {
                    return None;
                }
                Some(pick_from(upstream, &ring, tried, service))
            }
        }
    }

    fn pick_address(&self, answer: &Answer) -> Result<Picked<'p>, Rescue> {
        let service = self.service;
        let ip = answer.next_address().map_err(|error| self.unresolved(error))?;
        Ok(Picked {
            address: (ip, service.port).into(),
            host: Cow::Borrowed(&service.host_header),
        })
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

fn pick_from<'p>(
    upstream: &'p Upstream,
    ring: &Ring,
    tried: &mut Vec<PeerId>,
    service: &Service,
) -> Result<Picked<'p>, Rescue> {
    let (id, peer) = ring.pick(&upstream.cursor, tried).ok_or(Rescue::NoPeer)?;
    tried.push(id);
    let name = upstream.host_header.as_deref().unwrap_or(peer.target.host());
    Ok(Picked {
        address: peer.address,
        host: Cow::Owned(with_port(name, peer.address.port(), service.scheme)),
    })
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

/// How a connection to a service is secured; `host` is what it is called in `Host`.
pub(crate) fn tls_key(service: &Service, host: &str) -> Option<TlsKey> {
    if service.scheme == Scheme::Http {
        return None;
    }
    Some(TlsKey {
        name: host_name(host).trim_matches(['[', ']']).into(),
        verify: service.tls_verify,
    })
}
