//! `/config`: the whole configuration as one document, as Kong without a database has it.
//!
//! Posting a document makes it the configuration of the *cluster*: what differs is changed at one revision, records keep their ids,
//! and whatever the document does not name goes. A document that is wrong anywhere changes nothing.
//!
//! Kong: a node has a database or documents, and says so at `/`. Here both ways in are always open. As long as the configuration is
//! what the last document said, the cluster speaks as Kong does without a database; from the first other write on, as Kong with one.

use super::Door;
use crate::{
    admin::Admin,
    answer::{self, Answer, Reply},
    call::Call,
    document::{Loaded, Source, played},
    envelope::Facts,
    payload::Payload,
    problem::Failure,
};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};
use std::collections::HashMap;
use troop_declarative::{Document, Export, LoadError, ReadError};
use troop_schema::{Names, Record};
use troop_txn::Revision;

pub(super) const DOORS: &[Door] = &[
    ("/config", Method::GET, |admin, call| Box::pin(show(admin, call))),
    ("/config", Method::POST, |admin, call| Box::pin(load(admin, call))),
];

const WITH_A_DATABASE: &str = "this endpoint is only available when Kong is configured to not use a database";
/// A document is loaded in seconds; who is told to wait should not ask sooner.
const RETRY_AFTER_SECONDS: u64 = 5;
/// Arguments that are not part of a document.
const OPTIONS: [&str; 2] = ["check_hash", "flatten_errors"];
/// Members of any record in a document that are for people: `null` where a record is repeated as the document had it.
const REMARKS: [&str; 2] = ["_comment", "_ignore"];

async fn show(admin: &Admin, call: &Call) -> Reply {
    admin.ready_to_read(call).await?;
    if played(&*admin.store)?.is_none() {
        return Err(Failure::bad(WITH_A_DATABASE));
    }
    let (revision, records) = admin.records(call).await?;
    let text = Export::new(admin.registry(), &records).to_yaml();
    Ok(with_revision(answer::ok(&json!({ "config": text })), revision))
}

async fn load(admin: &Admin, call: &Call) -> Reply {
    let Some(source) = source(&call.payload) else {
        return Err(Failure::bad("expected a declarative configuration"));
    };
    let Ok(_turn) = admin.document_turn.try_acquire() else {
        return Ok(busy());
    };
    if is_on(call, "check_hash") && matches!(source, Source::Text(_)) {
        admin.store.linearize(admin.options.read_timeout).await?;
        if played(&*admin.store)?.as_deref() == Some(&source.fingerprint()) {
            return Ok(answer::empty(StatusCode::NOT_MODIFIED));
        }
    }
    match admin.load_document(call, source).await? {
        Loaded::Refused(error) => refused(admin, call, &error),
        Loaded::Done {
            document,
            revision,
            changed,
        } => {
            if changed {
                admin.wait_served(call, revision).await?;
            }
            Ok(loaded(admin, &document, revision))
        }
    }
}

/// Kong: a list of names that is not stored with what is named is null here, but where the document nested the names in it: there they
/// stand whole, with members that only documents have.
fn loaded(admin: &Admin, document: &Document, revision: Revision) -> Answer {
    let mut answer = document.records().to_json();
    for entity in admin.registry().entities() {
        let listed = answer.get_mut(entity.name()).and_then(Value::as_object_mut);
        let (Some(names), Some(records)) = (entity.names(), listed) else {
            continue;
        };
        let mut nested = nested(document, names);
        for (id, record) in records {
            record[names.field] = nested.remove(id).map_or(Value::Null, Value::Array);
        }
    }
    with_revision(answer::json(StatusCode::CREATED, &answer), revision)
}

/// Names that the document nested in what they name, by its id.
fn nested(document: &Document, names: &Names) -> HashMap<String, Vec<Value>> {
    let mut nested: HashMap<_, Vec<_>> = HashMap::new();
    for name in document.nested(names.entity) {
        let Some(owner) = name.get(names.foreign).and_then(|owner| owner["id"].as_str()) else {
            continue;
        };
        let owner = owner.to_owned();
        let mut name = Value::Object(name.clone());
        REMARKS.iter().for_each(|remark| name[*remark] = Value::Null);
        nested.entry(owner).or_default().push(name);
    }
    nested
}

fn with_revision(mut answer: Answer, revision: Revision) -> Answer {
    answer.extensions_mut().insert(Facts {
        revision,
        ..Facts::default()
    });
    answer
}

fn refused(admin: &Admin, call: &Call, error: &LoadError) -> Reply {
    // Kong: with a database it does not look at what is sent. What is a document at all is taken here.
    if matches!(error, LoadError::Unreadable(ReadError::NotAnObject)) && played(&*admin.store)?.is_none() {
        return Err(Failure::bad(WITH_A_DATABASE));
    }
    let document = error.to_json(is_on(call, "flatten_errors"));
    Ok(answer::json(StatusCode::BAD_REQUEST, &document))
}

fn busy() -> Answer {
    let text = "Currently loading previous configuration";
    let mut answer = answer::message(StatusCode::TOO_MANY_REQUESTS, text);
    let wait = HeaderValue::from(RETRY_AFTER_SECONDS);
    answer.headers_mut().insert(header::RETRY_AFTER, wait);
    answer
}

/// Kong: an argument of the URL or of the body.
fn is_on(call: &Call, name: &str) -> bool {
    let in_body = |value: &Value| match value {
        Value::Bool(on) => *on,
        Value::Number(number) => number.as_f64() == Some(1.0),
        Value::String(text) => matches!(text.as_str(), "1" | "true" | "on" | "yes"),
        _ => false,
    };
    call.query.is_on(name) || call.payload.fields().get(name).is_some_and(in_body)
}

/// The document in a body: its member `config`, or all of it.
///
/// Kong: a form without that member is an empty text.
fn source(payload: &Payload) -> Option<Source> {
    match payload {
        Payload::Text(text) => Some(Source::Text(text.clone())),
        Payload::Form(form) if form.is_empty() => None,
        Payload::Form(form) => Some(Source::Text(config_of(form).unwrap_or_default())),
        Payload::Json(record) => Some(match config_of(record) {
            Some(text) => Source::Text(text),
            None => {
                let mut record = record.clone();
                OPTIONS.iter().for_each(|name| drop(record.remove(*name)));
                Source::Values(Value::Object(record))
            }
        }),
    }
}

fn config_of(record: &Record) -> Option<String> {
    record.get("config").and_then(Value::as_str).map(str::to_owned)
}
