//! Names to addresses.
//!
//! A receptionist with a card index. Known cards are read by anybody at any time; a name nobody knows is asked for once, however
//! many wait for it; a card that is past its date is still handed out while somebody fetches a new one. Asking happens on the control
//! runtime, so that a slow name server never holds up a worker.
//!
//! Names that begin with an underscore (`_http._tcp.shop.test`) are asked for as services: the records say hosts, ports and weights.
//! Kong: as its newer DNS client has it; the older one asks for a service of every name.
//!
//! The catch: "there is no such name" is an answer and is kept for a while; "I could not ask" is none and is kept only long enough not to
//! ask for every request.

use super::places::{Place, Service, in_turn};
use arc_swap::ArcSwap;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use hickory_resolver::{
    ResolveError, TokioResolver,
    config::{LookupIpStrategy, ResolverConfig},
    name_server::TokioConnectionProvider,
};
use imbl::HashMap;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use thiserror::Error;
use tokio::runtime::Handle;

/// Kong: how long an answer past its date may be used while a new one is fetched.
const STALE: Duration = Duration::from_secs(3_600);
/// Kong: how long "there is no such name" is kept.
const ABSENT: Duration = Duration::from_secs(30);
/// Kong: how long "could not ask" is kept.
const UNANSWERED: Duration = Duration::from_secs(1);

/// Hosts of one service that are asked for: each costs a lookup of its own.
const SERVICE_HOSTS_MAX: usize = 256;

/// Why a name leads nowhere.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum NameError {
    /// There is no such name, or it has no addresses.
    #[error("dns server error: 3 name error")]
    Absent,
    /// Nobody answered.
    #[error("{0}")]
    Unanswered(String),
}

/// A card.
pub(crate) struct Answer {
    outcome: Result<Vec<Place>, NameError>,
    fresh_until: Instant,
    turns: AtomicUsize,
}

type Asking = Shared<BoxFuture<'static, Arc<Answer>>>;

/// The receptionist.
pub(crate) struct Names {
    known: ArcSwap<HashMap<Arc<str>, Arc<Answer>>>,
    asking: Mutex<std::collections::HashMap<Arc<str>, Asking>>,
    resolver: TokioResolver,
    control: Handle,
    names_max: usize,
}

impl Answer {
    fn new(outcome: Result<Vec<Place>, NameError>, lives: Duration) -> Self {
        Answer {
            outcome,
            fresh_until: Instant::now() + lives,
            turns: AtomicUsize::new(0),
        }
    }

    /// All places.
    pub fn places(&self) -> Result<&[Place], &NameError> {
        self.outcome.as_deref()
    }

    /// The places in turn.
    pub fn next_place(&self) -> Result<&Place, NameError> {
        let places = self.outcome.as_ref().map_err(Clone::clone)?;
        let turn = self.turns.fetch_add(1, Relaxed);
        in_turn(places, turn).ok_or(NameError::Absent)
    }

    /// For how long it is good.
    pub fn fresh_for(&self) -> Duration {
        self.fresh_until.saturating_duration_since(Instant::now())
    }

    fn is_usable(&self, now: Instant) -> bool {
        let extra = if self.outcome.is_ok() {
            STALE
        } else {
            Duration::ZERO
        };
        now < self.fresh_until + extra
    }
}

impl Names {
    /// With the machine's name servers and hosts file; lookups run on `control`.
    pub fn new(control: Handle, names_max: usize, timeout: Duration) -> Arc<Self> {
        let mut builder = TokioResolver::builder_tokio().unwrap_or_else(|error| {
            tracing::warn!(%error, "no name servers are configured on this machine: only its hosts file is read");
            TokioResolver::builder_with_config(ResolverConfig::new(), TokioConnectionProvider::default())
        });
        let options = builder.options_mut();
        options.timeout = timeout;
        options.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
        // Kept here, where stale answers can be used.
        options.cache_size = 0;
        Arc::new(Names {
            known: ArcSwap::default(),
            asking: Mutex::default(),
            resolver: builder.build(),
            control,
            names_max,
        })
    }

    /// What is known without asking.
    pub fn known(&self, name: &str) -> Option<Vec<Place>> {
        let card = self.card(name)?;
        card.outcome.as_ref().ok().cloned()
    }

    /// The answer for a name, asked for if need be.
    pub async fn resolve(self: &Arc<Self>, name: &str) -> Arc<Answer> {
        match self.card(name) {
            Some(card) if card.fresh_for() > Duration::ZERO => card,
            Some(card) => {
                // Past its date: used once more, while a new one is fetched.
                drop(self.ask(name));
                card
            }
            None => self.ask(name).await,
        }
    }

    /// The answer for a name if it is known now; workers look here first, without waiting.
    pub fn card(&self, name: &str) -> Option<Arc<Answer>> {
        let known = self.known.load();
        let card = known.get(name).filter(|card| card.is_usable(Instant::now()))?;
        Some(Arc::clone(card))
    }

    /// Joins whoever asks already, or asks. Asking goes on if nobody waits any more.
    fn ask(self: &Arc<Self>, name: &str) -> Asking {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = asking.get(name) {
            return running.clone();
        }
        let name: Arc<str> = name.into();
        let (names, key) = (Arc::clone(self), Arc::clone(&name));
        let task = self.control.spawn(async move { names.fetch(key).await });
        let (names, key) = (Arc::clone(self), Arc::clone(&name));
        let running = async move {
            task.await.unwrap_or_else(|_| {
                // It panicked, or the control runtime ends: whoever comes next asks anew.
                names.is_answered(&key);
                let reason = NameError::Unanswered("the resolver stopped".into());
                Arc::new(Answer::new(Err(reason), UNANSWERED))
            })
        };
        let running = running.boxed().shared();
        asking.insert(name, running.clone());
        running
    }

    async fn fetch(self: Arc<Self>, name: Arc<str>) -> Arc<Answer> {
        let found = if name.starts_with('_') {
            self.find_service(&name).await
        } else {
            self.find_addresses(&name).await
        };
        let card = Arc::new(match found {
            Ok((places, _)) if places.is_empty() => Answer::new(Err(NameError::Absent), ABSENT),
            Ok((places, lives)) => Answer::new(Ok(places), lives),
            Err(error) if is_absent(&error) => Answer::new(Err(NameError::Absent), ABSENT),
            Err(error) => Answer::new(Err(NameError::Unanswered(error.to_string())), UNANSWERED),
        });
        self.file(Arc::clone(&name), &card);
        self.is_answered(&name);
        card
    }

    /// Addresses, and how long they are good.
    async fn find_addresses(&self, name: &str) -> Result<(Vec<Place>, Duration), ResolveError> {
        let found = self.resolver.lookup_ip(name).await?;
        let lives = found.valid_until().saturating_duration_since(Instant::now());
        Ok((found.iter().map(Place::of).collect(), lives))
    }

    /// The hosts of a service. Kong: those of the first priority only. A host without address is left out.
    async fn find_service(&self, name: &str) -> Result<(Vec<Place>, Duration), ResolveError> {
        let found = self.resolver.srv_lookup(name).await?;
        let until = found.as_lookup().valid_until();
        let mut lives = until.saturating_duration_since(Instant::now());
        let first = found.iter().map(|record| record.priority()).min();
        let mut places = Vec::new();
        let wanted = found.iter().filter(|record| Some(record.priority()) == first);
        for record in wanted.take(SERVICE_HOSTS_MAX) {
            let host = record.target().to_utf8();
            let host = host.trim_end_matches('.');
            let Ok((addresses, good_for)) = self.find_addresses(host).await else {
                continue;
            };
            lives = lives.min(good_for);
            let name: Arc<str> = host.into();
            places.extend(addresses.into_iter().map(|place| Place {
                service: Some(Service {
                    port: record.port(),
                    weight: record.weight(),
                    name: Arc::clone(&name),
                }),
                ..place
            }));
        }
        Ok((places, lives))
    }

    fn is_answered(&self, name: &str) {
        self.asking
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
    }

    /// Files a card, unless it only says that nobody answered and an older one says more.
    fn file(&self, name: Arc<str>, card: &Arc<Answer>) {
        let now = Instant::now();
        self.known.rcu(|known| {
            let mut known = HashMap::clone(known);
            let older_helps = known
                .get(&name)
                .is_some_and(|old| old.outcome.is_ok() && old.is_usable(now));
            if matches!(card.outcome, Err(NameError::Unanswered(_))) && older_helps {
                return known;
            }
            if known.len() >= self.names_max {
                known.retain(|_, card| card.is_usable(now) && card.fresh_until > now);
            }
            if known.len() < self.names_max {
                known.insert(Arc::clone(&name), Arc::clone(card));
            }
            known
        });
    }
}

fn is_absent(error: &ResolveError) -> bool {
    error.is_nx_domain() || error.is_no_records_found()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Arc<Names> {
        Names::new(Handle::current(), 100, Duration::from_secs(2))
    }

    #[tokio::test]
    async fn localhost_leads_to_a_loopback_address_and_is_remembered() {
        let names = names();
        assert!(names.known("localhost").is_none());
        let answer = names.resolve("localhost").await;
        assert!(answer.next_place().is_ok_and(|place| place.ip.is_loopback()));
        assert!(names.known("localhost").is_some());
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_is_absent() {
        let answer = names().resolve("does-not-exist.invalid").await;
        assert_eq!(answer.next_place(), Err(NameError::Absent));
    }

    #[tokio::test]
    async fn a_service_that_cannot_be_is_absent_or_unanswered() {
        let answer = names().resolve("_http._tcp.does-not-exist.invalid").await;
        assert!(answer.next_place().is_err());
    }

    #[test]
    fn addresses_take_turns() {
        let place = |text: &str| Place::of(text.parse().expect("an ip"));
        let answer = Answer::new(Ok(vec![place("10.0.0.1"), place("10.0.0.2")]), ABSENT);
        let seen: Vec<String> = (0..4)
            .map(|_| answer.next_place().expect("a place").ip.to_string())
            .collect();
        assert_eq!(seen, ["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.2"]);
    }
}
