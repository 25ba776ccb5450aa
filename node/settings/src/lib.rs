//! How one process runs: which sockets it opens, where its data lie, how it finds its cluster.
//!
//! Think of the sheet taped to a machine on a factory floor: it belongs to this machine only, and
//! nobody else in the hall follows it. What the whole cluster agrees on (services, routes, plugins)
//! is *configuration* and lives in the store; what is written here is *settings*.
//!
//! One [table](fn@table) holds every setting: name, type, default, Kong's name for it and its text. The
//! [`Settings`] struct, the flags of `troop start`, the parser and the reference page all derive
//! from it, so adding a setting is one row.
//!
//! The catch: five places may speak about one setting. Rising in precedence they are the default, the
//! file, `KONG_*` variables, `TROOP_*` variables and flags. An error therefore always says *where* the
//! refused value was written, and everything wrong is reported at once.
//!
//! This crate opens no file and reads no environment: [`load()`] takes both as arguments.

mod check;
mod choice;
mod ciphers;
mod conf_file;
mod headers;
mod listen;
mod load;
mod names;
mod problem;
mod quantity;
mod real_ip;
mod reference;
mod secret;
mod share;
mod stream_listen;
mod table;
mod tls;
mod tracing;
mod trusted_ips;
mod value;
mod web_origin;

pub use choice::{AccessLog, ErrorType, LogFormat, LogLevel, PluginNames, StreamAccessLog, Workers};
pub use ciphers::Ciphers;
pub use conf_file::ConfFile;
pub use headers::{Headers, HeadersUpstream};
pub use ipnet::IpNet;
pub use listen::{HostPort, Listen};
pub use load::{Effective, Loaded, Sources, load};
pub use problem::{Place, Rejected, SettingError};
pub use quantity::ByteSize;
pub use real_ip::RealIpHeader;
pub use reference::reference;
pub use secret::Secret;
pub use share::Share;
pub use stream_listen::StreamListen;
pub use table::{Section, Setting, Settings, table};
pub use tls::{CipherSuite, Protocols};
pub use tracing::Instrumentations;
pub use trusted_ips::TrustedIps;
pub use web_origin::WebOrigin;
