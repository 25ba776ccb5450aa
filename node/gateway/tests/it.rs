//! The data plane over real sockets: origins that echo, a store in memory, clients that speak raw HTTP.
//!
//! One binary, so that it links once. `it/house.rs` builds a gateway with a store, `it/origin.rs` the origins, `it/wire.rs` the client.

#[path = "it/balancing.rs"]
mod balancing;
#[path = "it/belonging.rs"]
mod belonging;
#[path = "it/bodies.rs"]
mod bodies;
#[path = "it/calls.rs"]
mod calls;
#[path = "it/certificates.rs"]
mod certificates;
#[path = "it/ending.rs"]
mod ending;
#[path = "it/faults.rs"]
mod faults;
#[path = "it/guarding.rs"]
mod guarding;
#[path = "it/health.rs"]
mod health;
#[path = "it/house.rs"]
mod house;
#[path = "it/maintenance.rs"]
mod maintenance;
#[path = "it/origin.rs"]
mod origin;
#[path = "it/plugins.rs"]
mod plugins;
#[path = "it/probing.rs"]
mod probing;
#[path = "it/proxying.rs"]
mod proxying;
#[path = "it/streams.rs"]
mod streams;
#[path = "it/strictness.rs"]
mod strictness;
#[path = "it/switchboard.rs"]
mod switchboard;
#[path = "it/tls.rs"]
mod tls;
#[path = "it/trailers.rs"]
mod trailers;
#[path = "it/unix.rs"]
mod unix;
#[path = "it/vouching.rs"]
mod vouching;
#[path = "it/wire.rs"]
mod wire;
