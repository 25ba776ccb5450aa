//! The bundled plugins, one folder each.
//!
//! A plugin is two files: `schema.rs` says what its configuration looks like, `handler.rs` what it does with an exchange; the
//! file named after it ties them together with its name and its place in the queue. Adding one is a folder and a line in
//! [`bundled`].
//!
//! What several plugins share stands beside them: reading a configuration (`config.rs`), query strings (`query.rs`), bodies that
//! carry fields (`form.rs`), and what every authentication plugin does with a known client (`authentication.rs`).

pub mod acl;
mod authentication;
pub mod basic_auth;
pub mod bot_detection;
mod config;
pub mod correlation_id;
pub mod cors;
mod form;
pub mod ip_restriction;
pub mod key_auth;
mod query;
pub mod redirect;
pub mod request_size_limiting;
pub mod request_termination;
#[cfg(test)]
mod stage;

use std::sync::Arc;
use troop_plugin_api::Plugin;

/// All of them.
pub fn bundled() -> Vec<Arc<dyn Plugin>> {
    vec![
        Arc::new(acl::Acl),
        Arc::new(basic_auth::BasicAuth),
        Arc::new(bot_detection::BotDetection),
        Arc::new(correlation_id::CorrelationId),
        Arc::new(cors::Cors),
        Arc::new(ip_restriction::IpRestriction),
        Arc::new(key_auth::KeyAuth),
        Arc::new(redirect::Redirect),
        Arc::new(request_size_limiting::RequestSizeLimiting),
        Arc::new(request_termination::RequestTermination),
    ]
}
