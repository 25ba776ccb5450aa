//! `Idempotency-Key`: a write that is sent twice is made once, and both get one answer.
//!
//! The stub of a cloakroom ticket. Whoever lost the answer comes back with the number; the attendant looks it up, hands out
//! the same coat, and does not hang up a second one.
//!
//! The number and what was answered are rows of the cluster's own, written by the same transaction as the change and guarded to be
//! absent before. So it does not matter which node is asked again, or how many leaders died in between: either the change was
//! made, and the row is there with its answer, or it was not, and the second try makes it.
//!
//! The catch: a number is worth as much as the request it was given for. Another request under the same number is refused. And
//! stubs are not kept for ever: [`KEPT_MS`] after the change the leader removes them ([`stale_rows`]).
//!
//! What it does not do: remember refusals. A request that was refused changed nothing, and is judged anew.

use crate::problem::Failure;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use troop_catalog::Planned;
use troop_schema::Record;
use troop_txn::{Guard, Key, Op, ReadView, Revision, ViewError};
use uuid::Uuid;

const HEADER: &str = "idempotency-key";
/// Longest key: a UUID has 36 characters, and some prefix them.
const KEY_MAX_BYTES: usize = 255;
/// How long an answer is kept: long enough for any retry by a machine and most by people; at 300 such writes a second and 500 bytes
/// an answer half a gigabyte of disk.
pub const KEPT_MS: u64 = 60 * 60 * 1_000;
/// Namespaces of keys and of requests: any constants will do, and they must stay.
const KEYS: Uuid = Uuid::from_u128(0x2f6b_91d0_47ce_4c57_9d13_8a0e_5b7f_c264);
const REQUESTS: Uuid = Uuid::from_u128(0xb18c_0e7a_63f5_4d92_8f41_d95e_1c20_7a3b);

/// The key of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    key: Uuid,
    request: Uuid,
}

/// What was answered under a key before.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stub {
    pub(crate) record: Record,
    pub(crate) revision: Revision,
}

impl Ticket {
    /// Of a write that has one.
    ///
    /// # Errors
    /// A key that is none.
    pub(crate) fn of(
        method: &Method,
        target: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Option<Self>, Failure> {
        let writes = matches!(
            *method,
            Method::POST | Method::PUT | Method::PATCH | Method::DELETE
        );
        let Some(key) = headers.get(HEADER).filter(|_| writes) else {
            return Ok(None);
        };
        if key.is_empty() || key.len() > KEY_MAX_BYTES {
            return Err(Failure::bad(format!(
                "invalid option (Idempotency-Key: expected 1 to {KEY_MAX_BYTES} bytes)"
            )));
        }
        let request = [method.as_str().as_bytes(), b" ", target.as_bytes(), b"\n", body].concat();
        Ok(Some(Ticket {
            key: Uuid::new_v5(&KEYS, key.as_bytes()),
            request: Uuid::new_v5(&REQUESTS, &request),
        }))
    }

    /// What was answered before.
    ///
    /// # Errors
    /// The key was used for another request.
    pub(crate) fn stub(&self, view: &dyn ReadView) -> Result<Option<Stub>, Failure> {
        let Some(row) = view.get(&self.row())? else {
            return Ok(None);
        };
        let stored: Value = serde_json::from_slice(&row.value).unwrap_or_default();
        if stored["request"] != json!(self.request.to_string()) {
            return Err(Failure::other(
                StatusCode::UNPROCESSABLE_ENTITY,
                "this Idempotency-Key was used for another request",
            ));
        }
        Ok(Some(Stub {
            record: stored["record"].as_object().cloned().unwrap_or_default(),
            revision: row.modified,
        }))
    }

    /// Has a plan leave a stub, unless there is one.
    pub(crate) fn tear_off(&self, planned: &mut Planned, now_ms: u64) {
        planned.guards.push(Guard::Absent(self.row()));
        let stub = json!({ "request": self.request.to_string(), "record": planned.record });
        planned.ops.push(Op::Put {
            key: self.row(),
            value: stub.to_string().into(),
        });
        planned.ops.push(Op::Put {
            key: age_row(now_ms, self.key),
            value: Vec::new().into(),
        });
    }

    fn row(&self) -> Key {
        row_of(self.key)
    }
}

fn row_of(key: Uuid) -> Key {
    Key::system("idempotency", key.as_bytes())
}

fn age_row(at_ms: u64, key: Uuid) -> Key {
    let tail = [&at_ms.to_be_bytes()[..], key.as_bytes()].concat();
    Key::system("idempotency-age", &tail)
}

/// Rows of answers that were given longer ago than they are kept, of up to `limit` answers.
///
/// # Errors
/// [`ViewError`] when the storage fails.
pub fn stale_rows(view: &dyn ReadView, now_ms: u64, limit: usize) -> Result<Vec<Key>, ViewError> {
    let ages = Key::system("idempotency-age", &[]);
    let mut rows = Vec::new();
    for (age, _) in view.scan(&ages, None, limit)? {
        let tail = age.strip_prefix(&ages).unwrap_or_default();
        let Some((at_ms, key)) = tail.split_first_chunk() else {
            continue;
        };
        if u64::from_be_bytes(*at_ms).saturating_add(KEPT_MS) > now_ms {
            break; // the oldest come first
        }
        rows.extend(Uuid::from_slice(key).ok().map(row_of));
        rows.push(age);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(key: &str, target: &str, body: &str) -> Result<Option<Ticket>, String> {
        let headers = [(http::HeaderName::from_static(HEADER), key.parse().unwrap())];
        let headers = headers.into_iter().collect();
        Ticket::of(&Method::POST, target, &headers, body.as_bytes()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_ticket_is_for_one_key_and_one_request() {
        let one = ticket("k", "/services", "{}").unwrap().unwrap();
        assert_eq!(ticket("k", "/services", "{}").unwrap().unwrap(), one);
        let other = ticket("k", "/services", "{ }").unwrap().unwrap();
        assert_eq!(other.key, one.key);
        assert_ne!(other.request, one.request);
        assert_ne!(ticket("l", "/services", "{}").unwrap().unwrap().key, one.key);
    }

    #[test]
    fn an_empty_or_endless_key_is_refused() {
        assert!(ticket("", "/", "").unwrap_err().contains("1 to 255 bytes"));
        assert!(ticket(&"x".repeat(256), "/", "").is_err());
    }
}
