//! Everything that can go wrong, and how HTTP says it. The only place that does.
//!
//! Handlers speak of what happened (`NotFound`, `NoQuorum`); a client wants a status and a sentence. Keeping
//! the translation in one file keeps it one: the same failure never shows two faces.
//!
//! The catch: three writers of sentences meet here. Kong's own words must match to the letter; errors of
//! entities come as finished documents from the catalog; and failures Kong does not know (no quorum, an
//! unknown outcome) must tell a person what happened to the change, because that is the first question they
//! will have.

use crate::{
    answer::{self, Answer},
    ports::{ControlError, Served},
};
use http::StatusCode;
use serde_json::{Value, json};
use thiserror::Error;
use troop_catalog::Problem;
use troop_txn::{EventsError, ProposeError, ReadError, RequestId, Revision, ViewError};

/// Why a request has no good answer.
#[derive(Debug, Error)]
pub enum Failure {
    /// The entity layer's own error object.
    #[error("{}", .0.message())]
    Entity(#[from] Problem),
    /// No such path, entity or relation.
    #[error("Not found")]
    NotFound,
    /// The same, with a number for the log.
    ///
    /// Kong: a few handlers answer by another way than most, and clients see the number.
    #[error("Not found")]
    NotFoundNumbered(u128),
    /// The path exists, the method does not.
    #[error("Method not allowed")]
    MethodNotAllowed,
    /// A body of a type that is not read here.
    #[error("Unsupported Media Type")]
    UnsupportedMediaType,
    /// A body larger than allowed.
    #[error("Request Entity Too Large")]
    BodyTooLarge,
    /// The client stopped sending.
    #[error("the request body did not arrive in time")]
    BodyTimeout,
    /// A body that is not JSON though it says so.
    #[error("Cannot parse JSON body")]
    BadJson,
    /// More arguments than allowed, or nested too deeply.
    #[error("Too many arguments")]
    TooManyArguments,
    /// Anything else with a status of its own and a sentence.
    #[error("{text}")]
    Other {
        /// The status.
        status: StatusCode,
        /// The sentence.
        text: String,
    },
    /// The entity changed since the client read it.
    #[error("the entity is at revision {now}, which is not what If-Match or If-None-Match asks for")]
    PreconditionFailed {
        /// Where it is.
        now: Revision,
    },
    /// One line of a batch has no good answer, so nothing of it was done.
    #[error("operation {at}: {failure}")]
    Line {
        /// Which, counted from zero.
        at: usize,
        /// Why.
        #[source]
        failure: Box<Failure>,
    },
    /// Reading needs a quorum and there is none.
    #[error(
        "this read needs a quorum: {0}; nothing else is wrong with it, ?consistency=local reads this node's own state"
    )]
    ReadUnavailable(String),
    /// This node has not caught up with a revision in time.
    #[error("this node did not reach revision {wanted} in time; it is at {applied}")]
    Behind {
        /// Asked for.
        wanted: Revision,
        /// There.
        applied: Revision,
    },
    /// Writing needs a quorum and there is none. Nothing changed.
    #[error("the change was not made: {0}")]
    WriteUnavailable(String),
    /// The change may or may not have been made.
    #[error("the change was sent to the cluster and its outcome is unknown: {reason}")]
    WriteUnknown {
        /// The id to ask about it.
        request: RequestId,
        /// What was waited for.
        reason: String,
    },
    /// The change does not fit one log entry. Nothing changed.
    #[error("the change was not made: it encodes to {bytes} bytes and one log entry may have {limit}")]
    WriteTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Others changed the same things again and again. Nothing changed.
    #[error("the change was not made: others changed what it is about, {attempts} times in a row")]
    Contended {
        /// How often it was planned.
        attempts: u32,
    },
    /// A strict wait ran out. The change was made.
    #[error("the change is committed at revision {revision} and was not served everywhere in time")]
    NotServed {
        /// The revision of the change.
        revision: Revision,
        /// Who serves it.
        served: Served,
    },
    /// The cluster refused an order.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// This node's storage is broken.
    #[error(transparent)]
    Storage(#[from] ViewError),
    /// Events asked for are no longer kept.
    #[error("events up to {after} are compacted; the history starts at {floor}")]
    Compacted {
        /// Asked for what follows this.
        after: Revision,
        /// First revision kept.
        floor: Revision,
    },
}

impl Failure {
    /// A sentence with a status of its own.
    pub fn other(status: StatusCode, text: impl Into<String>) -> Self {
        Failure::Other {
            status,
            text: text.into(),
        }
    }

    /// 400 with a sentence.
    pub fn bad(text: impl Into<String>) -> Self {
        Self::other(StatusCode::BAD_REQUEST, text)
    }

    /// Its answer.
    pub fn into_answer(self) -> Answer {
        let status = self.status();
        if status.is_server_error() {
            tracing::warn!(
                status = status.as_u16(),
                reason = causes(&self),
                "an Admin request failed"
            );
        }
        match &self {
            Failure::UnsupportedMediaType | Failure::BodyTooLarge => builtin_page(status),
            _ => answer::json(status, &self.document()),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Failure::Entity(problem) => {
                StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Failure::Other { status, .. } => *status,
            Failure::BadJson | Failure::TooManyArguments => StatusCode::BAD_REQUEST,
            Failure::NotFound | Failure::NotFoundNumbered(_) => StatusCode::NOT_FOUND,
            // Kong: without the `Allow` header that RFC 9110 asks for.
            Failure::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Failure::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Failure::Compacted { .. } => StatusCode::GONE,
            Failure::PreconditionFailed { .. } => StatusCode::PRECONDITION_FAILED,
            Failure::BodyTooLarge | Failure::WriteTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Failure::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Failure::Storage(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Failure::ReadUnavailable(_) | Failure::WriteUnavailable(_) | Failure::Contended { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Failure::Behind { .. } | Failure::WriteUnknown { .. } | Failure::NotServed { .. } => {
                StatusCode::GATEWAY_TIMEOUT
            }
            Failure::Control(error) => control_status(error),
            Failure::Line { failure, .. } => failure.status(),
        }
    }

    fn document(&self) -> Value {
        let message = self.to_string();
        match self {
            Failure::Entity(problem) => problem.to_json(),
            Failure::Line { at, failure } => {
                json!({ "message": message, "operation": at, "error": failure.document() })
            }
            Failure::Behind { wanted, applied } => {
                json!({ "message": message, "wanted": wanted.get(), "applied": applied.get() })
            }
            Failure::WriteUnknown { request, .. } => {
                json!({ "message": message, "request_id": request.to_string() })
            }
            Failure::NotFoundNumbered(number) => {
                json!({ "message": message, "request_id": format!("{number:032x}") })
            }
            Failure::Compacted { floor, .. } => json!({ "message": message, "floor": floor.get() }),
            Failure::PreconditionFailed { now } => json!({ "message": message, "revision": now.get() }),
            Failure::NotServed { revision, served } => json!({
                "message": message, "revision": revision.get(), "served_by": served.by, "missing": served.missing,
            }),
            _ => json!({ "message": message }),
        }
    }
}

/// The sentence with what lies behind it: Kong's "An unexpected error occurred" is for the wire, not for the log.
fn causes(failure: &Failure) -> String {
    let mut text = failure.to_string();
    let mut cause = std::error::Error::source(failure);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn control_status(error: &ControlError) -> StatusCode {
    match error {
        ControlError::Invalid(_) => StatusCode::BAD_REQUEST,
        ControlError::NotFound(_) => StatusCode::NOT_FOUND,
        ControlError::Conflict(_) => StatusCode::CONFLICT,
        ControlError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        ControlError::Unknown(_) => StatusCode::GATEWAY_TIMEOUT,
    }
}

/// Kong: nginx answers these before Kong sees the request, with its own page.
fn builtin_page(status: StatusCode) -> Answer {
    let title = match status {
        // Kong: nginx's older wording.
        StatusCode::PAYLOAD_TOO_LARGE => "413 Request Entity Too Large".to_owned(),
        _ => status.to_string(),
    };
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
         <hr><center>kong</center>\r\n</body>\r\n</html>\r\n"
    );
    answer::text(status, "text/html; charset=UTF-8", page)
}

impl From<ProposeError> for Failure {
    fn from(error: ProposeError) -> Self {
        match error {
            ProposeError::TooLarge { bytes, limit } => Failure::WriteTooLarge { bytes, limit },
            ProposeError::Unknown { request, reason } => Failure::WriteUnknown { request, reason },
            ProposeError::Unavailable(_) | ProposeError::Stopped(_) => {
                Failure::WriteUnavailable(error.to_string())
            }
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Behind { wanted, applied } => Failure::Behind { wanted, applied },
            ReadError::Unavailable(_) | ReadError::Stopped(_) => Failure::ReadUnavailable(error.to_string()),
        }
    }
}

impl From<EventsError> for Failure {
    fn from(error: EventsError) -> Self {
        match error {
            EventsError::Compacted { after, floor } => Failure::Compacted { after, floor },
            EventsError::View(error) => Failure::Storage(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(failure: impl Into<Failure>, status: u16, text: &str) {
        let answer = failure.into().into_answer();
        assert_eq!(answer.status(), status);
        let body = String::from_utf8_lossy(answer.body().as_bytes().unwrap()).into_owned();
        assert!(body.contains(text), "{body} has no {text}");
    }

    #[test]
    fn each_failure_has_its_status_and_says_what_became_of_the_change() {
        check(Failure::NotFound, 404, r#"{"message":"Not found"}"#);
        check(
            Failure::NotFoundNumbered(7),
            404,
            r#""request_id":"00000000000000000000000000000007""#,
        );
        check(
            Failure::MethodNotAllowed,
            405,
            r#"{"message":"Method not allowed"}"#,
        );
        check(Failure::BadJson, 400, r#"{"message":"Cannot parse JSON body"}"#);
        check(
            Failure::UnsupportedMediaType,
            415,
            "<title>415 Unsupported Media Type</title>",
        );
        check(
            Failure::BodyTooLarge,
            413,
            "<title>413 Request Entity Too Large</title>",
        );
        check(
            ProposeError::Unavailable("2 of 3 voters do not answer".into()),
            503,
            "was not made: no quorum: 2 of 3",
        );
        check(
            ProposeError::TooLarge { bytes: 2, limit: 1 },
            413,
            "encodes to 2 bytes",
        );
        check(
            ReadError::Unavailable("no leader".into()),
            503,
            "?consistency=local",
        );
        let request = RequestId {
            client: 1,
            sequence: 7,
        };
        let unknown = ProposeError::Unknown {
            request,
            reason: "no answer".into(),
        };
        check(
            unknown,
            504,
            r#""request_id":"00000000000000000000000000000001-7""#,
        );
        let behind = ReadError::Behind {
            wanted: Revision::new(9),
            applied: Revision::new(3),
        };
        check(behind, 504, r#""wanted":9"#);
        let served = Served {
            complete: false,
            by: vec![1],
            missing: vec![2],
        };
        check(
            Failure::NotServed {
                revision: Revision::new(4),
                served,
            },
            504,
            r#""served_by":[1]"#,
        );
        let floor = EventsError::Compacted {
            after: Revision::new(1),
            floor: Revision::new(5),
        };
        check(floor, 410, r#""floor":5"#);
        check(ControlError::NotFound("no token x".into()), 404, "no token x");
    }
}
