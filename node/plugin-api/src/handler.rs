//! A plugin's code with one instance's configuration inside.

use crate::{
    exchange::Exchange,
    log::LogRecord,
    phase::Phases,
    response::Response,
    session::{Session, SessionRecord},
    shared::Shared,
    verdict::{Failure, Verdict},
};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use std::future::Future;

/// What a turn in `access` gives: most handlers know at once, some have to wait.
pub enum Step<'a> {
    /// Known.
    Done(Result<Verdict, Failure>),
    /// Being found out.
    Later(LocalBoxFuture<'a, Result<Verdict, Failure>>),
}

impl<'a> Step<'a> {
    /// Known: go on.
    pub const GO_ON: Step<'static> = Step::Done(Ok(Verdict::Continue));

    /// To be awaited.
    pub fn later(future: impl Future<Output = Result<Verdict, Failure>> + 'a) -> Self {
        Step::Later(Box::pin(future))
    }
}

/// A piece of the response's body.
#[derive(Debug)]
pub struct Chunk {
    /// Its bytes; empty to swallow it.
    pub data: Bytes,
    /// Whether it is the last one.
    pub last: bool,
}

/// One instance of a plugin, ready to run. Shared by all exchanges of all workers.
///
/// A phase is only called if [`Handler::phases`] has it.
pub trait Handler: Send + Sync {
    /// In which phases it takes part.
    fn phases(&self) -> Phases;

    /// Names of arguments and headers whose values it takes for secrets of clients: no log writes those.
    fn secrets(&self) -> &[String] {
        &[]
    }

    /// Before routing.
    ///
    /// # Errors
    /// [`Failure`]: the client gets a 500.
    fn rewrite(&self, _exchange: &mut Exchange<'_>) -> Result<Verdict, Failure> {
        Ok(Verdict::Continue)
    }

    /// Before a peer is picked.
    fn access<'a>(&'a self, _exchange: &'a mut Exchange<'_>) -> Step<'a> {
        Step::GO_ON
    }

    /// When the head of the response is known, the gateway's own answers included.
    ///
    /// # Errors
    /// [`Failure`]: logged; the response goes on without this handler's changes.
    fn header_filter(&self, _shared: &mut Shared, _response: &mut Response<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// For each piece of the body.
    ///
    /// # Errors
    /// [`Failure`]: logged; the piece goes on as it is.
    fn body_filter(&self, _shared: &mut Shared, _chunk: &mut Chunk) -> Result<(), Failure> {
        Ok(())
    }

    /// When it is over.
    fn log(&self, _record: &LogRecord<'_>) {}

    /// Before a peer is picked for a session of bytes or datagrams. To respond is to end it without a word.
    ///
    /// # Errors
    /// [`Failure`]: the session ends.
    fn preread(&self, _session: &Session<'_>) -> Result<Verdict, Failure> {
        Ok(Verdict::Continue)
    }

    /// When a session is over.
    fn session_log(&self, _record: &SessionRecord<'_>) {}
}
