//! The Admin API's telephone to the node: what it is and how it runs.

use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};
use troop_admin::{
    AddressHealth, Connections, HostHealth, Identity, Mark, MarkError, NodeFacts, PluginFacts,
    UpstreamHealth, Weights,
};
use troop_gateway::{Gauges, TargetFacts, UpstreamFacts};
use troop_plugin_api::Plugin;
use troop_runtime::Shutdown;
use troop_settings::{Loaded, table};
use uuid::Uuid;

/// Answers for the node.
pub struct Facts {
    identity: Identity,
    configuration: Map<String, Value>,
    plugins: Vec<PluginFacts>,
    log_level: String,
    gateway: Gauges,
    shutdown: Shutdown,
}

impl Facts {
    /// What is known once everything runs.
    pub fn new(
        loaded: &Loaded,
        node_id: Uuid,
        hostname: String,
        plugins: &[Arc<dyn Plugin>],
        gateway: Gauges,
        shutdown: Shutdown,
    ) -> Arc<Self> {
        Arc::new(Facts {
            identity: Identity {
                node_id,
                hostname,
                pid: std::process::id(),
                worker_pids: vec![std::process::id()],
            },
            configuration: configuration(loaded),
            plugins: plugins.iter().map(|plugin| facts_of(&**plugin)).collect(),
            log_level: effective(loaded, "log_level"),
            gateway,
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

fn effective(loaded: &Loaded, name: &str) -> String {
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
        let now = self.gateway.counters();
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

    fn ready(&self) -> Result<(), String> {
        if self.shutdown.is_draining() {
            Err("draining".to_owned())
        } else {
            Ok(())
        }
    }

    fn upstream_health(&self, upstream: Uuid) -> Option<UpstreamHealth> {
        self.gateway.upstream_facts(upstream).map(health_of)
    }

    fn mark(&self, mark: Mark) -> Result<(), MarkError> {
        // Targets are not probed in this release, so there is no opinion that a mark could overrule.
        match self.gateway.upstream_facts(mark.upstream) {
            Some(_) => Err(MarkError::NoChecker),
            None => Err(MarkError::NoBalancer),
        }
    }

    fn log_level(&self) -> String {
        self.log_level.clone()
    }

    fn set_log_level(&self, _level: &str, _span: Duration) -> Result<(), String> {
        Err("the log level of a running node cannot be changed: set log_level and restart it".to_owned())
    }
}

fn health_of(facts: UpstreamFacts) -> UpstreamHealth {
    let hosts: Vec<HostHealth> = facts.targets.into_iter().map(host_of).collect();
    let total = hosts.iter().map(|host| host.weight.total).sum();
    let unavailable = hosts.iter().map(|host| host.weight.unavailable).sum();
    UpstreamHealth {
        checks_on: false,
        healthy: total > unavailable,
        weight: Weights { total, unavailable },
        hosts,
    }
}

fn host_of(target: TargetFacts) -> HostHealth {
    let addresses: Vec<AddressHealth> = target
        .addresses
        .iter()
        .map(|address| AddressHealth {
            ip: address.ip,
            port: address.port,
            weight: u64::from(address.weight),
            healthy: true,
        })
        .collect();
    HostHealth {
        host: target.host,
        port: target.port,
        dns: match target.dns_error {
            Some(error) => Err(error),
            None => Ok("A".to_owned()),
        },
        node_weight: u64::from(target.weight),
        weight: Weights {
            total: addresses.iter().map(|address| address.weight).sum(),
            unavailable: 0,
        },
        addresses,
    }
}
