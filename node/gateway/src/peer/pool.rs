//! Connections to peers that wait for their next request.
//!
//! A taxi rank per peer: the last one to arrive leaves first, so that in quiet hours the ones at the back grow old and go home. A worker
//! has its own ranks and shares none, so no request ever waits for a lock.
//!
//! The catch: a peer may close a waiting connection at any moment. Each one is looked at before it is used (no system call, the reactor
//! knows), and what still slips through is tried again on a new connection by whoever sends.

use super::{link::Link, trust::Trust};
use crate::{badge::Badge, hash::QuickMap, options::KeepaliveOptions, sweep::Slot};
use rustls::ClientConfig;
use std::{
    cell::RefCell,
    hash::{Hash, Hasher},
    net::SocketAddr,
    ptr,
    rc::Rc,
    sync::Arc,
    task::Context,
};
use troop_balancer::Occupied;

/// Which connections are interchangeable.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct PeerKey {
    /// Where to.
    pub address: SocketAddr,
    /// Under what name and with what checks, if with TLS.
    pub tls: Option<TlsKey>,
}

/// What distinguishes TLS connections to one address.
#[derive(Clone)]
pub(crate) struct TlsKey {
    /// The name the certificate is asked for.
    pub name: Arc<str>,
    /// Under which terms.
    pub trust: Arc<Trust>,
    /// What the upstream shows of itself.
    pub badge: Option<Arc<Badge>>,
}

impl TlsKey {
    /// How to shake hands, to speak `protocol` inside.
    pub fn config(&self, protocol: Option<&[u8]>) -> Arc<ClientConfig> {
        self.trust.config(self.badge.as_ref(), protocol)
    }

    /// Terms and badges are alike only if they are the same: as long as a connection waits, so do they.
    fn marks(&self) -> (&str, *const Trust, *const Badge) {
        let badge = self.badge.as_ref().map_or(ptr::null(), Arc::as_ptr);
        (&self.name, Arc::as_ptr(&self.trust), badge)
    }
}

impl PartialEq for TlsKey {
    fn eq(&self, other: &Self) -> bool {
        self.marks() == other.marks()
    }
}

impl Eq for TlsKey {}

impl Hash for TlsKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.marks().hash(state);
    }
}

/// A worker's ranks.
pub(crate) struct Pool {
    options: KeepaliveOptions,
    ranks: RefCell<QuickMap<PeerKey, Vec<Waiting>>>,
}

struct Waiting {
    link: Box<Link>,
    since_ms: u64,
}

/// The right to give a link back.
pub(crate) struct Lease {
    pool: Rc<Pool>,
    key: PeerKey,
    slot: Rc<Slot>,
    /// The exchange's place at the peer, where places are counted; free again when the response is in.
    pub occupied: Option<Occupied>,
}

impl Pool {
    /// Empty ranks.
    pub fn new(options: KeepaliveOptions) -> Rc<Self> {
        Rc::new(Pool {
            options,
            ranks: RefCell::default(),
        })
    }

    /// A connection that waited for this peer, if there is a good one.
    pub fn take(&self, key: &PeerKey, now_ms: u64, cx: &mut Context<'_>) -> Option<Box<Link>> {
        let mut ranks = self.ranks.borrow_mut();
        let rank = ranks.get_mut(key)?;
        while let Some(mut waiting) = rank.pop() {
            if !self.is_old(waiting.since_ms, now_ms) && !waiting.link.is_spoilt(cx) {
                return Some(waiting.link);
            }
        }
        None
    }

    fn put(&self, key: &PeerKey, mut link: Box<Link>, now_ms: u64) {
        let worn = self.options.requests_max > 0 && link.served >= self.options.requests_max;
        if worn || self.options.pool_size == 0 {
            return;
        }
        link.rest();
        let waiting = Waiting {
            link,
            since_ms: now_ms,
        };
        let mut ranks = self.ranks.borrow_mut();
        match ranks.get_mut(key) {
            Some(rank) => {
                if rank.len() >= self.options.pool_size {
                    rank.remove(0);
                }
                rank.push(waiting);
            }
            None => _ = ranks.insert(key.clone(), vec![waiting]),
        }
    }

    /// Sends home what waited too long.
    pub fn prune(&self, now_ms: u64) {
        self.ranks.borrow_mut().retain(|_, rank| {
            rank.retain(|waiting| !self.is_old(waiting.since_ms, now_ms));
            !rank.is_empty()
        });
    }

    /// How many connections wait.
    pub fn waiting(&self) -> u64 {
        self.ranks.borrow().values().map(|rank| rank.len() as u64).sum()
    }

    fn is_old(&self, since_ms: u64, now_ms: u64) -> bool {
        let max = u64::try_from(self.options.idle_timeout.as_millis()).unwrap_or(u64::MAX);
        max > 0 && now_ms.saturating_sub(since_ms) > max
    }
}

impl Lease {
    /// For a link to `key`; the slot tells the time.
    pub fn new(pool: Rc<Pool>, key: PeerKey, slot: Rc<Slot>) -> Self {
        Lease {
            pool,
            key,
            slot,
            occupied: None,
        }
    }

    /// The link waits for its next request.
    pub fn give_back(&self, link: Box<Link>) {
        self.pool.put(&self.key, link, self.slot.now_ms());
    }
}
