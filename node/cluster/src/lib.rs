//! How processes become one cluster and stay sure of each other.
//!
//! A town with gates. Whoever founds it sets up a passport office ([`authority`]). Who wants to move in later shows an invitation
//! ([`token`]) at a gate whose picture is on it ([`fingerprint`]), and gets a passport with a number that nobody else ever
//! had ([`peer`]). Passport and key lie in the drawer at home ([`identity`], [`data_dir`]), and every conversation between
//! two citizens begins with both showing theirs ([`tls`], [`trust`]).
//!
//! The catch of such schemes is the first moment, when the newcomer knows nobody: here the invitation carries the
//! fingerprint of the office, so that the secret in it is never said to a stranger.
//!
//! These modules know nothing of Raft. They take the time as an argument and leave it to their callers to make a
//! token's use or a node's number part of the log.

pub mod authority;
pub mod data_dir;
mod durable;
pub mod fingerprint;
pub mod identity;
pub mod peer;
pub mod secret;
#[cfg(test)]
mod testing;
pub mod tls;
pub mod token;
pub mod trust;
