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
    pub regex_priority: Option<i64>,
    pub strip_path: Option<bool>,
    pub preserve_host: Option<bool>,
    pub request_buffering: Option<bool>,
    pub https_redirect_status_code: Option<u16>,
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
}

/// A target.
#[derive(Debug, Deserialize)]
pub(crate) struct TargetRecord {
    pub id: Uuid,
    pub upstream: Reference,
    pub target: String,
    pub weight: u32,
}
