//! Connections and datagrams that are passed on as they come.
//!
//! A switchboard instead of a clerk: where a call comes from, where it goes to and the name the caller asks for decide with whom it is connected;
//! what is then said is nobody's business here.
//!
//! ```text
//! client ─► arrive ─► first words (if they could matter) ─► route ─► preread ─► pick, connect ─► pass both ways ─► session log
//!                                                          closed   plugins    retries          until both are done or quiet
//! ```
//!
//! The catch: there is no way to say no. Whoever finds no route, no peer or no favour with a plugin is hung up on; why stands in the log.
//!
//! | file | subject |
//! |---|---|
//! | `hello.rs` | whether the first words are TLS, and for whom |
//! | `call.rs` | route, plugins, and a peer for a session |
//! | `session.rs` | a connection |
//! | `ending.rs` | what is told of a session that is over |
//! | `datagrams.rs` | datagrams, each client's being a session |

pub(crate) mod call;
pub(crate) mod datagrams;
mod ending;
pub(crate) mod hello;
pub(crate) mod session;
