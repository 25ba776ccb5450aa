//! Plugin instances by plugin and scope, and the chain that applies to an exchange.
//!
//! For each plugin, in the order of the queue, the most specific instance that covers the exchange: that is a chain. It depends on
//! route, service and consumer only, so a worker remembers it until the instances change.

use super::compile::CompileError;
use super::record::PluginRecord;
use super::vaults::Vaults;
use crate::badge::Badge;
use imbl::{HashMap, OrdMap};
use rustls::crypto::CryptoProvider;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use troop_expression::Flavor;
use troop_plugin_api::{Backstage, Handler, Phases, Plugin, Scope, Setup, runs_before};
use troop_schema::{PluginSchema, Record};
use uuid::Uuid;

/// What records are compiled with: the plugins of this node, in the order in which they have their turns, cryptography, and the
/// language of routes.
pub(crate) struct Kit {
    plugins: Vec<Arc<dyn Plugin>>,
    /// Their tables, in the same order.
    schemas: Vec<PluginSchema>,
    backstage: Arc<dyn Backstage>,
    provider: Arc<CryptoProvider>,
    badge: Option<Arc<Badge>>,
    flavor: Flavor,
}

/// What an instance takes part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Serves {
    /// Exchanges of HTTP.
    pub requests: bool,
    /// Sessions of bytes and datagrams.
    pub sessions: bool,
}

/// An instance, ready to run.
#[derive(Clone)]
pub(crate) struct Instance {
    pub id: Uuid,
    /// The plugin's place in the queue.
    pub place: u16,
    pub scope: Scope,
    pub serves: Serves,
    pub handler: Arc<dyn Handler>,
}

/// All enabled instances.
#[derive(Clone, Default)]
pub(crate) struct Instances {
    /// Another one after every change: chains of another epoch are worthless.
    pub epoch: u64,
    by_id: HashMap<Uuid, Arc<Instance>>,
    by_place: OrdMap<u16, HashMap<Scope, Arc<Instance>>>,
    /// How many are limited to a consumer; none are not listed.
    by_consumer: HashMap<Uuid, usize>,
}

/// One link of a chain.
#[derive(Clone)]
pub(crate) struct Link {
    /// The plugin's place in the queue.
    pub place: u16,
    pub phases: Phases,
    pub handler: Arc<dyn Handler>,
}

impl Kit {
    /// Sorted by priority.
    pub fn new(mut plugins: Vec<Arc<dyn Plugin>>, backstage: Arc<dyn Backstage>) -> Self {
        plugins.sort_by(|a, b| runs_before((a.priority(), a.name()), (b.priority(), b.name())));
        let schemas = plugins.iter().map(|plugin| plugin.schema()).collect();
        Kit {
            plugins,
            schemas,
            backstage,
            provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
            badge: None,
            flavor: Flavor::default(),
        }
    }

    /// For routes that are written like this.
    pub fn with_flavor(self, flavor: Flavor) -> Self {
        Kit { flavor, ..self }
    }

    /// How routes are written.
    pub fn flavor(&self) -> Flavor {
        self.flavor
    }

    /// What keys and certificates are read with.
    pub fn provider(&self) -> &Arc<CryptoProvider> {
        &self.provider
    }

    /// Showing this certificate to peers where nobody names another.
    pub fn with_badge(self, badge: Option<Arc<Badge>>) -> Self {
        Kit { badge, ..self }
    }

    /// What TLS towards peers is made with, and the certificate shown where nobody names another.
    pub fn peer_tls(&self) -> (&Arc<CryptoProvider>, Option<&Arc<Badge>>) {
        (&self.provider, self.badge.as_ref())
    }

    /// An instance of a record, with what its vault references stand for; `None` if it is not to run here.
    pub fn compile(&self, record: &PluginRecord, vaults: &Vaults) -> Result<Option<Instance>, CompileError> {
        let found = self.plugins.iter().position(|p| p.name() == record.name);
        let Some(place) = found else {
            return Err(CompileError::UnknownPlugin(record.name.clone()));
        };
        let serves = Serves::of(record.protocols.as_deref());
        if !record.enabled || serves == Serves::NOTHING {
            return Ok(None);
        }
        let plugin = &self.plugins[place];
        let mut config: Record = record.config.clone().unwrap_or_default();
        self.schemas[place].dereference(&mut config, &mut |text| vaults.fetch(text));
        let scope = Scope {
            route: record.route.as_ref().map(|r| r.id),
            service: record.service.as_ref().map(|s| s.id),
            consumer: record.consumer.as_ref().map(|c| c.id),
        };
        let setup = Setup {
            id: record.id,
            scope,
            config: &config,
            backstage: &self.backstage,
        };
        let handler = plugin
            .configure(&setup)
            .map_err(|source| CompileError::Misconfigured {
                plugin: plugin.name(),
                source,
            })?;
        Ok(Some(Instance {
            id: record.id,
            place: u16::try_from(place).expect("invariant: fewer than 65,536 plugins are bundled"),
            scope,
            serves,
            handler,
        }))
    }
}

/// Never the same twice in a process, so that a plan printed anew is not mistaken for an older one.
fn next_epoch() -> u64 {
    static EPOCH: AtomicU64 = AtomicU64::new(1);
    EPOCH.fetch_add(1, Relaxed)
}

impl Serves {
    const NOTHING: Serves = Serves {
        requests: false,
        sessions: false,
    };

    /// Kong: which of the HTTP protocols is listed makes no difference, nor which of the others.
    fn of(protocols: Option<&[String]>) -> Serves {
        let http = |p: &String| matches!(p.as_str(), "http" | "https" | "grpc" | "grpcs");
        match protocols {
            None => Serves {
                requests: true,
                sessions: false,
            },
            Some(list) => Serves {
                requests: list.iter().any(http),
                sessions: !list.iter().all(http),
            },
        }
    }
}

impl Instances {
    /// Adds an instance in place of the one with the same id.
    pub fn put(&mut self, instance: Instance) {
        self.remove(instance.id);
        let instance = Arc::new(instance);
        let mut scopes = self.by_place.get(&instance.place).cloned().unwrap_or_default();
        scopes.insert(instance.scope, Arc::clone(&instance));
        self.by_place.insert(instance.place, scopes);
        if let Some(consumer) = instance.scope.consumer {
            *self.by_consumer.entry(consumer).or_default() += 1;
        }
        self.by_id.insert(instance.id, instance);
        self.epoch = next_epoch();
    }

    /// Removes an instance, if it is there.
    pub fn remove(&mut self, id: Uuid) {
        let Some(instance) = self.by_id.remove(&id) else {
            return;
        };
        self.epoch = next_epoch();
        if let Some(consumer) = instance.scope.consumer {
            let one_less = |count: Option<usize>| count?.checked_sub(1).filter(|left| *left > 0);
            self.by_consumer = self.by_consumer.alter(one_less, consumer);
        }
        let Some(mut scopes) = self.by_place.get(&instance.place).cloned() else {
            return;
        };
        // In one change set another instance may have taken the scope before this one left it.
        if scopes.get(&instance.scope).is_some_and(|held| held.id == id) {
            scopes.remove(&instance.scope);
        }
        if scopes.is_empty() {
            self.by_place.remove(&instance.place);
        } else {
            self.by_place.insert(instance.place, scopes);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Whether there are instances for this consumer.
    pub fn have_own(&self, consumer: &Uuid) -> bool {
        self.by_consumer.contains_key(consumer)
    }

    /// The links for an exchange with this route, service and consumer.
    pub fn chain(&self, covered: Scope) -> Vec<Link> {
        let choose = |scopes: &HashMap<Scope, Arc<Instance>>| {
            covered
                .preferred()
                .find_map(|scope| scopes.get(&scope).map(Arc::clone))
        };
        let chosen = self.by_place.iter().filter_map(|(_, scopes)| choose(scopes));
        chosen
            .map(|instance| Link {
                place: instance.place,
                phases: instance.handler.phases(),
                handler: Arc::clone(&instance.handler),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use troop_plugin_api::Phases;

    struct Named;

    impl Handler for Named {
        fn phases(&self) -> Phases {
            Phases::ACCESS
        }
    }

    fn instance(id: u128, place: u16, scope: Scope) -> Instance {
        Instance {
            id: Uuid::from_u128(id),
            place,
            scope,
            serves: Serves::of(None),
            handler: Arc::new(Named),
        }
    }

    fn scope(route: Option<u128>, consumer: Option<u128>) -> Scope {
        Scope {
            route: route.map(Uuid::from_u128),
            service: None,
            consumer: consumer.map(Uuid::from_u128),
        }
    }

    /// The ids that run, found again by the handler's address.
    fn ids(instances: &Instances, covered: Scope) -> Vec<u128> {
        let chosen = instances.by_place.iter().filter_map(|(_, scopes)| {
            covered
                .preferred()
                .find_map(|s| scopes.get(&s))
                .map(|i| i.id.as_u128())
        });
        let chosen: Vec<_> = chosen.collect();
        assert_eq!(instances.chain(covered).len(), chosen.len());
        chosen
    }

    #[test]
    fn one_instance_per_plugin_runs_the_most_specific() {
        let mut instances = Instances::default();
        instances.put(instance(1, 5, Scope::GLOBAL));
        instances.put(instance(2, 5, scope(Some(9), None)));
        instances.put(instance(3, 5, scope(None, Some(7))));
        instances.put(instance(4, 2, Scope::GLOBAL));
        assert_eq!(ids(&instances, Scope::GLOBAL), [4, 1]);
        assert_eq!(ids(&instances, scope(Some(9), None)), [4, 2]);
        assert_eq!(ids(&instances, scope(Some(9), Some(7))), [4, 3]);
        assert_eq!(ids(&instances, scope(Some(8), Some(6))), [4, 1]);
    }

    #[test]
    fn a_moved_or_removed_instance_leaves_its_scope() {
        let mut instances = Instances::default();
        instances.put(instance(1, 5, scope(Some(9), None)));
        instances.put(instance(1, 5, scope(Some(8), None)));
        assert!(ids(&instances, scope(Some(9), None)).is_empty());
        assert_eq!(ids(&instances, scope(Some(8), None)), [1]);
        instances.put(instance(2, 5, scope(Some(8), None)));
        instances.remove(Uuid::from_u128(1));
        assert_eq!(ids(&instances, scope(Some(8), None)), [2]);
        instances.remove(Uuid::from_u128(2));
        assert!(instances.is_empty() && instances.by_place.is_empty());
    }

    #[test]
    fn a_consumer_has_instances_of_its_own_while_one_is_limited_to_it() {
        let bob = Uuid::from_u128(7);
        let mut instances = Instances::default();
        let mut check = |change: &dyn Fn(&mut Instances), expected| {
            change(&mut instances);
            assert_eq!(instances.have_own(&bob), expected);
        };
        check(&|all| all.put(instance(1, 5, Scope::GLOBAL)), false);
        check(&|all| all.put(instance(2, 5, scope(Some(9), Some(7)))), true);
        check(&|all| all.put(instance(3, 6, scope(None, Some(7)))), true);
        check(&|all| all.put(instance(2, 5, scope(Some(9), None))), true);
        check(&|all| all.remove(Uuid::from_u128(3)), false);
        check(&|all| all.remove(Uuid::from_u128(3)), false);
    }
}
