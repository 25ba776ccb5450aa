//! The status listener: what load balancers and monitoring ask, on a port of its own, with nothing on it that
//! changes anything.
//!
//! `/status` (Kong's document), `/status/ready` (may traffic come?), `/metrics` (Prometheus text).
//!
//! Kong: `POST /status/ready {"status":"draining"}` lets an operator take a node out of rotation before
//! stopping it.

use crate::{
    answer::{self, Answer, Reply},
    custom::{metrics, server_document},
    envelope::{self, Sender},
    options::Options,
    payload::Payload,
    ports::{ClusterControl, NodeFacts, Serving},
    problem::Failure,
    query::Query,
    server::Service,
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, Request, StatusCode, header};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use troop_txn::Store;

/// What a [`StatusApi`] is made of.
pub struct StatusParts {
    /// The replicated state.
    pub store: Arc<dyn Store>,
    /// What data planes serve.
    pub serving: Arc<dyn Serving>,
    /// For the node's health.
    pub cluster: Arc<dyn ClusterControl>,
    /// What this node is.
    pub facts: Arc<dyn NodeFacts>,
    /// Limits and times.
    pub options: Options,
}

/// The status API.
pub struct StatusApi {
    parts: StatusParts,
    draining: AtomicBool,
}

impl StatusApi {
    /// Ready to answer.
    pub fn new(parts: StatusParts) -> Arc<StatusApi> {
        Arc::new(StatusApi {
            parts,
            draining: AtomicBool::new(false),
        })
    }

    /// Answers one request whose body is complete.
    pub async fn answer(&self, request: Request<Bytes>) -> Answer {
        let started = Instant::now();
        let sender = Sender::of(request.headers());
        let mut answer = self.reply(&request).await.unwrap_or_else(Failure::into_answer);
        envelope::stamp(&mut answer, sender, started.elapsed(), &self.parts.options);
        answer
    }

    async fn reply(&self, request: &Request<Bytes>) -> Reply {
        let path = request.uri().path();
        let method = if request.method() == Method::HEAD {
            &Method::GET
        } else {
            request.method()
        };
        match (path.strip_suffix('/').unwrap_or(path), method) {
            ("/status", &Method::GET) => self.status(request).await,
            ("/status/ready", &Method::GET) => self.ready(),
            ("/status/ready", &Method::POST) => self.drain(request),
            ("/status/dns", &Method::GET) => Err(Failure::other(
                StatusCode::NOT_IMPLEMENTED,
                "not implemented with the legacy DNS client",
            )),
            ("/metrics", &Method::GET) => {
                let StatusParts {
                    store,
                    serving,
                    facts,
                    ..
                } = &self.parts;
                Ok(metrics(&**store, &**serving, &**facts))
            }
            ("/status" | "/status/ready" | "/status/dns" | "/metrics", _) => Err(Failure::MethodNotAllowed),
            _ => Err(Failure::NotFound),
        }
    }

    async fn status(&self, request: &Request<Bytes>) -> Reply {
        let query = Query::parse(
            request.uri().query().unwrap_or_default(),
            self.parts.options.args_max,
        )?;
        let document = server_document(
            &*self.parts.facts,
            &*self.parts.cluster,
            &*self.parts.store,
            &query,
        )
        .await?;
        Ok(answer::ok(&document))
    }

    fn ready(&self) -> Reply {
        if self.draining.load(Ordering::Relaxed) {
            return Err(Failure::other(StatusCode::SERVICE_UNAVAILABLE, "draining"));
        }
        match self.parts.facts.ready() {
            Ok(()) => Ok(answer::message(StatusCode::OK, "ready")),
            Err(reason) => Err(Failure::other(StatusCode::SERVICE_UNAVAILABLE, reason)),
        }
    }

    fn drain(&self, request: &Request<Bytes>) -> Reply {
        let content_type = request
            .headers()
            .get(header::CONTENT_TYPE)
            .map(|value| value.to_str().unwrap_or("?"));
        let payload = Payload::read(content_type, request.body(), &self.parts.options)?;
        match payload.fields().get("status").and_then(|status| status.as_str()) {
            Some("draining") => {
                self.draining.store(true, Ordering::Relaxed);
                Ok(answer::empty(StatusCode::NO_CONTENT))
            }
            _ => Err(Failure::bad("invalid status: expected 'draining'")),
        }
    }
}

impl Service for StatusApi {
    fn answer(&self, request: Request<Bytes>) -> BoxFuture<'_, Answer> {
        Box::pin(StatusApi::answer(self, request))
    }

    fn refuse(&self, failure: Failure) -> Answer {
        let mut answer = failure.into_answer();
        envelope::stamp(
            &mut answer,
            Sender::default(),
            Duration::ZERO,
            &self.parts.options,
        );
        answer
    }

    fn options(&self) -> &Options {
        &self.parts.options
    }

    fn close(&self) {}
}
