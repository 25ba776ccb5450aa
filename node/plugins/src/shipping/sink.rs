//! Where a log goes.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use thiserror::Error;

/// Why a bundle was not taken. Says where it went, never what was in it.
#[derive(Debug, Error)]
pub(crate) enum Undelivered {
    /// The other side could not be reached, or broke off.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It did not answer in time.
    #[error("no answer in time")]
    Timeout,
    /// It refused.
    #[error("refused with status {0}")]
    Refused(u16),
    /// It answered something that is no answer.
    #[error("{0}")]
    Protocol(String),
}

/// Takes bundles of records, each a JSON document.
pub(crate) trait Sink: Send + 'static {
    /// For messages.
    fn name(&self) -> &'static str;

    /// Takes a bundle as a whole, or not.
    fn deliver<'a>(&'a mut self, bundle: &'a [Bytes]) -> BoxFuture<'a, Result<(), Undelivered>>;
}
