//! `POST /troop/batch`: several writes, all of them or none, at one revision.
//!
//! ```json
//! {"operations": [
//!    {"op": "create", "entity": "services", "body": {"name": "s", "host": "h"}},
//!    {"method": "POST", "path": "/services/s/routes", "body": {"paths": ["/s"]}},
//!    {"op": "delete", "entity": "routes", "key": "old", "if_match": 41}
//!  ],
//!  "if_revision": 57}
//! ```
//!
//! Every line is a write as it could be sent alone, and is answered as if it had been, by the same handlers; later lines see what
//! earlier ones did ([`crate::batch`]). The first line that is refused ends the batch: the error names it, and nothing changed.
//!
//! The catch: others write meanwhile. Each line guards what it relied on; if one of these facts is gone when the batch arrives, all
//! of it is planned anew.

use super::Door;
use crate::{
    admin::Admin,
    answer::{self, Answer, Reply},
    batch::{Batch, Sketch},
    call::Call,
    envelope::Facts,
    payload::Payload,
    problem::Failure,
    query::{self, Query},
    staging::Staging,
    terms::{Match, Terms},
    write::{no_change, now_ms},
};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use troop_catalog::Planned;
use troop_schema::Record;
use troop_txn::{Guard, Outcome, Revision, Txn, codec, entry::ENTRY_MAX_BYTES, read};

pub(super) const DOORS: &[Door] = &[("/troop/batch", Method::POST, |admin, call| {
    Box::pin(batch(admin, call))
})];

/// Lines of one batch. More is a document's work: what a batch would change is kept in memory until it is made.
const OPERATIONS_MAX: usize = 5_000;

/// One write.
struct Line {
    method: Method,
    path: String,
    body: Record,
    if_match: Option<Match>,
}

async fn batch(admin: &Admin, call: &Call) -> Reply {
    let lines = lines(admin, call.payload.fields())?;
    let if_revision = if_revision(call.payload.fields())?;
    for _ in 0..admin.options.plan_attempts_max {
        let within = admin.options.write_timeout;
        admin.store.linearize(within).await.map_err(no_change)?;
        if let Some(stub) = before(admin, call)? {
            return Ok(answer_of(stub.record, stub.revision));
        }
        let since = read(&*admin.store, |view| view.revision());
        if let Some(wanted) = if_revision
            && !admin.store.unchanged_since(wanted)?
        {
            return Err(Failure::PreconditionFailed { now: since });
        }
        let (sketch, results) = plan(admin, call, &lines).await?;
        let record = Record::from_iter([("results".to_owned(), results.into())]);
        let planned = planned(call, sketch, record, if_revision);
        if planned.ops.is_empty() || call.terms.dry_run {
            return Ok(answer_of(planned.record, since));
        }
        let record = planned.record.clone();
        if let Some(revision) = commit(admin, call, planned, since).await? {
            admin.wait_served(call, revision).await?;
            return Ok(answer_of(record, revision));
        }
    }
    Err(Failure::Contended {
        attempts: admin.options.plan_attempts_max,
    })
}

/// What was answered under the same key.
fn before(admin: &Admin, call: &Call) -> Result<Option<crate::idempotency::Stub>, Failure> {
    let Some(ticket) = &call.ticket else {
        return Ok(None);
    };
    read(&*admin.store, |view| ticket.stub(view))
}

async fn plan(admin: &Admin, call: &Call, lines: &[Line]) -> Result<(Sketch, Vec<Value>), Failure> {
    let batch = Arc::new(Batch::default());
    let mut results = Vec::with_capacity(lines.len());
    for (at, line) in lines.iter().enumerate() {
        let answer = line.answer(admin, call, &batch).await;
        let answer = answer.map_err(|failure| Failure::Line {
            at,
            failure: Box::new(failure),
        })?;
        results.push(result(&answer));
    }
    Ok((batch.finish(), results))
}

fn result(answer: &Answer) -> Value {
    let body = answer.body().as_bytes().map(|bytes| bytes.as_ref());
    let body: Value = serde_json::from_slice(body.unwrap_or_default()).unwrap_or_default();
    json!({ "status": answer.status().as_u16(), "body": body })
}

fn planned(call: &Call, sketch: Sketch, record: Record, if_revision: Option<Revision>) -> Planned {
    let mut planned = Planned::of_record(record);
    (planned.guards, planned.ops, planned.ensures) = sketch.into_parts();
    planned.guards.extend(if_revision.map(Guard::UnchangedSince));
    if let Some(ticket) = call.ticket.as_ref().filter(|_| !planned.ops.is_empty()) {
        ticket.tear_off(&mut planned, now_ms());
    }
    planned
}

/// The revision, or `None` if what was relied on is gone.
async fn commit(
    admin: &Admin,
    call: &Call,
    planned: Planned,
    since: Revision,
) -> Result<Option<Revision>, Failure> {
    let txn: Txn = planned.into_txn(admin.request_ids.next(), now_ms(), call.actor.as_str());
    if codec::packed_len(&txn) > ENTRY_MAX_BYTES {
        let mut staging = Staging::new(&call.actor);
        staging.add(admin, txn.ops).await?;
        return staging.commit(admin, since).await;
    }
    Ok(
        match admin.store.propose(txn, admin.options.write_timeout).await? {
            Outcome::Applied(revision) => Some(revision),
            Outcome::Refused { .. } => None,
        },
    )
}

fn answer_of(mut record: Record, revision: Revision) -> Answer {
    record.insert("revision".to_owned(), revision.get().into());
    let mut answer = answer::ok(&Value::Object(record));
    answer.extensions_mut().insert(Facts {
        revision,
        ..Facts::default()
    });
    answer
}

fn if_revision(body: &Record) -> Result<Option<Revision>, Failure> {
    match body.get("if_revision") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(revision) => Ok(Some(Revision::new(revision))),
            None => Err(Failure::bad("invalid option (if_revision: expected a revision)")),
        },
    }
}

fn lines(admin: &Admin, body: &Record) -> Result<Vec<Line>, Failure> {
    let Some(Value::Array(lines)) = body.get("operations") else {
        return Err(Failure::bad("invalid option (operations: expected an array)"));
    };
    if lines.len() > OPERATIONS_MAX {
        return Err(Failure::bad(format!(
            "invalid option (operations: {} of them, {OPERATIONS_MAX} are allowed)",
            lines.len()
        )));
    }
    let line = |(at, line): (usize, &Value)| {
        Line::parse(admin, line).map_err(|text| Failure::Line {
            at,
            failure: Box::new(Failure::bad(text)),
        })
    };
    lines.iter().enumerate().map(line).collect()
}

impl Line {
    fn parse(admin: &Admin, line: &Value) -> Result<Line, String> {
        let line = line.as_object().ok_or("expected an object")?;
        let (method, path) = match line.get("op") {
            Some(op) => by_entity(admin, op, line)?,
            None => by_path(line)?,
        };
        let body = match line.get("body") {
            None | Some(Value::Null) => Record::new(),
            Some(Value::Object(body)) => body.clone(),
            Some(_) => return Err("body: expected an object".to_owned()),
        };
        Ok(Line {
            method,
            path,
            body,
            if_match: if_match(line)?,
        })
    }

    /// As if it had come alone.
    async fn answer(&self, admin: &Admin, call: &Call, batch: &Arc<Batch>) -> Reply {
        let (endpoint, params) = admin.endpoints.find(&self.path).ok_or(Failure::NotFound)?;
        let handler = endpoint.handler(&self.method).ok_or(Failure::MethodNotAllowed)?;
        if !endpoint.is_of_an_entity() {
            return Err(Failure::bad("only writes of entities can be lines of a batch"));
        }
        let line = Call {
            method: self.method.clone(),
            params,
            query: Query::default(),
            payload: Payload::Json(self.body.clone()),
            terms: Terms {
                if_match: self.if_match,
                ..Terms::default()
            },
            headers: HeaderMap::new(),
            actor: call.actor.clone(),
            batch: Some(Arc::clone(batch)),
            ticket: None,
        };
        let answer = admin.handle(handler, &line).await?;
        if answer.status().is_client_error() || answer.status().is_server_error() {
            return Err(Failure::other(
                StatusCode::BAD_REQUEST,
                "this cannot be a line of a batch",
            ));
        }
        Ok(answer)
    }
}

fn by_entity(admin: &Admin, op: &Value, line: &Record) -> Result<(Method, String), String> {
    let name = text(line, "entity")?;
    let entity = admin.registry().entity(name);
    let entity = entity.filter(|entity| entity.is_top_level());
    let entity =
        entity.ok_or_else(|| format!("entity: '{name}' has no collection of its own; use a path"))?;
    let collection = format!("/{}", entity.admin_path());
    let member = || text(line, "key").map(|key| format!("{collection}/{}", query::escape(key)));
    match op.as_str() {
        Some("create") => Ok((Method::POST, collection)),
        Some("update") => Ok((Method::PATCH, member()?)),
        Some("upsert") => Ok((Method::PUT, member()?)),
        Some("delete") => Ok((Method::DELETE, member()?)),
        _ => Err("op: expected create, update, upsert or delete".to_owned()),
    }
}

fn by_path(line: &Record) -> Result<(Method, String), String> {
    let method = match text(line, "method")? {
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        _ => return Err("method: expected POST, PUT, PATCH or DELETE".to_owned()),
    };
    Ok((method, text(line, "path")?.to_owned()))
}

fn text<'l>(line: &'l Record, name: &str) -> Result<&'l str, String> {
    let text = line.get(name).and_then(Value::as_str);
    text.ok_or_else(|| format!("{name}: expected a string"))
}

fn if_match(line: &Record) -> Result<Option<Match>, String> {
    match line.get("if_match") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(any)) if any == "*" => Ok(Some(Match::Any)),
        Some(value) => {
            let revision = value.as_u64().map(Revision::new);
            revision
                .map(|revision| Some(Match::Revision(revision)))
                .ok_or_else(|| "if_match: expected a revision or '*'".to_owned())
        }
    }
}
