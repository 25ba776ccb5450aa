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
//! Those modules know nothing of Raft and take the time as an argument. On them stand the ones that live in a running cluster:
//! [`entry`] (founding, joining), [`roster`] (the cluster's own rows), [`cluster`] with [`members`], [`leadership`], [`tokens`] and [`keeper`] (the
//! node among nodes), [`question`] (what others ask it), and [`port`] with [`dial`] (being called and calling).

pub mod admit;
pub mod authority;
pub mod cluster;
pub mod data_dir;
pub mod dial;
mod durable;
pub mod entry;
pub mod fingerprint;
pub mod gate;
pub mod identity;
pub mod keeper;
pub mod leadership;
pub mod listen;
pub mod members;
pub mod peer;
pub mod port;
pub mod question;
pub mod roster;
pub mod secret;
pub mod service;
#[cfg(test)]
mod testing;
pub mod tls;
pub mod token;
pub mod tokens;
pub mod trust;
pub mod writer;
