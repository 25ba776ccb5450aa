//! `GET /events?since=REVISION`: the cluster's history as it happens, as server-sent events.
//!
//! A reader with a bookmark in a book that is still being written: it reads what is there, waits at the end,
//! and says where it is after every revision (`id:`), so that a client that comes back with `Last-Event-ID`
//! misses nothing, not even the second half of a revision.
//!
//! The catch: a reader may be slow. Nothing is queued for it: the next page is read from the store when the
//! last has gone out, so that a slow reader falls behind in the book and not in our memory. Secrets are
//! covered by what the tables say; what is broadcast between nodes is named and not shown.

use super::Door;
use crate::{
    admin::Admin,
    answer::{self, Reply},
    call::Call,
    problem::Failure,
};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::{fmt::Write as _, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::timeout,
};
use troop_catalog::Catalog;
use troop_schema::{Record, Registry};
use troop_txn::{Event, EventBody, EventPage, EventsError, Revision, Subscription};
use uuid::Uuid;

pub(super) const DOORS: &[Door] = &[("/events", Method::GET, |admin, call| {
    Box::pin(events(admin, call))
})];

async fn events(admin: &Admin, call: &Call) -> Reply {
    let since = since(call)?.unwrap_or_else(|| *admin.store.applied().borrow());
    // Looked at before the stream starts: a client must learn with a status that its bookmark is gone.
    admin.store.events(since, 1).map_err(Failure::from)?;
    let full = || {
        Failure::other(
            StatusCode::SERVICE_UNAVAILABLE,
            too_many(admin.options.event_streams_max),
        )
    };
    let place = Arc::clone(&admin.event_streams)
        .try_acquire_owned()
        .map_err(|_| full())?;
    let reader = Reader {
        subscription: Subscription::new(Arc::clone(&admin.store), since),
        catalog: Arc::clone(&admin.catalog),
        closing: admin.closing.subscribe(),
        heartbeat: admin.options.event_heartbeat,
        _place: place,
    };
    let lines = stream::unfold(Some(reader), |reader| async { next(reader?).await });
    Ok(answer::events(lines.boxed()))
}

fn too_many(max: usize) -> String {
    format!("{max} event streams are open, which is the limit")
}

/// `?since=`, or where a client that lost its connection was.
fn since(call: &Call) -> Result<Option<Revision>, Failure> {
    let last = call
        .headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok());
    let Some(text) = call.query.get("since").or(last) else {
        return Ok(None);
    };
    let revision = text.parse().map(Revision::new);
    revision.map(Some).map_err(|_| {
        Failure::bad(format!(
            "invalid option (since: expected a revision, got '{text}')"
        ))
    })
}

struct Reader {
    subscription: Subscription,
    catalog: Arc<Catalog>,
    closing: watch::Receiver<bool>,
    heartbeat: Duration,
    _place: OwnedSemaphorePermit,
}

/// The next piece of text, and the reader if there may be more.
async fn next(mut reader: Reader) -> Option<(Bytes, Option<Reader>)> {
    let page = {
        let (subscription, closing) = (&mut reader.subscription, &mut reader.closing);
        tokio::select! {
            _ = closing.wait_for(|closing| *closing) => return None,
            page = timeout(reader.heartbeat, subscription.next()) => page,
        }
    };
    match page {
        // A comment line: proxies and clients see that the connection lives.
        Err(_) => Some((Bytes::from_static(b": alive\n\n"), Some(reader))),
        Ok(Ok(Some(page))) => {
            let text = page_text(reader.catalog.registry(), &page);
            Some((text.into(), Some(reader)))
        }
        Ok(Ok(None)) => None,
        Ok(Err(error)) => Some((end_text(&error).into(), None)),
    }
}

fn end_text(error: &EventsError) -> String {
    let name = match error {
        EventsError::Compacted { .. } => "compacted",
        EventsError::View(_) => "error",
    };
    format!(
        "event: {name}\ndata: {}\n\n",
        json!({ "message": error.to_string() })
    )
}

fn page_text(registry: &Registry, page: &EventPage) -> String {
    let mut text = String::new();
    for (at, event) in page.events.iter().enumerate() {
        let is_last = page
            .events
            .get(at + 1)
            .is_none_or(|next| next.revision != event.revision);
        let (name, document) = event_document(registry, event);
        // Writing to a string does not fail.
        let _ = if is_last {
            write!(
                text,
                "id: {}\nevent: {name}\ndata: {document}\n\n",
                event.revision
            )
        } else {
            write!(text, "event: {name}\ndata: {document}\n\n")
        };
    }
    if text.is_empty() {
        text.push_str(": nothing to see\n\n");
    }
    text
}

fn event_document(registry: &Registry, event: &Event) -> (&'static str, Value) {
    let place = json!({ "revision": event.revision.get(), "ordinal": event.ordinal });
    match &event.body {
        EventBody::Crud {
            schema,
            operation,
            id,
            entity,
            old_entity,
        } => {
            let mut document = place;
            document["schema"] = json!(schema);
            document["operation"] = json!(operation.as_str());
            document["id"] = json!(Uuid::from_slice(id).ok().map(|id| id.to_string()));
            document["entity"] = shown(registry, schema, entity.as_ref());
            document["old_entity"] = shown(registry, schema, old_entity.as_ref());
            ("crud", document)
        }
        EventBody::Broadcast {
            channel,
            not_before_ms,
            ..
        } => {
            let mut document = place;
            document["channel"] = json!(channel);
            document["not_before_ms"] = json!(not_before_ms);
            ("broadcast", document)
        }
    }
}

/// A stored record with its secrets covered. One of a schema this build does not know is not shown at all.
fn shown(registry: &Registry, schema: &str, stored: Option<&Bytes>) -> Value {
    let record: Option<Record> = stored.and_then(|bytes| serde_json::from_slice(bytes).ok());
    match (registry.entity(schema), record) {
        (Some(entity), Some(record)) => Value::Object(registry.redacted(entity, record)),
        _ => Value::Null,
    }
}
