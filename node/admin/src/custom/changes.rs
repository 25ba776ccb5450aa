//! `/troop/records` and `/troop/changes`: how a tool that compares by itself reads everything and changes much.
//!
//! A removal firm that packs at home. It gets the inventory of the house ([`inventory`]: every record as it is stored, at one
//! revision), decides at home what changes, comes with vanload after vanload (`POST /troop/changes/{id}`), and says at the end that
//! this was all of it. Only then anything is visible, all of it at one revision; and only if nobody changed a record since the
//! inventory was taken. The node that takes the loads remembers little more than their keys.
//!
//! | | |
//! |---|---|
//! | `GET /troop/records` | lines of JSON: `{"revision": R}`, then `["services", {…}]` for every record |
//! | `POST /troop/changes` `{"revision": R}` | opens a change set: `{"id": …}` |
//! | `POST /troop/changes/{id}` `{"changes": [{"entity", "id", "after"}]}` | adds to it; `after` is the whole record, null for one that goes |
//! | `POST /troop/changes/{id}/commit` | makes it: `{"revision": N}`, or 409 when others changed the configuration |
//! | `DELETE /troop/changes/{id}` | gives it up |
//!
//! The catch: a change set is open at one node only, and ends with it. What it laid down in the store by then is removed by the
//! leader after a while.

use super::Door;
use crate::{
    admin::Admin,
    answer::{self, Answer, Reply},
    call::Call,
    document::joined,
    envelope::Facts,
    problem::Failure,
    staging::Staging,
    write::now_ms,
};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::task::spawn_blocking;
use troop_catalog::{Bulk, Catalog, Problem};
use troop_schema::Record;
use troop_txn::{ReadView, Revision, read};
use uuid::Uuid;

pub(super) const DOORS: &[Door] = &[
    ("/troop/records", Method::GET, |admin, call| {
        Box::pin(inventory(admin, call))
    }),
    ("/troop/changes", Method::POST, |admin, call| {
        Box::pin(open(admin, call))
    }),
    ("/troop/changes/{id}", Method::POST, |admin, call| {
        Box::pin(add(admin, call))
    }),
    ("/troop/changes/{id}", Method::DELETE, |admin, call| {
        Box::pin(give_up(admin, call))
    }),
    ("/troop/changes/{id}/commit", Method::POST, |admin, call| {
        Box::pin(commit(admin, call))
    }),
];

/// Change sets open at one node: each may hold the keys of some hundred thousand records.
const OPEN_MAX: usize = 4;
/// A change set to which nothing was added for so long was given up.
const IDLE_MAX: Duration = Duration::from_secs(120);
/// Bytes of one piece of the inventory.
const PIECE_BYTES: usize = 256 << 10;

/// The change sets open at this node.
#[derive(Default)]
pub(crate) struct ChangeSets(Mutex<HashMap<String, Arc<Open>>>);

/// One of them.
struct Open {
    since: Revision,
    touched: Mutex<Instant>,
    /// None once it was committed or given up.
    work: tokio::sync::Mutex<Option<Work>>,
}

struct Work {
    bulk: Bulk,
    staging: Staging,
    count: usize,
}

impl ChangeSets {
    /// Opens one, unless there are too many. Those that were given up go.
    fn open(&self, id: &str, open: Open) -> Result<(), Failure> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, open| open.idle() < IDLE_MAX);
        if all.len() >= OPEN_MAX {
            let text = format!("{OPEN_MAX} change sets are open at this node, which is the limit");
            return Err(Failure::other(StatusCode::TOO_MANY_REQUESTS, text));
        }
        all.insert(id.to_owned(), Arc::new(open));
        Ok(())
    }

    fn find(&self, id: &str) -> Result<Arc<Open>, Failure> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = all.get(id).cloned().ok_or(Failure::NotFound)?;
        *open.touched.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Ok(open)
    }

    fn close(&self, id: &str) -> Result<Arc<Open>, Failure> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(id).ok_or(Failure::NotFound)
    }
}

impl Open {
    fn idle(&self) -> Duration {
        self.touched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
    }
}

async fn open(admin: &Admin, call: &Call) -> Reply {
    let since = call.payload.fields().get("revision").and_then(Value::as_u64);
    let since = since.ok_or_else(|| Failure::bad("invalid option (revision: expected a revision)"))?;
    let staging = Staging::new(&call.actor);
    let id = staging.id().to_string();
    let open = Open {
        since: Revision::new(since),
        touched: Mutex::new(Instant::now()),
        work: tokio::sync::Mutex::new(Some(Work {
            bulk: Bulk::new(now_ms()),
            staging,
            count: 0,
        })),
    };
    admin.change_sets.open(&id, open)?;
    Ok(answer::json(StatusCode::CREATED, &json!({ "id": id })))
}

async fn add(admin: &Admin, call: &Call) -> Reply {
    let open = admin.change_sets.find(call.param(0))?;
    let mut work = open.work.lock().await;
    let work = work.as_mut().ok_or(Failure::NotFound)?;
    let Some(Value::Array(changes)) = call.payload.fields().get("changes") else {
        return Err(Failure::bad("invalid option (changes: expected an array)"));
    };
    let noted = read(&*admin.store, |view| work.note(&admin.catalog, view, changes));
    truly(admin, open.since, noted)?;
    work.staging.add(admin, work.bulk.take_ops()).await?;
    work.count += changes.len();
    Ok(answer::ok(&json!({ "changes": work.count })))
}

impl Work {
    fn note(&mut self, catalog: &Catalog, view: &dyn ReadView, changes: &[Value]) -> Result<(), Failure> {
        for (at, change) in (self.count..).zip(changes) {
            self.note_one(catalog, view, change)
                .map_err(|failure| Failure::Line {
                    at,
                    failure: Box::new(failure),
                })?;
        }
        Ok(())
    }

    fn note_one(&mut self, catalog: &Catalog, view: &dyn ReadView, change: &Value) -> Result<(), Failure> {
        let name = change["entity"].as_str().unwrap_or_default();
        let entity = catalog.registry().entity(name);
        let entity = entity.ok_or_else(|| Failure::bad(format!("entity: there is no '{name}'")))?;
        let id = change["id"].as_str().and_then(|id| Uuid::try_parse(id).ok());
        let id = id.ok_or_else(|| Failure::bad("id: expected a UUID"))?;
        let after = match &change["after"] {
            Value::Null => None,
            Value::Object(record) => Some(judged(catalog, entity, record.clone())?),
            _ => return Err(Failure::bad("after: expected an object or null")),
        };
        Ok(self.bulk.add(catalog, view, entity.name(), id, after)?)
    }
}

/// A record is judged as it is: it is complete, and nothing is added to it.
fn judged(catalog: &Catalog, entity: &troop_schema::Entity, mut record: Record) -> Result<Record, Failure> {
    const TTL: &str = "ttl";
    let ttl = if entity.has_ttl() {
        record.remove(TTL)
    } else {
        None
    };
    let judged = catalog.registry().judged(entity, record, false);
    let mut record = judged.map_err(Problem::from)?;
    record.extend(ttl.map(|ttl| (TTL.to_owned(), ttl)));
    Ok(record)
}

async fn commit(admin: &Admin, call: &Call) -> Reply {
    let open = admin.change_sets.close(call.param(0))?;
    let work = open.work.lock().await.take().ok_or(Failure::NotFound)?;
    let Work {
        bulk,
        mut staging,
        count,
    } = work;
    let rest = read(&*admin.store, |view| bulk.finish(&admin.catalog, view));
    let rest = truly(admin, open.since, rest.map_err(Failure::from));
    let laid = match rest {
        Ok(rest) => staging.add(admin, rest).await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = laid {
        staging.throw_away(admin).await;
        return Err(failure);
    }
    let revision = staging.commit(admin, open.since).await?;
    let revision = revision.ok_or_else(|| changed_meanwhile(open.since))?;
    admin.wait_served(call, revision).await?;
    let document = json!({ "revision": revision.get(), "changes": count });
    Ok(with_revision(answer::ok(&document), revision))
}

async fn give_up(admin: &Admin, call: &Call) -> Reply {
    let open = admin.change_sets.close(call.param(0))?;
    if let Some(work) = open.work.lock().await.take() {
        work.staging.throw_away(admin).await;
    }
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// A problem may come of looking at a state that the change set was not made for; then that is what is to be told.
fn truly<T>(admin: &Admin, since: Revision, result: Result<T, Failure>) -> Result<T, Failure> {
    match result {
        Err(_) if !admin.store.unchanged_since(since)? => Err(changed_meanwhile(since)),
        result => result,
    }
}

fn changed_meanwhile(since: Revision) -> Failure {
    let text = format!(
        "others changed the configuration after revision {since}; nothing of the change set was made"
    );
    Failure::other(StatusCode::CONFLICT, text)
}

fn with_revision(mut answer: Answer, revision: Revision) -> Answer {
    answer.extensions_mut().insert(Facts {
        revision,
        ..Facts::default()
    });
    answer
}

async fn inventory(admin: &Admin, call: &Call) -> Reply {
    admin.ready_to_read(call).await?;
    let (store, catalog) = (Arc::clone(&admin.store), Arc::clone(&admin.catalog));
    let reading = spawn_blocking(move || read(&*store, |view| pieces(&catalog, view)));
    let pieces = joined(reading.await)?;
    Ok(answer::lines(stream::iter(pieces).boxed()))
}

/// All records of one image as lines of JSON, in pieces.
fn pieces(catalog: &Catalog, view: &dyn ReadView) -> Result<Vec<Bytes>, Failure> {
    let mut pieces = Vec::new();
    let mut piece = format!("{}\n", json!({ "revision": view.revision().get() })).into_bytes();
    for entity in catalog.registry().entities() {
        catalog.each(view, entity.name(), now_ms(), &mut |_, record| {
            let line = json!([entity.name(), record]).to_string();
            piece.extend_from_slice(line.as_bytes());
            piece.push(b'\n');
            if piece.len() >= PIECE_BYTES {
                pieces.push(Bytes::from(std::mem::take(&mut piece)));
            }
            Ok(())
        })?;
    }
    pieces.push(piece.into());
    Ok(pieces)
}
