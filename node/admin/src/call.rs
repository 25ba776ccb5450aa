//! One request, opened and sorted.

use crate::{batch::Batch, idempotency::Ticket, payload::Payload, query, query::Query, terms::Terms};
use http::{HeaderMap, Method};
use std::sync::Arc;

/// A variable segment of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// As it stands in the URL.
    pub raw: String,
    /// Decoded.
    pub text: String,
}

impl Param {
    /// Decodes a segment.
    pub fn new(raw: &str) -> Self {
        Param {
            raw: raw.to_owned(),
            text: query::unescape(raw),
        }
    }
}

/// A request as handlers see it.
#[derive(Debug)]
pub struct Call {
    /// What to do; `HEAD` arrives as `GET`.
    pub method: Method,
    /// The variable segments, in order.
    pub params: Vec<Param>,
    /// Arguments of the URL.
    pub query: Query,
    /// The body of a POST, PUT or PATCH.
    pub payload: Payload,
    /// Our own words.
    pub terms: Terms,
    /// The head.
    pub headers: HeaderMap,
    /// Who asks, for the history.
    pub actor: String,
    /// The writes that this one is made together with.
    pub batch: Option<Arc<Batch>>,
    /// What makes a retry of it recognisable.
    pub ticket: Option<Ticket>,
}

impl Call {
    /// The variable segment at `at`, decoded.
    pub fn param(&self, at: usize) -> &str {
        self.params.get(at).map_or("", |param| param.text.as_str())
    }

    /// The variable segment at `at`, as it stands in the URL.
    pub fn raw_param(&self, at: usize) -> &str {
        self.params.get(at).map_or("", |param| param.raw.as_str())
    }
}
