//! Whom to ask: from a service to an address, anew for each try.

use super::{
    pool::TlsKey,
    resolve::{NameError, Names},
};
use crate::{
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
use troop_balancer::PeerId;
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
    pub async fn pick(&mut self, names: &Arc<Names>, slot: &Slot) -> Result<Picked<'p>, Rescue> {
        let service = self.service;
        match &mut self.place {
            Place::Address(address) => Ok(Picked {
                address: *address,
                host: Cow::Borrowed(&service.host_header),
            }),
            Place::Name(name) => {
                let answer = match names.card(name) {
                    Some(card) if !card.fresh_for().is_zero() => card,
                    _ => in_time(slot, service, names.resolve(name)).await?,
                };
                let ip = answer.next_address().map_err(|error| unresolved(name, error))?;
                Ok(Picked {
                    address: (ip, service.port).into(),
                    host: Cow::Borrowed(&service.host_header),
                })
            }
            Place::Upstream { upstream, tried } => pick_from(upstream, tried, service, slot).await,
        }
    }
}

async fn pick_from<'p>(
    upstream: &'p Arc<Upstream>,
    tried: &mut Vec<PeerId>,
    service: &Service,
    slot: &Slot,
) -> Result<Picked<'p>, Rescue> {
    if upstream.ring().is_empty() && !upstream.is_settled() {
        in_time(slot, service, upstream.settle()).await?;
    }
    let ring = upstream.ring();
    let (id, peer) = ring.pick(&upstream.cursor, tried).ok_or(Rescue::NoPeer)?;
    tried.push(id);
    let name = upstream.host_header.as_deref().unwrap_or(peer.target.host());
    Ok(Picked {
        address: peer.address,
        host: Cow::Owned(with_port(name, peer.address.port(), service.scheme)),
    })
}

fn unresolved(name: &str, error: NameError) -> Rescue {
    match error {
        NameError::Absent => Rescue::NameResolution,
        NameError::Unanswered(reason) => Rescue::NameServer {
            host: name.to_owned(),
            reason,
        },
    }
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
    let (name, _) = troop_router::split_host(host);
    Some(TlsKey {
        name: name.trim_matches(['[', ']']).into(),
        verify: service.tls_verify,
    })
}
