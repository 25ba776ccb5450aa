//! The response's body on its way to the client, and the end of the exchange.
//!
//! Whatever happens, an exchange ends exactly once: when the codec lets go of this body, be it after the last byte or because the client
//! left. That is where the log phase runs.

use crate::{
    chain::Chain,
    client::{Client, portion::Portions},
    peer::{
        download::{Download, DownloadError},
        inflow::Inflow,
    },
    tail::Tail,
    trailers::Trailers,
};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};
use troop_plugin_api::{Chunk, Phases, Shared};

/// Where the bytes come from.
pub(crate) enum Source {
    /// From memory.
    Whole(Bytes),
    /// From a peer.
    Peer(Download),
    /// From a peer, over HTTP/2.
    Call(Box<Inflow>),
}

impl Source {
    fn has_trailers(&self) -> bool {
        match self {
            Source::Whole(_) => false,
            Source::Peer(download) => download.has_trailers(),
            Source::Call(inflow) => inflow.has_trailers(),
        }
    }

    fn take_trailers(&mut self) -> Option<Box<Trailers>> {
        match self {
            Source::Whole(_) => None,
            Source::Peer(download) => download.take_trailers(),
            Source::Call(inflow) => inflow.take_trailers(),
        }
    }
}

/// A response's body.
pub(crate) struct ToClient {
    source: Source,
    client: Rc<Client>,
    sent: u64,
    /// How it is served, on a stream.
    portions: Option<Box<Portions>>,
    filters: Option<Box<Filters>>,
    tail: Option<Box<Tail>>,
}

/// Handlers that look at every piece.
pub(crate) struct Filters {
    pub chain: Rc<Chain>,
    pub shared: Shared,
    ended: bool,
}

impl Filters {
    /// If the chain has any.
    pub fn of(chain: &Rc<Chain>, shared: &Shared) -> Option<Box<Filters>> {
        chain.has(Phases::BODY_FILTER).then(|| {
            Box::new(Filters {
                chain: Rc::clone(chain),
                shared: shared.clone(),
                ended: false,
            })
        })
    }

    fn apply(&mut self, data: Bytes, last: bool) -> Bytes {
        let mut chunk = Chunk { data, last };
        for link in self.chain.of(Phases::BODY_FILTER) {
            if let Err(failure) = link.handler.body_filter(&mut self.shared, &mut chunk) {
                tracing::error!(error = %failure, "a body filter failed; the piece goes on as it is");
            }
        }
        chunk.data
    }
}

impl ToClient {
    /// A body, and what to do when it ended.
    pub fn new(
        source: Source,
        client: Rc<Client>,
        filters: Option<Box<Filters>>,
        tail: Option<Box<Tail>>,
    ) -> Self {
        ToClient {
            source,
            portions: client.is_stream.then(Box::default),
            client,
            sent: 0,
            filters,
            tail,
        }
    }

    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, DownloadError>>> {
        match &mut self.source {
            Source::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Source::Whole(bytes) => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            Source::Peer(download) => download.poll_piece(cx),
            Source::Call(inflow) => inflow.poll_piece(cx),
        }
    }

    fn is_source_done(&self) -> bool {
        match &self.source {
            Source::Whole(bytes) => bytes.is_empty(),
            Source::Peer(download) => download.is_done(),
            Source::Call(inflow) => inflow.has_ended(),
        }
    }

    fn poll_filtered(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, DownloadError>>> {
        loop {
            let piece = ready!(self.poll_source(cx));
            let last = self.is_source_done();
            let Some(filters) = &mut self.filters else {
                return Poll::Ready(piece);
            };
            let data = match piece {
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None if filters.ended => return Poll::Ready(None),
                None => Bytes::new(),
                Some(Ok(data)) => data,
            };
            filters.ended = last;
            let data = filters.apply(data, last);
            if !data.is_empty() {
                return Poll::Ready(Some(Ok(data)));
            }
            if last {
                return Poll::Ready(None);
            }
        }
    }
}

impl Body for ToClient {
    type Data = Bytes;
    type Error = DownloadError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, DownloadError>>> {
        let this = self.get_mut();
        if let Some(portions) = &mut this.portions {
            this.client.progressed(portions.taken());
            if let Some(portion) = portions.next() {
                this.sent += portion.len() as u64;
                return Poll::Ready(Some(Ok(Frame::data(portion))));
            }
        }
        let piece = ready!(this.poll_filtered(cx));
        // RFC 9110 §6.5.1: the codec of HTTP/1.1 sends them to a client that said `TE: trailers`, those that `Trailer` in the head announced.
        // In HTTP/2 they have a frame of their own and calls end with them, so there every client gets them.
        if piece.is_none()
            && let Some(trailers) = this.source.take_trailers()
        {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers.into_map()))));
        }
        Poll::Ready(piece.map(|piece| {
            let mut data = piece?;
            if let Some(portions) = &mut this.portions {
                data = portions.first(data);
            }
            this.sent += data.len() as u64;
            Ok(Frame::data(data))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.is_source_done()
            && !self.source.has_trailers()
            && self.portions.as_ref().is_none_or(|portions| portions.is_empty())
            && self.filters.as_ref().is_none_or(|filters| filters.ended)
    }

    fn size_hint(&self) -> SizeHint {
        if self.filters.is_some() {
            return SizeHint::default();
        }
        match &self.source {
            Source::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Peer(download) => download
                .left()
                .map_or_else(SizeHint::default, SizeHint::with_exact),
            Source::Call(_) => SizeHint::default(),
        }
    }
}

impl Drop for ToClient {
    fn drop(&mut self) {
        self.client.answer_ends();
        if let Some(tail) = self.tail.take() {
            tail.finish(&self.client, self.sent);
        }
    }
}
