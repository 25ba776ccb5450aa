//! Sets: services that wear a common tag, added and deleted one by one, and listed page by page.

use super::{
    Judgement, Task, Workload,
    client::{Client, Effect},
    field::Field,
    lanes::{Lanes, Target},
    stream,
};
use crate::{
    check::set_full::{self, Answer, Set},
    cluster::board::Seat,
    history::{Call as _, End, edn},
    line::{Ask, Reply},
};
use http::Method;
use rand::Rng as _;
use serde_json::json;
use std::{
    collections::BTreeSet,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

const NAME: &str = "set";
const LANES: usize = 1;
const CLIENTS: u64 = 5;
/// Per set. Listings grow with it.
const OPERATIONS: u64 = 400;
/// Small enough that listings take several pages.
const PAGE: usize = 50;
/// One more than the clients: the one who asks at the end.
const LAST_ASKER: u64 = CLIENTS;

/// The object's extra: elements that were acknowledged and that nobody has begun to remove.
type Object = Target<Set, Mutex<Vec<u64>>>;

/// The workload.
pub struct Sets {
    shared: Arc<Shared>,
}

struct Shared {
    field: Field,
    lanes: Lanes<Set, Mutex<Vec<u64>>>,
}

impl Sets {
    /// Ready to begin.
    pub fn new(field: &Field) -> Self {
        Sets {
            shared: Arc::new(Shared {
                field: field.clone(),
                lanes: Lanes::new(LANES),
            }),
        }
    }
}

impl Workload for Sets {
    fn name(&self) -> &'static str {
        NAME
    }

    fn clients(&self, field: &Field) -> Vec<Task> {
        let task = |number: u64| -> Task {
            let client = Client::new(field, NAME, number, CLIENTS + 1);
            let shared = Arc::clone(&self.shared);
            Box::pin(async move { shared.live(client).await })
        };
        (0..CLIENTS).map(task).collect()
    }

    /// Every set is read once more at every node.
    fn finish<'a>(&'a self, field: &'a Field) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            let mut client = Client::new(field, NAME, LAST_ASKER, CLIENTS + 1);
            for seat in field.board.seats() {
                for object in self.shared.lanes.all() {
                    self.shared.play(&mut client, &seat, &object, Set::Read).await;
                }
            }
        })
    }

    fn judge(&self) -> Judgement {
        let (histories, counts) = self.shared.lanes.histories();
        let mut judgement = Judgement {
            counts,
            ..Judgement::default()
        };
        for (name, history) in &histories {
            judgement.findings.add(set_full::check(name, history));
            if !has_last_read(history) {
                judgement
                    .findings
                    .undecided("set", name, "no last read was answered");
            }
            stream::sample(history, |call| !matches!(call, Set::Read), &mut judgement);
        }
        let keyed = histories.iter().map(|(name, history)| (name.as_str(), history));
        judgement
            .files
            .push((format!("{NAME}.edn"), edn::write_keyed(keyed)));
        judgement.remarks.push(format!(
            "{} sets, {} elements",
            histories.len(),
            judgement.findings.checked
        ));
        judgement
    }
}

/// Whether somebody looked after all was over: the last word about losses.
fn has_last_read(history: &crate::history::History<Set>) -> bool {
    let of_last_asker = |process: u64| process % (CLIENTS + 1) == LAST_ASKER;
    history
        .operations()
        .iter()
        .any(|operation| of_last_asker(operation.process) && operation.answer().is_some())
}

impl Shared {
    async fn live(&self, mut client: Client) {
        while client.breathe().await {
            let Some(seat) = client.seat().await else { continue };
            let fresh = async {
                let name = format!("set-{}", self.field.number());
                Some(Target::new(self.field.clock, name, OPERATIONS, Mutex::default()))
            };
            let Some(object) = self.lanes.target(0, fresh).await else {
                continue;
            };
            let call = match client.random.random_range(0..20) {
                0..=11 => Set::Add(self.field.number()),
                12..=15 => match take_one(&mut client, &object) {
                    Some(element) => Set::Remove(element),
                    None => continue,
                },
                _ => Set::Read,
            };
            self.play(&mut client, &seat, &object, call).await;
        }
    }

    async fn play(&self, client: &mut Client, seat: &Seat, object: &Object, call: Set) {
        let (mut process, set) = (client.process, &object.name);
        let doing = async {
            match call {
                Set::Add(element) => {
                    let body = json!({"name": service(set, element), "host": "origin.test", "tags": [set]});
                    let result = client
                        .ask(seat, Ask::new(Method::POST, "/services?wait=local").json(body))
                        .await;
                    client.fate(call.name(), Effect::Write, result, |reply| {
                        (reply.status == 201).then_some(Answer::Done)
                    })
                }
                Set::Remove(element) => {
                    let target = format!("/services/{}?wait=local", service(set, element));
                    let result = client.ask(seat, Ask::new(Method::DELETE, target)).await;
                    client.fate(call.name(), Effect::Write, result, |reply| {
                        (reply.status == 204).then_some(Answer::Done)
                    })
                }
                Set::Read => list(client, seat, set).await,
            }
        };
        let end = object.record(&mut process, seat.number, call, doing).await;
        client.process = process;
        if let (Set::Add(element), End::Ok(_)) = (call, end) {
            object
                .extra
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(element);
        }
    }
}

/// An element to remove; nobody else will get it.
fn take_one(client: &mut Client, object: &Object) -> Option<u64> {
    let mut known = object.extra.lock().unwrap_or_else(PoisonError::into_inner);
    let at = client.random.random_range(0..known.len().max(1));
    (at < known.len()).then(|| known.swap_remove(at))
}

/// All pages. What is there all the while is on one of them; what comes or goes meanwhile may be or not.
async fn list(client: &mut Client, seat: &Seat, set: &str) -> End<Answer> {
    let mut elements = BTreeSet::new();
    let mut target = format!("/services?tags={set}&size={PAGE}&min_revision=0");
    loop {
        let result = client.ask(seat, Ask::new(Method::GET, target)).await;
        match client.fate("list", Effect::Read, result, |reply| page(reply, set)) {
            End::Ok((found, next)) => {
                elements.extend(found);
                match next {
                    Some(next) => target = next,
                    None => return End::Ok(Answer::Elements(elements)),
                }
            }
            End::Fail(reason) => return End::Fail(reason),
            End::Info(reason) => return End::Info(reason),
        }
    }
}

/// The elements of a page and where the next one is.
fn page(reply: &Reply, set: &str) -> Option<(Vec<u64>, Option<String>)> {
    if reply.status != 200 {
        return None;
    }
    let document = reply.json();
    let prefix = format!("{set}-");
    let element = |service: &serde_json::Value| service["name"].as_str()?.strip_prefix(&prefix)?.parse().ok();
    let elements = document["data"]
        .as_array()?
        .iter()
        .map(element)
        .collect::<Option<Vec<u64>>>()?;
    // Kong: `next` repeats the offset and the size but not our own words.
    let next = document["offset"].as_str().map(|offset| {
        format!(
            "/services?tags={set}&size={PAGE}&min_revision=0&offset={}",
            escaped(offset)
        )
    });
    Some((elements, next))
}

/// An offset as part of a query.
fn escaped(offset: &str) -> String {
    let escape = |c: char| match c {
        '+' => "%2B".to_owned(),
        '/' => "%2F".to_owned(),
        '=' => "%3D".to_owned(),
        c => c.to_string(),
    };
    offset.chars().map(escape).collect()
}

fn service(set: &str, element: u64) -> String {
    format!("{set}-{element}")
}
