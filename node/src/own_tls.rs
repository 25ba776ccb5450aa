//! TLS of the node's own listeners: the Admin API and the status API.
//!
//! Read before anything starts: a certificate that cannot be used is a reason not to join a cluster, not a surprise at the first handshake.

use crate::wiring;
use anyhow::{Context, Result};
use rustls::ServerConfig;
use std::path::PathBuf;
use troop_gateway::own_tls;
use troop_settings::{Listen, Settings};

/// What is spoken there, for those that have an entry with TLS.
pub struct OwnTls {
    /// At the Admin API.
    pub admin: Option<ServerConfig>,
    /// At the status API.
    pub status: Option<ServerConfig>,
}

impl OwnTls {
    /// Reads certificates, or makes them where the settings name none.
    ///
    /// # Errors
    /// Names the setting and the file.
    pub fn read(settings: &Settings) -> Result<Self> {
        let authorities = settings.admin_ssl_client_ca.as_ref();
        let authorities = authorities.map(|path| settings.data_dir.join(path));
        let config =
            |name: &'static str, listens: &[Listen], files: [&[PathBuf]; 2], judges: Option<&PathBuf>| {
                if !listens.iter().any(|listen| listen.ssl) {
                    return Ok(None);
                }
                let options = wiring::tls_options(settings, files);
                own_tls(&options, judges.map(PathBuf::as_path))
                    .map(Some)
                    .context(name)
            };
        Ok(OwnTls {
            admin: config(
                "admin_listen",
                &settings.admin_listen,
                [&settings.admin_ssl_cert, &settings.admin_ssl_cert_key],
                authorities.as_ref(),
            )?,
            status: config(
                "status_listen",
                &settings.status_listen,
                [&settings.status_ssl_cert, &settings.status_ssl_cert_key],
                None,
            )?,
        })
    }
}
