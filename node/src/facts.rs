//! The Admin API's telephone to the node: what it is and how it runs.

use crate::{log_level::LogLevel, meters::Meters};
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};
use troop_admin::{
    AddressHealth, Connections, HostHealth, Identity, MarkError, NodeFacts, PluginFacts, UpstreamHealth,
    Weights,
};
use troop_gateway::{AddressFacts, TargetFacts, UpstreamFacts};
use troop_plugin_api::Plugin;
use troop_router::{RouteQuestion, RouteVerdict};
use troop_runtime::Shutdown;
use troop_settings::{Loaded, table};
use uuid::Uuid;

/// Answers for the node.
pub struct Facts {
    identity: Identity,
    configuration: Map<String, Value>,
    plugins: Vec<PluginFacts>,
    meters: Meters,
    log_level: Arc<LogLevel>,
    shutdown: Shutdown,
}

impl Facts {
    /// What is known once everything runs.
    pub fn new(
        loaded: &Loaded,
        node_id: Uuid,
        hostname: String,
        meters: Meters,
        shutdown: Shutdown,
        log_level: Arc<LogLevel>,
    ) -> Arc<Self> {
        Arc::new(Facts {
            identity: Identity {
                node_id,
                hostname,
                pid: std::process::id(),
                worker_pids: vec![std::process::id()],
            },
            configuration: configuration(loaded),
            plugins: meters.plugins.iter().map(|plugin| facts_of(&**plugin)).collect(),
            meters,
            log_level,
            shutdown,
        })
    }
}

/// Every effective setting under Kong's name where it has one. Secrets are asterisks already.
fn configuration(loaded: &Loaded) -> Map<String, Value> {
    let kong_name = |name: &'static str| {
        table()
            .iter()
            .find(|row| row.name == name)
            .and_then(|row| row.kong)
            .unwrap_or(name)
    };
    loaded
        .effective
        .iter()
        .map(|effective| {
            (
                kong_name(effective.name).to_owned(),
                Value::from(effective.value.clone()),
            )
        })
        .collect()
}

/// The effective value of a setting, as text.
pub fn effective(loaded: &Loaded, name: &str) -> String {
    let found = loaded.effective.iter().find(|effective| effective.name == name);
    found.map(|effective| effective.value.clone()).unwrap_or_default()
}

fn facts_of(plugin: &dyn Plugin) -> PluginFacts {
    PluginFacts {
        name: plugin.name().to_owned(),
        version: plugin.version().to_owned(),
        priority: i64::from(plugin.priority()),
    }
}

impl NodeFacts for Facts {
    fn identity(&self) -> Identity {
        self.identity.clone()
    }

    fn configuration(&self) -> Map<String, Value> {
        self.configuration.clone()
    }

    fn plugins(&self) -> Vec<PluginFacts> {
        self.plugins.clone()
    }

    fn connections(&self) -> Connections {
        let now = self.meters.gateway.counters();
        Connections {
            active: now.connections_active,
            reading: now.connections_reading,
            writing: now.connections_writing,
            waiting: now.connections_waiting,
            accepted: now.connections_accepted,
            handled: now.connections_accepted,
            total_requests: now.requests_total,
        }
    }

    fn metrics(&self) -> String {
        self.meters.read()
    }

    fn ready(&self) -> Result<(), String> {
        if self.shutdown.is_draining() {
            Err("draining".to_owned())
        } else {
            Ok(())
        }
    }

    fn upstream_health(&self, upstream: Uuid) -> Option<UpstreamHealth> {
        self.meters.gateway.upstream_facts(upstream).map(health_of)
    }

    fn explain_route(&self, question: &RouteQuestion) -> Result<Vec<RouteVerdict>, String> {
        let explained = self.meters.gateway.explain(question);
        explained.map_err(|error| error.to_string())
    }

    fn may_mark(&self, upstream: Uuid) -> Result<(), MarkError> {
        match self.meters.gateway.upstream_facts(upstream) {
            Some(facts) if facts.checks_on => Ok(()),
            Some(_) => Err(MarkError::NoChecker),
            None => Err(MarkError::NoBalancer),
        }
    }

    fn log_level(&self) -> String {
        self.log_level.now()
    }

    fn set_log_level(&self, level: &str, span: Duration) -> Result<(), String> {
        self.log_level.set(level, span)
    }
}

fn health_of(facts: UpstreamFacts) -> UpstreamHealth {
    let capacity = facts.capacity;
    UpstreamHealth {
        checks_on: facts.checks_on,
        healthy: facts.serves,
        weight: Weights {
            total: capacity.total(),
            unavailable: capacity.total() - capacity.available(),
        },
        hosts: facts.targets.into_iter().map(host_of).collect(),
    }
}

fn host_of(target: TargetFacts) -> HostHealth {
    let address = |address: &AddressFacts| AddressHealth {
        ip: address.ip,
        port: address.port,
        weight: u64::from(address.weight),
        healthy: address.up,
    };
    let addresses: Vec<AddressHealth> = target.addresses.iter().map(address).collect();
    let total = addresses.iter().map(|address| address.weight).sum();
    let down = addresses.iter().filter(|address| !address.healthy);
    let unavailable = down.map(|address| address.weight).sum();
    HostHealth {
        host: target.host,
        port: target.port,
        dns: target.dns.map(str::to_owned),
        node_weight: u64::from(target.weight),
        weight: Weights { total, unavailable },
        addresses,
    }
}
