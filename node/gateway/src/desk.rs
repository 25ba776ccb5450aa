//! The reference desk of plugins: the shelf first, then the store.
//!
//! A hit is answered on the spot. A miss reads the local store on the control runtime's blocking threads, so that a cold disk holds up one
//! request and not the worker; no more than a limited number of such reads run at a time.

use crate::shelf::{Expiry, GROUPS, Kept, Shelf, Wanted};
use http::HeaderValue;
use serde_json::Value;
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{runtime::Handle, sync::Semaphore};
use troop_catalog::{Catalog, PageQuery, Parent, Problem, Selector};
use troop_plugin_api::{Consumer, Credential, Groups, Looked, Lookup, LookupError};
use troop_schema::Record;
use troop_txn::{Key, ReadView, Store, read};
use uuid::Uuid;

/// A read of the local store takes micro- to milliseconds; longer than this the disk hangs.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Read at once: nearly every consumer has fewer groups.
const GROUPS_PER_PAGE: usize = 1_000;

/// One per node, shared by all workers.
#[derive(Clone)]
pub(crate) struct Desk {
    shelf: Arc<Shelf>,
    stacks: Arc<Stacks>,
}

/// Where what is not on the shelf lies.
struct Stacks {
    store: Arc<dyn Store>,
    catalog: Catalog,
    control: Handle,
    readers: Semaphore,
}

impl Desk {
    /// Over a store, reading on `control`.
    pub fn new(
        shelf: Arc<Shelf>,
        store: Arc<dyn Store>,
        catalog: Catalog,
        control: Handle,
        readers_max: usize,
    ) -> Self {
        Desk {
            shelf,
            stacks: Arc::new(Stacks {
                store,
                catalog,
                control,
                readers: Semaphore::new(readers_max),
            }),
        }
    }

    /// A record, straight from the store, for tasks beside the workers.
    pub fn read_record(
        &self,
        entity: &'static str,
        id: Uuid,
    ) -> impl Future<Output = Option<Record>> + Send + 'static {
        let stacks = Arc::clone(&self.stacks);
        async move { stacks.record(entity, id).await.ok().flatten() }
    }

    /// From the shelf, or fetched and put there. What fetching needs is made when it is needed.
    fn look<T: 'static, F>(
        &self,
        wanted: Wanted<'_>,
        pick: fn(Kept) -> Option<Arc<T>>,
        what: &'static str,
        fetch: impl FnOnce() -> F,
    ) -> Looked<T>
    where
        F: FnOnce(&Stacks) -> Result<Kept, String> + Send + 'static,
    {
        let place = self.shelf.place(wanted);
        let token = match self.shelf.look(place) {
            Ok(kept) => return Looked::now(Ok(pick(kept))),
            Err(token) => token,
        };
        let fetch = fetch();
        let (shelf, stacks) = (Arc::clone(&self.shelf), Arc::clone(&self.stacks));
        Looked::Later(Box::pin(async move {
            let kept = Stacks::run(stacks, fetch)
                .await
                .map_err(|reason| LookupError { what, reason })?;
            shelf.keep(place, kept.clone(), token);
            Ok(pick(kept))
        }))
    }
}

impl Stacks {
    async fn run<T: Send + 'static>(
        stacks: Arc<Stacks>,
        fetch: impl FnOnce(&Stacks) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let permit = stacks.readers.acquire().await.map_err(|e| e.to_string())?;
        let reader = Arc::clone(&stacks);
        let fetched = stacks.control.spawn_blocking(move || fetch(&reader));
        let fetched = tokio::time::timeout(LOOKUP_TIMEOUT, fetched).await;
        drop(permit);
        match fetched {
            Ok(Ok(found)) => found,
            Ok(Err(panic)) => Err(panic.to_string()),
            Err(_) => Err("the store took too long".to_owned()),
        }
    }

    async fn record(self: Arc<Self>, entity: &'static str, id: Uuid) -> Result<Option<Record>, String> {
        Stacks::run(self, move |stacks| {
            read(&*stacks.store, |view| {
                find(view, &stacks.catalog, entity, &Selector::Id(id))
            })
            .map_err(|e| e.to_string())
        })
        .await
    }

    fn consumer(
        &self,
        find: impl FnOnce(&dyn ReadView, &Catalog) -> Result<Option<Record>, Problem>,
    ) -> Result<Kept, String> {
        let found = read(&*self.store, |view| find(view, &self.catalog)).map_err(|e| e.to_string())?;
        Ok(Kept::Consumer(found.as_ref().and_then(consumer).map(Arc::new)))
    }

    fn credential(&self, schema: &str, selector: &Selector) -> Result<Kept, String> {
        let found = read(&*self.store, |view| {
            let Some(found) = self.catalog.find(view, schema, selector, now_ms())? else {
                return Ok(None);
            };
            let row = view.get(&Key::record(schema, found.id.as_bytes()))?;
            Ok::<_, Problem>(row.map(|row| (found.id, row)))
        });
        let Some((id, row)) = found.map_err(|e| e.to_string())? else {
            return Ok(Kept::Credential(None, None));
        };
        let record: Record = serde_json::from_slice(&row.value).map_err(|e| e.to_string())?;
        let ends: Expiry = record.get("expires_at_ms").and_then(Value::as_u64);
        Ok(Kept::Credential(credential(id, record).map(Arc::new), ends))
    }

    fn groups(&self, consumer: Uuid) -> Result<Kept, String> {
        let mut query = PageQuery {
            size: GROUPS_PER_PAGE,
            parent: Some(Parent {
                field: "consumer",
                id: consumer,
            }),
            ..PageQuery::default()
        };
        let names = read(&*self.store, |view| {
            let mut names = Vec::new();
            loop {
                let page = self.catalog.page(view, GROUPS, &query, now_ms())?;
                let group = |record: &Record| Some(record.get("group")?.as_str()?.to_owned());
                names.extend(page.data.iter().filter_map(group));
                query.offset = page.offset;
                if query.offset.is_none() {
                    return Ok::<_, Problem>(names);
                }
            }
        });
        let names = names.map_err(|e| e.to_string())?;
        Ok(Kept::Groups(Arc::new(Groups::new(names))))
    }
}

fn pick_consumer(kept: Kept) -> Option<Arc<Consumer>> {
    match kept {
        Kept::Consumer(consumer) => consumer,
        Kept::Credential(..) | Kept::Groups(_) => None,
    }
}

fn pick_credential(kept: Kept) -> Option<Arc<Credential>> {
    match kept {
        Kept::Credential(credential, ends) => credential.filter(|_| ends.is_none_or(|at| now_ms() < at)),
        Kept::Consumer(_) | Kept::Groups(_) => None,
    }
}

fn pick_groups(kept: Kept) -> Option<Arc<Groups>> {
    match kept {
        Kept::Groups(groups) => Some(groups),
        Kept::Consumer(_) | Kept::Credential(..) => None,
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn id_text(id: Uuid) -> HeaderValue {
    HeaderValue::try_from(id.to_string()).expect("invariant: an id is hexadecimal digits and hyphens")
}

fn consumer(record: &Record) -> Option<Consumer> {
    let text = |field: &str| {
        let text = record.get(field).and_then(Value::as_str)?;
        HeaderValue::from_bytes(text.as_bytes()).ok()
    };
    let id = record.get("id").and_then(Value::as_str)?.parse().ok()?;
    Some(Consumer {
        id,
        id_text: id_text(id),
        username: text("username"),
        custom_id: text("custom_id"),
    })
}

fn credential(id: Uuid, record: Record) -> Option<Credential> {
    let consumer = record.get("consumer")?.get("id")?.as_str()?.parse().ok()?;
    Some(Credential::new(id, consumer, record))
}

impl Lookup for Desk {
    fn credential(&self, entity: &'static str, field: &'static str, value: &str) -> Looked<Credential> {
        let wanted = Wanted::Credential {
            schema: entity,
            field,
            value,
        };
        self.look(wanted, pick_credential, "a credential", || {
            let value = value.to_owned();
            let selector = Selector::Unique { field, value };
            move |stacks: &Stacks| stacks.credential(entity, &selector)
        })
    }

    fn consumer(&self, id: Uuid) -> Looked<Consumer> {
        self.look(Wanted::Consumer(id), pick_consumer, "a consumer", || {
            move |stacks: &Stacks| {
                stacks.consumer(|view, catalog| find(view, catalog, "consumers", &Selector::Id(id)))
            }
        })
    }

    fn consumer_by_username(&self, username: &str) -> Looked<Consumer> {
        self.look(Wanted::Username(username), pick_consumer, "a consumer", || {
            let selector = Selector::Unique {
                field: "username",
                value: username.to_owned(),
            };
            move |stacks: &Stacks| {
                stacks.consumer(|view, catalog| find(view, catalog, "consumers", &selector))
            }
        })
    }

    fn groups(&self, consumer: Uuid) -> Looked<Groups> {
        self.look(
            Wanted::Groups(consumer),
            pick_groups,
            "a consumer's groups",
            || move |stacks: &Stacks| stacks.groups(consumer),
        )
    }

    fn record(&self, entity: &'static str, id: Uuid) -> Looked<Record> {
        let stacks = Arc::clone(&self.stacks);
        Looked::Later(Box::pin(async move {
            let found = stacks.record(entity, id).await;
            let found = found.map_err(|reason| LookupError {
                what: "a record",
                reason,
            })?;
            Ok(found.map(Arc::new))
        }))
    }
}

fn find(
    view: &dyn ReadView,
    catalog: &Catalog,
    entity: &str,
    selector: &Selector,
) -> Result<Option<Record>, Problem> {
    Ok(catalog
        .find(view, entity, selector, now_ms())?
        .map(|found| found.record))
}
