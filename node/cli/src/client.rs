//! Questions to a node, answered as JSON or as a [`Failure`] that names the node.

use serde_json::Value;

use crate::failure::Failure;
use crate::grammar::Target;
use crate::http::{Answer, Question, Silence, ask};

impl Target {
    /// The document at `path`.
    pub(crate) fn get(&self, path: &str) -> Result<Value, Failure> {
        self.document(Question {
            method: "GET",
            path,
            body: None,
        })
    }

    /// The answer to a document sent to `path`.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.document(Question {
            method: "POST",
            path,
            body: Some(&body.to_string()),
        })
    }

    /// Deletes what is at `path`.
    pub(crate) fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.document(Question {
            method: "DELETE",
            path,
            body: None,
        })
    }

    /// The answer whatever its status.
    pub(crate) fn ask(&self, question: Question<'_>) -> Result<Answer, Failure> {
        ask(&self.admin, &self.papers, question, self.timeout).map_err(|silence| match silence {
            Silence::Line(source) => Failure::Unreachable {
                address: self.admin.clone(),
                source,
            },
            Silence::Garbled(problem) => self.strange(problem),
        })
    }

    /// The body of an answer; an empty one is `null`.
    pub(crate) fn read(&self, body: &[u8]) -> Result<Value, Failure> {
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(body).map_err(|error| self.strange(&format!("its body is not JSON ({error})")))
    }

    fn document(&self, question: Question<'_>) -> Result<Value, Failure> {
        let answer = self.ask(question)?;
        if (200..300).contains(&answer.status) {
            return self.read(&answer.body);
        }
        Err(self.refusal(&answer))
    }

    /// An answer that says no.
    pub(crate) fn refusal(&self, answer: &Answer) -> Failure {
        Failure::Refused {
            address: self.admin.clone(),
            status: answer.status,
            message: message_of(&answer.body),
        }
    }

    /// An answer that makes no sense.
    pub(crate) fn strange(&self, problem: &str) -> Failure {
        Failure::Strange {
            address: self.admin.clone(),
            problem: problem.to_owned(),
        }
    }
}

/// The node's words: the `message` of its error object, or the text as it came.
pub(crate) fn message_of(body: &[u8]) -> String {
    let document: Option<Value> = serde_json::from_slice(body).ok();
    let message = document
        .as_ref()
        .and_then(|document| document.get("message")?.as_str());
    message.map_or_else(|| String::from_utf8_lossy(body).trim().to_owned(), str::to_owned)
}
