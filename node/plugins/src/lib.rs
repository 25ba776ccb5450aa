//! The bundled plugins, one folder each.
//!
//! A plugin is two files: `schema.rs` says what its configuration looks like, `handler.rs` what it does with an exchange; the
//! file named after it ties them together with its name and its place in the queue. Adding one is a folder and a line in
//! [`bundled`].
//!
//! What several plugins share stands beside them: reading a configuration (`config.rs`), query strings (`query.rs`), bodies that
//! carry fields (`form.rs`), and what every authentication plugin does with a known client (`authentication.rs`).

pub mod acl;
mod arguments;
mod authentication;
pub mod basic_auth;
pub mod bot_detection;
mod config;
pub mod correlation_id;
pub mod cors;
pub mod file_log;
mod form;
pub mod hmac_auth;
#[cfg(test)]
mod hostile;
pub mod http_log;
pub mod ip_restriction;
pub mod jwt;
pub mod key_auth;
mod limits;
pub mod prometheus;
mod query;
pub mod rate_limiting;
pub mod redirect;
pub mod request_size_limiting;
pub mod request_termination;
pub mod request_transformer;
pub mod response_ratelimiting;
pub mod response_transformer;
mod shipping;
#[cfg(test)]
mod stage;
pub mod tcp_log;
mod transform;
pub mod udp_log;

use std::sync::Arc;
use troop_plugin_api::Plugin;

pub use limits::tally::{Courier, Tally};

/// All of them, on a node that counts by itself.
pub fn bundled() -> Vec<Arc<dyn Plugin>> {
    bundled_with(&Arc::default())
}

/// All of them, on a node that keeps a tally with others.
pub fn bundled_with(tally: &Arc<Tally>) -> Vec<Arc<dyn Plugin>> {
    vec![
        Arc::new(acl::Acl),
        Arc::new(basic_auth::BasicAuth),
        Arc::new(bot_detection::BotDetection),
        Arc::new(correlation_id::CorrelationId),
        Arc::new(cors::Cors),
        Arc::new(file_log::plugin()),
        Arc::new(hmac_auth::HmacAuth),
        Arc::new(http_log::plugin()),
        Arc::new(ip_restriction::IpRestriction),
        Arc::new(jwt::Jwt),
        Arc::new(key_auth::KeyAuth),
        Arc::new(prometheus::Prometheus::default()),
        Arc::new(rate_limiting::RateLimiting::with(tally)),
        Arc::new(redirect::Redirect),
        Arc::new(request_size_limiting::RequestSizeLimiting),
        Arc::new(request_termination::RequestTermination),
        Arc::new(request_transformer::RequestTransformer),
        Arc::new(response_ratelimiting::ResponseRateLimiting::with(tally)),
        Arc::new(response_transformer::ResponseTransformer),
        Arc::new(tcp_log::plugin()),
        Arc::new(udp_log::plugin()),
    ]
}
