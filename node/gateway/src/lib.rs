//! The data plane: listeners, the run loop of the phases, plans, peers.
//!
//! ```text
//!  events ─► feed ─► plan ──swap──► ┐
//!                                   ▼
//!  client ─► wire ─► codec ─► door ─► route ─► access ─► pick ─► link ─► peer
//!                                                                  │
//!  client ◄─ wire ◄─ codec ◄─ filters ◄──────────── head, body ◄───┘
//! ```
//!
//! Two kinds of threads. *Workers* serve: each owns its connections, its connections to peers, and its counters, and waits for nobody.
//! The *control* runtime does everything that takes its time: following events, compiling plans, resolving names, reading the store. They
//! meet at the plan, which a request reads once.
//!
//! The gateway does not know how configuration is replicated: it holds the store's port and follows its events. It does not
//! know a plugin by name: it runs what it was given.

mod access_log;
mod affinity;
mod answer;
mod backstage;
mod badge;
mod chain;
mod client;
mod counters;
mod desk;
mod door;
mod edited;
mod error_pages;
mod explain;
mod fields;
mod flow;
mod forward;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod gateway;
mod grpc;
mod hash;
mod intake;
mod limits;
mod load;
mod number;
mod options;
mod peer;
mod plan;
mod probe;
mod real_ip;
mod request_id;
mod rescue;
mod respond;
mod runloop;
mod scene;
mod shelf;
mod spans;
mod stream;
mod sweep;
mod tail;
mod to_client;
mod trailers;
mod view;
mod worker;

pub use access_log::Reopen;
pub use badge::BadgeError;
pub use client::{
    listen::{BoundAddress, ListenError},
    tls::{CertificateError, own_tls},
};
pub use counters::CounterSnapshot;
pub use error_pages::{ERROR_TEMPLATE_MAX_BYTES, ErrorPages, ErrorTemplate, ErrorTemplateError};
pub use explain::QuestionError;
pub use gateway::{Drained, Gateway, Gauges, StartError};
pub use limits::Limits;
pub use options::{
    AccessLog, ErrorType, GatewayOptions, HeaderTokens, KeepaliveOptions, KeyFiles, ListenOptions,
    TlsOptions, Tracing,
};
pub use plan::{
    PlanSize,
    feed::Word,
    pace::Pace,
    upstream::facts::{AddressFacts, TargetFacts, UpstreamFacts},
};
pub use real_ip::{RealIp, RealIpSource};
pub use spans::export::{Destination, DestinationError, Endpoint, EndpointError, Exporter};
