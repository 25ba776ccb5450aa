//! Changes through the Admin API as spans.
//!
//! A clerk at the door who notes when a wish came in and when it was answered. Reading is not noted: monitors read all day.

use crate::{answer::Answer, options::Options, problem::Failure, server::Service};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, Request};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use troop_telemetry::trace::{Fact, Journey, Side, Span, Spans, Waybill};

/// A service whose writes are spans.
pub struct Traced {
    inner: Arc<dyn Service>,
    spans: Arc<dyn Spans>,
    share: f64,
}

impl Traced {
    /// Of the journeys that begin here this share is kept.
    pub fn new(inner: Arc<dyn Service>, spans: Arc<dyn Spans>, share: f64) -> Arc<Self> {
        Arc::new(Traced { inner, spans, share })
    }

    async fn answer_and_note(&self, request: Request<Bytes>, journey: Journey) -> Answer {
        let facts = vec![
            ("http.request.method", Fact::from(request.method().as_str())),
            ("url.path", request.uri().path().into()),
        ];
        let name = match *request.method() {
            Method::POST => "admin POST",
            Method::PUT => "admin PUT",
            Method::PATCH => "admin PATCH",
            _ => "admin DELETE",
        };
        let from_ns = now_ns();
        let answer = self.inner.answer(request).await;
        let status = answer.status().as_u16();
        let mut span = Span {
            trace_id: journey.trace_id,
            id: journey.id,
            parent: journey.parent,
            name: name.into(),
            side: Side::Server,
            from_ns,
            to_ns: now_ns(),
            facts,
            failed: status >= 500,
        };
        span.facts.push(("http.response.status_code", status.into()));
        self.spans.take(span);
        answer
    }
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn is_write(method: &Method) -> bool {
    matches!(
        *method,
        Method::POST | Method::PUT | Method::PATCH | Method::DELETE
    )
}

impl Service for Traced {
    fn answer(&self, request: Request<Bytes>) -> BoxFuture<'_, Answer> {
        if !is_write(request.method()) {
            return self.inner.answer(request);
        }
        let came = Waybill::read(|name| request.headers().get(name)?.to_str().ok());
        let journey = Journey::begin(came, rand::random(), rand::random(), self.share);
        if journey.kept {
            Box::pin(self.answer_and_note(request, journey))
        } else {
            self.inner.answer(request)
        }
    }

    fn refuse(&self, failure: Failure) -> Answer {
        self.inner.refuse(failure)
    }

    fn options(&self) -> &Options {
        self.inner.options()
    }

    fn close(&self) {
        self.inner.close();
    }
}
