//! A plan being changed.
//!
//! Every change is a matter of the records it touches: a route goes into the router, a service re-hangs its own
//! routes, a plugin instance takes its scope. Upstreams are rebuilt once at the end, however many of their targets came or went.

use super::{
    Plan,
    compile::{CompileError, Route, RouteEntry, Service},
    instances::{Instance, Kit},
    record::{AuthorityRecord, CertificateRecord, ServiceRecord, UpstreamRecord},
    streams::StreamEntry,
    trusts::Terms,
    upstream::{TargetEntry, Upstream},
};
use crate::peer::resolve::Names;
use serde::de::DeserializeOwned;
use std::{collections::BTreeSet, sync::Arc};
use troop_txn::Revision;
use uuid::Uuid;

/// A plan being changed.
pub(crate) struct Draft<'a> {
    plan: Plan,
    kit: &'a Kit,
    upstreams: BTreeSet<Uuid>,
    vaults_changed: bool,
    /// Certificates and authorities that came, changed or went.
    secrets: BTreeSet<Uuid>,
    streams_changed: bool,
}

/// The entities of which plans are made.
pub(crate) const SCHEMAS: [&str; 9] = [
    "vaults",
    "certificates",
    "snis",
    "ca_certificates",
    "services",
    "routes",
    "plugins",
    "upstreams",
    "targets",
];

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CompileError> {
    Ok(serde_json::from_slice(bytes)?)
}

/// Whether a stored record can hold a vault reference.
fn may_refer(bytes: &[u8]) -> bool {
    const MARK: &[u8] = b"{vault://";
    bytes.windows(MARK.len()).any(|window| window == MARK)
}

impl<'a> Draft<'a> {
    /// Starts from a plan; from [`Plan::default`] to print a whole one.
    pub fn of(plan: Plan, kit: &'a Kit) -> Self {
        Draft {
            plan,
            kit,
            upstreams: BTreeSet::new(),
            vaults_changed: false,
            secrets: BTreeSet::new(),
            streams_changed: false,
        }
    }

    /// A record was written. False for a schema that no plan holds.
    pub fn put(&mut self, schema: &str, bytes: &[u8]) -> Result<bool, CompileError> {
        match schema {
            "certificates" => self.put_certificate(read(bytes)?)?,
            "snis" => self.plan.certificates.put_name(read(bytes)?),
            "ca_certificates" => self.put_authority(read(bytes)?)?,
            "services" => self.put_service_record(read(bytes)?)?,
            "routes" => self.put_route(bytes)?,
            "plugins" => self.put_plugin(bytes)?,
            "upstreams" => self.put_upstream(bytes)?,
            "targets" => self.put_target(bytes)?,
            "vaults" => {
                self.plan.vaults.put(read(bytes)?);
                self.vaults_changed = true;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A record was deleted. False for a schema that no plan holds.
    pub fn remove(&mut self, schema: &str, id: Uuid) -> bool {
        match schema {
            "certificates" => {
                self.plan.certificates.remove(id);
                self.secrets.insert(id);
            }
            "ca_certificates" => {
                self.plan.trusts.remove_authority(id);
                self.secrets.insert(id);
            }
            "snis" => self.plan.certificates.remove_name(id),
            "services" => {
                self.plan.secured.remove(&id);
                self.remove_service(id);
            }
            "routes" => self.remove_route(id),
            "plugins" => {
                self.hang_instance(id, None);
                self.plan.referring.remove(&id);
            }
            "upstreams" => self.remove_upstream(id),
            "targets" => self.remove_target(id),
            "vaults" => {
                self.plan.vaults.remove(id);
                self.vaults_changed = true;
            }
            _ => return false,
        }
        true
    }

    /// The changed plan, and the upstreams that were rebuilt.
    pub fn finish(mut self, revision: Revision, names: &Names) -> (Plan, Vec<Arc<Upstream>>) {
        self.plan.revision = revision;
        if self.vaults_changed {
            self.fetch_again();
        }
        if !self.secrets.is_empty() {
            self.secure_again();
        }
        if self.streams_changed {
            let services = &self.plan.services;
            self.plan.streams.arrange(|id| services.get(&id).cloned());
        }
        let rebuilt = std::mem::take(&mut self.upstreams);
        let rebuilt = rebuilt
            .into_iter()
            .filter_map(|id| self.rebuild_upstream(id, names))
            .collect();
        (self.plan, rebuilt)
    }

    fn put_certificate(&mut self, record: CertificateRecord) -> Result<(), CompileError> {
        let Plan {
            certificates, vaults, ..
        } = &mut self.plan;
        self.secrets.insert(record.id);
        Ok(certificates.put(record, vaults, self.kit.provider())?)
    }

    fn put_authority(&mut self, record: AuthorityRecord) -> Result<(), CompileError> {
        self.secrets.insert(record.id);
        Ok(self.plan.trusts.put_authority(&record)?)
    }

    fn put_service_record(&mut self, record: ServiceRecord) -> Result<(), CompileError> {
        let terms = Terms::of(&record);
        let service = self.compile_service(&record, &terms)?;
        if terms.name_any() {
            self.plan.secured.insert(record.id, Arc::new(record));
        } else {
            self.plan.secured.remove(&record.id);
        }
        self.put_service(service);
        Ok(())
    }

    fn compile_service(&mut self, record: &ServiceRecord, terms: &Terms) -> Result<Service, CompileError> {
        let Plan {
            trusts, certificates, ..
        } = &mut self.plan;
        Service::compile(record, || trusts.get(terms, certificates, self.kit.peer_tls()))
    }

    /// Makes anew what was made of certificates and authorities that changed. What cannot be made stays what it was.
    fn secure_again(&mut self) {
        let changed = std::mem::take(&mut self.secrets);
        self.plan.trusts.forget(&changed);
        for record in self.plan.secured.clone().values() {
            let terms = Terms::of(record);
            if !terms.name_one_of(&changed) {
                continue;
            }
            match self.compile_service(record, &terms) {
                Ok(service) => self.put_service(service),
                Err(error) => {
                    tracing::error!(service = %record.id, %error, "a service stays what it was after its certificates changed");
                }
            }
        }
        let shows_one = |record: &UpstreamRecord| {
            record
                .client_certificate
                .is_some_and(|shown| changed.contains(&shown.id))
        };
        let records = self.plan.upstream_records.iter();
        let again = records.filter(|(_, record)| shows_one(record)).map(|(id, _)| *id);
        self.upstreams.extend(again);
    }

    fn put_service(&mut self, service: Service) {
        let service = Arc::new(service);
        self.plan.services.insert(service.id, Arc::clone(&service));
        self.streams_changed |= self.plan.streams.lead_to(service.id);
        for entry in self.routes_of(service.id) {
            self.hang(&entry);
        }
    }

    fn remove_service(&mut self, id: Uuid) {
        self.plan.services.remove(&id);
        self.streams_changed |= self.plan.streams.lead_to(id);
        for entry in self.routes_of(id) {
            self.plan.router.remove(entry.facts.id);
        }
    }

    fn routes_of(&self, service: Uuid) -> Vec<Arc<RouteEntry>> {
        let ids = self
            .plan
            .routes_of
            .range((service, Uuid::nil())..=(service, Uuid::max()));
        ids.filter_map(|(_, route)| self.plan.routes.get(route).cloned())
            .collect()
    }

    fn put_route(&mut self, bytes: &[u8]) -> Result<(), CompileError> {
        let record: super::record::RouteRecord = read(bytes)?;
        let id = record.id;
        let stream = StreamEntry::compile(&record, self.kit.flavor())?;
        let compiled = RouteEntry::compile(record, self.kit.flavor())?;
        self.remove_route(id);
        if let Some(entry) = stream {
            self.plan.streams.put(entry);
            self.streams_changed = true;
        }
        if let Some(entry) = compiled {
            let entry = Arc::new(entry);
            self.hang(&entry);
            if let Some(service) = entry.service {
                self.plan.routes_of.insert((service, id));
            }
            self.plan.routes.insert(id, entry);
        }
        Ok(())
    }

    fn remove_route(&mut self, id: Uuid) {
        self.streams_changed |= self.plan.streams.remove(id);
        self.plan.router.remove(id);
        if let Some(entry) = self.plan.routes.remove(&id)
            && let Some(service) = entry.service
        {
            self.plan.routes_of.remove(&(service, id));
        }
    }

    /// Puts a route where requests find it, if its service lets it.
    fn hang(&mut self, entry: &RouteEntry) {
        let service = match entry.service {
            None => None,
            Some(id) => match self.plan.services.get(&id) {
                Some(service) if service.enabled && !service.raw => Some(Arc::clone(service)),
                // Kong: routes of a disabled service are not there. Nor are requests for a service that takes none.
                _ => {
                    self.plan.router.remove(entry.facts.id);
                    return;
                }
            },
        };
        let route = Route {
            facts: entry.facts.clone(),
            service,
        };
        self.plan.router.insert(entry.spec.clone(), Arc::new(route));
    }

    fn put_plugin(&mut self, bytes: &[u8]) -> Result<(), CompileError> {
        let record: super::record::PluginRecord = read(bytes)?;
        let record = Arc::new(record);
        // Also one that cannot be compiled now: a vault may come that it waits for.
        if may_refer(bytes) {
            self.plan.referring.insert(record.id, Arc::clone(&record));
        } else {
            self.plan.referring.remove(&record.id);
        }
        let instance = self.kit.compile(&record, &self.plan.vaults)?;
        self.hang_instance(record.id, instance);
        Ok(())
    }

    /// Puts an instance where requests find it, sessions, or both; out of where it is not to run any more.
    fn hang_instance(&mut self, id: Uuid, instance: Option<Instance>) {
        let for_requests = instance.as_ref().filter(|instance| instance.serves.requests);
        match for_requests {
            Some(instance) => self.plan.instances.put(instance.clone()),
            None => self.plan.instances.remove(id),
        }
        match instance.filter(|instance| instance.serves.sessions) {
            Some(instance) => self.plan.streams.instances.put(instance),
            None => self.plan.streams.instances.remove(id),
        }
    }

    /// Compiles anew what holds vault references. What cannot be stays what it was.
    fn fetch_again(&mut self) {
        let Plan {
            certificates, vaults, ..
        } = &mut self.plan;
        let fetched = certificates.fetch_again(vaults, self.kit.provider());
        self.secrets.extend(fetched);
        for record in self.plan.referring.clone().values() {
            match self.kit.compile(record, &self.plan.vaults) {
                Ok(instance) => self.hang_instance(record.id, instance),
                Err(error) => {
                    tracing::error!(plugin = %record.id, %error, "a plugin keeps its old configuration after a vault changed");
                }
            }
        }
    }

    fn put_upstream(&mut self, bytes: &[u8]) -> Result<(), CompileError> {
        let record: UpstreamRecord = read(bytes)?;
        if let Some(old) = self.plan.upstream_records.get(&record.id)
            && old.name != record.name
        {
            // What was learnt of its targets was learnt under that name, and stays with it.
            let old = Arc::clone(&old.name);
            if let Some(held) = self.plan.upstreams.remove(&old) {
                held.retire();
            }
        }
        self.upstreams.insert(record.id);
        self.plan.upstream_records.insert(record.id, Arc::new(record));
        Ok(())
    }

    fn remove_upstream(&mut self, id: Uuid) {
        if let Some(record) = self.plan.upstream_records.remove(&id)
            && let Some(held) = self.plan.upstreams.get(&record.name).filter(|held| held.id == id)
        {
            held.retire();
            self.plan.upstreams.remove(&record.name);
        }
        self.upstreams.remove(&id);
    }

    fn put_target(&mut self, bytes: &[u8]) -> Result<(), CompileError> {
        let record: super::record::TargetRecord = read(bytes)?;
        let entry = TargetEntry::compile(&record)?;
        self.remove_target(record.id);
        let home = record.upstream.id;
        self.plan.targets.insert((home, record.id), Arc::new(entry));
        self.plan.homes.insert(record.id, home);
        self.upstreams.insert(home);
        Ok(())
    }

    fn remove_target(&mut self, id: Uuid) {
        if let Some(home) = self.plan.homes.remove(&id) {
            self.plan.targets.remove(&(home, id));
            self.upstreams.insert(home);
        }
    }

    fn rebuild_upstream(&mut self, id: Uuid, names: &Names) -> Option<Arc<Upstream>> {
        let record = Arc::clone(self.plan.upstream_records.get(&id)?);
        let targets = self.plan.targets.range((id, Uuid::nil())..=(id, Uuid::max()));
        let mut targets: Vec<_> = targets.map(|(_, entry)| Arc::clone(entry)).collect();
        targets.sort_by(|one, other| one.by_age(other));
        let badge = record
            .client_certificate
            .and_then(|shown| self.plan.certificates.badge(shown.id))
            .cloned();
        let before = self.plan.upstreams.get(&record.name).filter(|held| held.id == id);
        let upstream = Upstream::new(&record, targets, badge, before.map(|held| &**held), names);
        let upstream = Arc::new(upstream);
        self.plan
            .upstreams
            .insert(Arc::clone(&record.name), Arc::clone(&upstream));
        Some(upstream)
    }
}

#[cfg(test)]
mod references;
#[cfg(test)]
mod tests;
