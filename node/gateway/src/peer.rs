//! The peer's side of an exchange: finding out whom to ask, asking, reading the answer.
//!
//! ```text
//! service ─► pick (upstream's rota | address | name ─► resolver) ─► link (pool | connect) ─► send ─► head ─► body
//!               ▲                                                                          │
//!               └───────────── another try, while tries are left and it is safe ◄──────────┘
//! ```
//!
//! HTTP/1.1 towards peers is spoken by a codec of our own: `head.rs` and `chunked.rs` read, `forward.rs` writes. A library client hides
//! what matters here, whether a byte of the request left before the connection broke, which decides if another try is safe,
//! and costs a task, two channels and a copy of the head per request.
//!
//! | file | subject |
//! |---|---|
//! | `pick.rs` | whom to ask, and what came of it |
//! | `resolve.rs`, `places.rs` | where names lead |
//! | `tries.rs` | the order of tries, whatever they travel on |
//! | `attempt.rs` | a try over HTTP/1.1, and when another one is safe |
//! | `connect.rs`, `stream.rs` | a new connection |
//! | `trust.rs`, `tls.rs` | whom to believe when it is one with TLS, and what to show |
//! | `pool.rs` | connections that wait for their next request |
//! | `call.rs`, `trunk.rs` | requests over HTTP/2, and the connections that carry them |
//! | `outflow.rs`, `inflow.rs` | the bodies of such a request and its response |
//! | `link.rs` | one connection with its buffers |
//! | `send.rs`, `upload.rs` | a request onto a link, its body behind it |
//! | `head.rs`, `chunked.rs`, `download.rs` | a response off a link |

pub(crate) mod attempt;
pub(crate) mod call;
pub(crate) mod chunked;
pub(crate) mod connect;
pub(crate) mod download;
pub(crate) mod head;
pub(crate) mod inflow;
pub(crate) mod link;
pub(crate) mod outflow;
pub(crate) mod pick;
pub(crate) mod places;
pub(crate) mod pool;
pub(crate) mod resolve;
pub(crate) mod send;
pub(crate) mod stream;
pub(crate) mod tls;
pub(crate) mod tries;
pub(crate) mod trunk;
pub(crate) mod trust;
pub(crate) mod upload;
