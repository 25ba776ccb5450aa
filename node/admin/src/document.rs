//! A declarative document made the configuration of the cluster: all of it, at one revision, or nothing.
//!
//! A conductor with a new score. He compares it with what the orchestra plays, writes out the pages that differ, and has them
//! turned at one bar. If somebody changed a page while he was writing, he compares again.
//!
//! The catch: tools want to know whether the orchestra still plays the score they handed in. So the fingerprint of the last one is
//! kept in a row of the cluster's own, and it holds only as long as no record changed after it ([`played`]).
//!
//! Comparing is work for a thread that may take its time: a document may have a hundred thousand records.

use crate::{
    admin::Admin,
    call::Call,
    problem::Failure,
    staging::Staging,
    write::{no_change, now_ms},
};
use serde_json::Value;
use std::sync::Arc;
use tokio::task::spawn_blocking;
use troop_catalog::{Bulk, Catalog, Problem};
use troop_declarative::{ChangeSet, ChangeStep, Document, Format, LoadError, Loader, Records, diff};
use troop_schema::{Registry, Stamp};
use troop_txn::{Key, Op, ReadView, Revision, Store, ViewError, read};
use uuid::Uuid;

/// How often a document is compared anew when others change the configuration meanwhile.
const ATTEMPTS_MAX: u32 = 16;

/// Namespace of the fingerprints of documents: any constant will do, and it must stay.
const FINGERPRINTS: Uuid = Uuid::from_u128(0x7a1d_2f4e_91c3_4b0a_8e55_60c2_d4b7_13f9);

/// A document as it was sent.
#[derive(Debug)]
pub(crate) enum Source {
    /// Text in either format.
    Text(String),
    /// Values that were read already.
    Values(Value),
}

impl Source {
    /// 32 hexadecimal digits that stand for it.
    pub(crate) fn fingerprint(&self) -> String {
        let id = match self {
            Source::Text(text) => Uuid::new_v5(&FINGERPRINTS, text.as_bytes()),
            Source::Values(value) => Uuid::new_v5(&FINGERPRINTS, value.to_string().as_bytes()),
        };
        id.simple().to_string()
    }

    fn load(&self, registry: &Registry, stamp: &mut Stamp<'_>) -> Result<Document, LoadError> {
        let loader = Loader::new(registry);
        match self {
            Source::Text(text) => loader.load_text(text, Format::Either, stamp),
            Source::Values(value) => loader.load_value(value.clone(), stamp),
        }
    }
}

/// What became of a document.
pub(crate) enum Loaded {
    /// It is wrong. Nothing changed.
    Refused(LoadError),
    /// It is the configuration as of this revision.
    Done {
        document: Document,
        revision: Revision,
        changed: bool,
    },
}

/// A document compared with the state.
enum Compared {
    Refused(LoadError),
    Planned {
        document: Document,
        ops: Vec<Op>,
        changed: bool,
        since: Revision,
    },
}

impl Admin {
    /// Makes a document the configuration.
    pub(crate) async fn load_document(&self, call: &Call, source: Source) -> Result<Loaded, Failure> {
        let source = Arc::new(source);
        for _ in 0..ATTEMPTS_MAX {
            let within = self.options.read_timeout;
            self.store.linearize(within).await.map_err(no_change)?;
            match self.compare(&source).await? {
                Compared::Refused(error) => return Ok(Loaded::Refused(error)),
                Compared::Planned {
                    document,
                    ops,
                    changed,
                    since,
                } => {
                    if ops.is_empty() {
                        return Ok(Loaded::done(document, since, changed));
                    }
                    let mut staging = Staging::new(&call.actor);
                    staging.add(self, ops).await?;
                    if let Some(revision) = staging.commit(self, since).await? {
                        return Ok(Loaded::done(document, revision, changed));
                    }
                }
            }
        }
        Err(Failure::Contended {
            attempts: ATTEMPTS_MAX,
        })
    }

    async fn compare(&self, source: &Arc<Source>) -> Result<Compared, Failure> {
        let (store, catalog) = (Arc::clone(&self.store), Arc::clone(&self.catalog));
        let source = Arc::clone(source);
        let comparing = spawn_blocking(move || {
            let mut random = rand::random::<[u8; 16]>;
            let mut stamp = Stamp::new(now_ms(), &mut random);
            match source.load(catalog.registry(), &mut stamp) {
                Ok(document) => read(&*store, |view| {
                    compare(&catalog, view, document, &source.fingerprint(), &mut stamp)
                }),
                Err(error) => Ok(Compared::Refused(error)),
            }
        });
        joined(comparing.await)
    }

    /// All records as they are stored.
    pub(crate) async fn records(&self, call: &Call) -> Result<(Revision, Records), Failure> {
        self.ready_to_read(call).await?;
        let (store, catalog) = (Arc::clone(&self.store), Arc::clone(&self.catalog));
        let reading = spawn_blocking(move || {
            read(&*store, |view| {
                Ok((view.revision(), records(&catalog, view, now_ms())?))
            })
        });
        joined(reading.await)
    }
}

impl Loaded {
    fn done(document: Document, revision: Revision, changed: bool) -> Self {
        Loaded::Done {
            document,
            revision,
            changed,
        }
    }
}

/// A panic there is a panic here.
pub(crate) fn joined<T>(joined: Result<T, tokio::task::JoinError>) -> T {
    match joined {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn compare(
    catalog: &Catalog,
    view: &dyn ReadView,
    document: Document,
    fingerprint: &str,
    stamp: &mut Stamp<'_>,
) -> Result<Compared, Failure> {
    let now_ms = now_ms();
    let current = records(catalog, view, now_ms)?;
    let document = document.adopting(catalog.registry(), &current, stamp);
    let changes = diff(catalog.registry(), &current, document.records());
    let mut ops = ops(catalog, view, &changes, now_ms)?;
    if !changes.is_empty() || mark(view)?.as_deref() != Some(fingerprint) {
        ops.push(Op::Put {
            key: mark_key(),
            value: fingerprint.to_owned().into(),
        });
    }
    Ok(Compared::Planned {
        document,
        ops,
        changed: !changes.is_empty(),
        since: view.revision(),
    })
}

fn ops(catalog: &Catalog, view: &dyn ReadView, changes: &ChangeSet, now_ms: u64) -> Result<Vec<Op>, Problem> {
    let mut bulk = Bulk::new(now_ms);
    for change in changes.changes() {
        let after = match &change.step {
            ChangeStep::Create { after } | ChangeStep::Update { after, .. } => Some(after.clone()),
            ChangeStep::Delete { .. } => None,
        };
        bulk.add(catalog, view, change.entity, change.id, after)?;
    }
    bulk.finish(catalog, view)
}

fn records(catalog: &Catalog, view: &dyn ReadView, now_ms: u64) -> Result<Records, Failure> {
    let mut records = Records::new();
    for entity in catalog.registry().entities() {
        let name = entity.name();
        catalog.each(view, name, now_ms, &mut |id, record| {
            let no_id = |_| Problem::NotFound(id);
            records.insert(entity, record).map_err(no_id)
        })?;
    }
    Ok(records)
}

/// Where the fingerprint of the last document lies.
fn mark_key() -> Key {
    Key::system("document", b"fingerprint")
}

fn mark(view: &dyn ReadView) -> Result<Option<String>, ViewError> {
    let row = view.get(&mark_key())?;
    Ok(row.map(|row| String::from_utf8_lossy(&row.value).into_owned()))
}

/// The fingerprint of the document that the configuration still is, if it is one.
///
/// # Errors
/// [`ViewError`] when the storage fails.
pub(crate) fn played(store: &dyn Store) -> Result<Option<String>, ViewError> {
    let marked = read(store, |view| view.get(&mark_key()))?;
    let Some(row) = marked else { return Ok(None) };
    let holds = store.unchanged_since(row.modified)?;
    Ok(holds.then(|| String::from_utf8_lossy(&row.value).into_owned()))
}
