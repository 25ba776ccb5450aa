//! The body of the request, for the few handlers that must look into it.
//!
//! Bodies stream past. Who asks for one gets all of it at once, in memory, up to a limit, and the peer then gets the
//! same bytes; who does not ask costs nothing.

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use thiserror::Error;

/// Why the body is not to be had.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum BodyError {
    /// It is larger than a handler may hold in memory.
    #[error("the body is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The client broke off or sent something that is no body.
    #[error("the body could not be read: {0}")]
    Broken(String),
}

/// Where the body comes from.
pub trait BodySource {
    /// All of it. The second call gives the same bytes again.
    fn read(&mut self) -> LocalBoxFuture<'_, Result<Bytes, BodyError>>;

    /// Lowers the size beyond which the body is refused, while it streams past too.
    fn limit(&mut self, max_bytes: u64);

    /// Puts other bytes in its place; the peer gets these.
    fn replace(&mut self, body: Bytes);
}
