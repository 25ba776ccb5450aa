//! What goes back to the client.
//!
//! A handler fills a plain envelope, [`Answer`]; stamping it with the headers every answer carries is
//! somebody else's work ([`crate::envelope`]). Bodies are whole, except that of the event stream, which is
//! pulled piece by piece as fast as the client reads, so that a slow reader costs nothing but its own
//! connection.

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _};
use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Kong: the content type of every JSON answer, to the letter.
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// A response before the common headers are on it.
pub type Answer = Response<Body>;

/// What a handler gives: an answer or the reason why there is none.
pub type Reply = Result<Answer, crate::problem::Failure>;

/// The body of an answer.
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// Pieces as they come; ends when the stream ends.
    Stream(BoxStream<'static, Bytes>),
}

impl Body {
    /// The bytes of a body that is whole; `None` for a stream.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match self {
            Body::Whole(bytes) => Some(bytes),
            Body::Stream(_) => None,
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Bodies hold credentials: a log gets sizes only.
        match self {
            Body::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Body::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut *self {
            Body::Whole(bytes) if bytes.is_empty() => None,
            Body::Whole(bytes) => Some(std::mem::take(bytes)),
            Body::Stream(stream) => ready!(stream.poll_next_unpin(cx)),
        };
        Poll::Ready(piece.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Body::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Body::Stream(_) => SizeHint::default(),
        }
    }
}

/// A JSON document.
pub fn json(status: StatusCode, document: &Value) -> Answer {
    let bytes = serde_json::to_vec(document).expect("invariant: a JSON value has string keys only");
    with_type(status, JSON, bytes.into())
}

/// A JSON document with status 200.
pub fn ok(document: &Value) -> Answer {
    json(StatusCode::OK, document)
}

/// Kong: the short form of errors and confirmations, `{"message": …}`.
pub fn message(status: StatusCode, text: &str) -> Answer {
    json(status, &json!({ "message": text }))
}

/// No body at all.
pub fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Body::Whole(Bytes::new()));
    *answer.status_mut() = status;
    answer
}

/// Text of any type.
pub fn text(status: StatusCode, content_type: &'static str, text: impl Into<Bytes>) -> Answer {
    with_type(status, HeaderValue::from_static(content_type), text.into())
}

/// A stream of server-sent events.
pub fn events(stream: BoxStream<'static, Bytes>) -> Answer {
    let mut answer = Response::new(Body::Stream(stream));
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Lines of JSON, one document each.
pub fn lines(stream: BoxStream<'static, Bytes>) -> Answer {
    let mut answer = Response::new(Body::Stream(stream));
    let lines = HeaderValue::from_static("application/x-ndjson");
    answer.headers_mut().insert(header::CONTENT_TYPE, lines);
    answer
}

fn with_type(status: StatusCode, content_type: HeaderValue, bytes: Bytes) -> Answer {
    let mut answer = Response::new(Body::Whole(bytes));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, content_type);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    #[tokio::test]
    async fn a_stream_ends_when_its_source_ends() {
        let pieces = futures_util::stream::iter(["a", "b"].map(Bytes::from));
        let body = events(pieces.boxed()).into_body();
        assert_eq!(body.collect().await.unwrap().to_bytes(), "ab");
    }

    #[test]
    fn a_json_answer_knows_its_length_and_type() {
        let answer = message(StatusCode::NOT_FOUND, "Not found");
        assert_eq!(
            answer.headers()[header::CONTENT_TYPE],
            "application/json; charset=utf-8"
        );
        assert_eq!(answer.body().size_hint().exact(), Some(23));
    }

    #[test]
    fn debug_of_a_body_shows_no_content() {
        assert_eq!(format!("{:?}", Body::Whole("secret".into())), "Whole(6 bytes)");
    }
}
