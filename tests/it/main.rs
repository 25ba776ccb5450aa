//! Facts about real processes.
//!
//! One file per subject. Every test has processes of its own and ends them; those with a cluster end by comparing the state of all
//! its nodes ([`troop_tests::cluster`]).

mod access_log;
mod admin_input;
mod admission;
mod agreement;
mod away;
mod balancing;
mod clients;
mod command_line;
mod counting;
mod credentials;
mod declaring;
mod ending;
mod failover;
mod flavors;
mod house;
mod importing;
mod log_level;
mod measuring;
mod membership;
mod own_tls;
mod plugging;
mod proxying;
mod refusals;
mod rolling;
mod routing;
mod serving;
mod sockets;
mod storm;
mod switching;
mod tracing;
mod watching;
mod writers;
