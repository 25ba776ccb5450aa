//! Stored records as the data plane reads them: only the fields it uses, typed.
//!
//! The schema filled in every field when the record was written, so most are simply there. Whatever else a record holds is for others.

use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc};
use troop_schema::Record;
use uuid::Uuid;

/// A reference to another record.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Whose id.
    pub id: Uuid,
}

/// A service.
#[derive(Debug, Deserialize)]
pub(crate) struct ServiceRecord {
    pub id: Uuid,
    pub name: Option<Arc<str>>,
    pub host: String,
    pub port: u16,
    pub protocol: String,
    pub path: Option<String>,
    pub retries: u32,
    pub connect_timeout: u64,
    pub write_timeout: u64,
    pub read_timeout: u64,
    pub tls_verify: Option<bool>,
    #[serde(default)]
    pub tls_verify_depth: Option<usize>,
    #[serde(default)]
    pub ca_certificates: Option<Vec<Uuid>>,
    #[serde(default)]
    pub client_certificate: Option<Reference>,
    pub enabled: bool,
}

/// A route.
#[derive(Debug, Deserialize)]
pub(crate) struct RouteRecord {
    pub id: Uuid,
    pub name: Option<Arc<str>>,
    pub service: Option<Reference>,
    pub protocols: Vec<String>,
    pub methods: Option<Vec<String>>,
    pub hosts: Option<Vec<String>>,
    pub paths: Option<Vec<String>>,
    pub headers: Option<BTreeMap<String, Vec<String>>>,
    pub snis: Option<Vec<String>>,
    #[serde(default)]
    pub sources: Option<Vec<EndpointRecord>>,
    #[serde(default)]
    pub destinations: Option<Vec<EndpointRecord>>,
    pub regex_priority: Option<i64>,
    pub path_handling: Option<String>,
    /// Seconds of Unix time, however the number was written.
    #[serde(default)]
    pub created_at: Option<f64>,
    pub expression: Option<String>,
    pub priority: Option<u64>,
    pub strip_path: Option<bool>,
    pub preserve_host: Option<bool>,
    pub request_buffering: Option<bool>,
    pub https_redirect_status_code: Option<u16>,
}

impl RouteRecord {
    /// When it was made, in seconds of Unix time.
    pub fn made_at(&self) -> u64 {
        self.created_at.unwrap_or_default() as u64
    }
}

/// One entry of a route's `sources` or `destinations`.
#[derive(Debug, Deserialize)]
pub(crate) struct EndpointRecord {
    pub ip: Option<String>,
    pub port: Option<u16>,
}

/// A plugin instance.
#[derive(Debug, Deserialize)]
pub(crate) struct PluginRecord {
    pub id: Uuid,
    pub name: String,
    pub enabled: bool,
    pub config: Option<Record>,
    pub protocols: Option<Vec<String>>,
    pub route: Option<Reference>,
    pub service: Option<Reference>,
    pub consumer: Option<Reference>,
}

/// An upstream.
#[derive(Debug, Deserialize)]
pub(crate) struct UpstreamRecord {
    pub id: Uuid,
    pub name: Arc<str>,
    pub host_header: Option<Arc<str>>,
    #[serde(default)]
    pub client_certificate: Option<Reference>,
    #[serde(default)]
    pub algorithm: String,
    #[serde(default)]
    pub slots: u32,
    #[serde(default)]
    pub healthchecks: ChecksRecord,
    #[serde(default)]
    pub use_srv_name: bool,
    #[serde(flatten)]
    pub hashing: HashingRecord,
}

/// How an upstream tells requests apart.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HashingRecord {
    pub hash_on: String,
    pub hash_fallback: String,
    pub hash_on_header: Option<String>,
    pub hash_fallback_header: Option<String>,
    pub hash_on_cookie: Option<String>,
    pub hash_on_cookie_path: Option<String>,
    pub hash_on_query_arg: Option<String>,
    pub hash_fallback_query_arg: Option<String>,
    pub hash_on_uri_capture: Option<String>,
    pub hash_fallback_uri_capture: Option<String>,
}

/// Health checks of an upstream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ChecksRecord {
    pub active: ActiveRecord,
    pub passive: PassiveRecord,
    pub threshold: f64,
}

/// Probes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ActiveRecord {
    pub r#type: String,
    pub timeout: f64,
    pub concurrency: u64,
    pub http_path: String,
    pub https_sni: Option<String>,
    pub https_verify_certificate: bool,
    pub headers: Option<BTreeMap<String, Vec<String>>>,
    pub healthy: HealthyRecord,
    pub unhealthy: UnhealthyRecord,
}

/// What is read off the traffic.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PassiveRecord {
    pub healthy: HealthyRecord,
    pub unhealthy: UnhealthyRecord,
}

/// What speaks for a peer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HealthyRecord {
    pub interval: f64,
    pub http_statuses: Vec<u16>,
    pub successes: u8,
}

/// What speaks against it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UnhealthyRecord {
    pub interval: f64,
    pub http_statuses: Vec<u16>,
    pub tcp_failures: u8,
    pub timeouts: u8,
    pub http_failures: u8,
}

/// A certificate with its key. Not to be printed.
#[derive(Deserialize)]
pub(crate) struct CertificateRecord {
    pub id: Uuid,
    pub cert: String,
    pub key: String,
    pub cert_alt: Option<String>,
    pub key_alt: Option<String>,
}

impl CertificateRecord {
    /// Its texts, which may be vault references.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let other = [&self.cert_alt, &self.key_alt].into_iter().flatten();
        [&self.cert, &self.key]
            .into_iter()
            .chain(other)
            .map(String::as_str)
    }
}

/// An authority.
#[derive(Debug, Deserialize)]
pub(crate) struct AuthorityRecord {
    pub id: Uuid,
    pub cert: String,
}

/// A name for which a certificate is shown.
#[derive(Debug, Deserialize)]
pub(crate) struct SniRecord {
    pub id: Uuid,
    pub name: Arc<str>,
    pub certificate: Reference,
}

/// A target.
#[derive(Debug, Deserialize)]
pub(crate) struct TargetRecord {
    pub id: Uuid,
    pub upstream: Reference,
    pub target: String,
    pub weight: u32,
    /// Seconds, to the millisecond.
    #[serde(default)]
    pub created_at: f64,
}
