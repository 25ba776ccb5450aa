//! What a handler says at the end of its turn.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use std::borrow::Cow;
use thiserror::Error;

/// Go on, or stop here.
#[derive(Debug)]
pub enum Verdict {
    /// The next handler's turn.
    Continue,
    /// This is the answer; no later handler has a turn in `access`.
    Respond(Box<Reply>),
}

/// An answer made by a handler.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Fields besides those the body brings.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: ReplyBody,
}

/// The body of an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum ReplyBody {
    /// None.
    Empty,
    /// Rendered as the client's `Accept` asks for, with the request id beside it.
    Message(Cow<'static, str>),
    /// Exactly these bytes.
    Exact {
        /// Their `Content-Type`; none is sent without one.
        content_type: Option<HeaderValue>,
        /// The bytes.
        bytes: Bytes,
    },
}

impl Reply {
    /// An error in the client's preferred format.
    pub fn error(status: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Reply {
            status,
            headers: Vec::new(),
            body: ReplyBody::Message(message.into()),
        }
    }

    /// A JSON document as it is.
    pub fn json(status: u16, document: &serde_json::Value) -> Self {
        Reply {
            status,
            headers: Vec::new(),
            body: ReplyBody::Exact {
                content_type: Some(HeaderValue::from_static("application/json; charset=utf-8")),
                bytes: document.to_string().into(),
            },
        }
    }

    /// A status and nothing else.
    pub fn empty(status: u16) -> Self {
        Reply {
            status,
            headers: Vec::new(),
            body: ReplyBody::Empty,
        }
    }

    /// With one more field.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl From<Reply> for Verdict {
    fn from(reply: Reply) -> Self {
        Verdict::Respond(Box::new(reply))
    }
}

/// A handler could not do its work. The client gets a 500 that does not say why; the log does.
#[derive(Debug, Error)]
#[error("{what}")]
pub struct Failure {
    what: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Failure {
    /// A failure of the handler's own.
    pub fn new(what: impl Into<String>) -> Self {
        Failure {
            what: what.into(),
            source: None,
        }
    }

    /// A failure with its cause.
    pub fn caused_by(
        what: impl Into<String>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Failure {
            what: what.into(),
            source: Some(Box::new(source)),
        }
    }
}
