//! Foreign keys: a service that comes and goes while routes are hung on it.

use super::{
    Judgement, Task, Workload,
    client::{Client, Effect},
    field::Field,
    lanes::{Lanes, Target},
    stream,
};
use crate::{
    check::wgl,
    cluster::board::Seat,
    history::{Call as _, End, edn},
    line::{Ask, Reply},
    model::family::{Answer, CHILDREN_MAX, Family, State},
};
use http::Method;
use rand::Rng as _;
use serde_json::json;
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};
use uuid::Uuid;

const NAME: &str = "family";
const LANES: usize = 2;
const CLIENTS: u64 = 4;
const OPERATIONS: u64 = 250;

struct Extra {
    /// The service keeps its id when it comes back, so that routes can be hung on it by id.
    id: Uuid,
    next_child: AtomicU32,
}

type Object = Target<Family, Extra>;

/// The workload.
pub struct Families {
    shared: Arc<Shared>,
}

struct Shared {
    field: Field,
    lanes: Lanes<Family, Extra>,
}

impl Families {
    /// Ready to begin.
    pub fn new(field: &Field) -> Self {
        Families {
            shared: Arc::new(Shared {
                field: field.clone(),
                lanes: Lanes::new(LANES),
            }),
        }
    }
}

impl Workload for Families {
    fn name(&self) -> &'static str {
        NAME
    }

    fn clients(&self, field: &Field) -> Vec<Task> {
        let clients = LANES as u64 * CLIENTS;
        let task = |number: u64| -> Task {
            let client = Client::new(field, NAME, number, clients);
            let shared = Arc::clone(&self.shared);
            Box::pin(async move { shared.live(client, (number / CLIENTS) as usize).await })
        };
        (0..clients).map(task).collect()
    }

    fn finish<'a>(&'a self, _: &'a Field) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async {})
    }

    fn judge(&self) -> Judgement {
        let (histories, counts) = self.shared.lanes.histories();
        let mut judgement = Judgement {
            counts,
            ..Judgement::default()
        };
        for (name, history) in &histories {
            let findings = wgl::check::<Family>(name, State::default(), history, wgl::BUDGET);
            if !findings.is_clean() {
                judgement
                    .files
                    .push((format!("{NAME}-{name}.edn"), edn::write(history)));
            }
            judgement.findings.add(findings);
            stream::sample(history, |call| !matches!(call, Family::Look), &mut judgement);
        }
        let keyed = histories.iter().map(|(name, history)| (name.as_str(), history));
        judgement
            .files
            .push((format!("{NAME}.edn"), edn::write_keyed(keyed)));
        judgement.remarks.push(format!("{} families", histories.len()));
        judgement
    }
}

impl Shared {
    async fn live(&self, mut client: Client, lane: usize) {
        while client.breathe().await {
            let Some(seat) = client.seat().await else { continue };
            let fresh = async {
                let number = self.field.number();
                let extra = Extra {
                    id: Uuid::from_u64_pair(0x6661_6d69_6c79_4000, 0x8000_0000_0000_0000 | number),
                    next_child: AtomicU32::new(0),
                };
                Some(Target::new(
                    self.field.clock,
                    format!("family-{number}"),
                    OPERATIONS,
                    extra,
                ))
            };
            let Some(object) = self.lanes.target(lane, fresh).await else {
                continue;
            };
            let call = self.draw(&mut client, &object);
            self.play(&mut client, &seat, &object, call).await;
        }
    }

    fn draw(&self, client: &mut Client, object: &Object) -> Family {
        let born = object.extra.next_child.load(Ordering::Relaxed).min(CHILDREN_MAX);
        match client.random.random_range(0..20) {
            0..=3 => Family::Found,
            4..=6 => Family::End,
            7..=11 if born < CHILDREN_MAX => {
                let child = object.extra.next_child.fetch_add(1, Ordering::Relaxed);
                if child < CHILDREN_MAX {
                    Family::Bear(child)
                } else {
                    Family::Look
                }
            }
            // The last few: older ones have mostly been lost before.
            12..=16 if born > 0 => Family::Lose(client.random.random_range(born.saturating_sub(4)..born)),
            _ => Family::Look,
        }
    }

    async fn play(&self, client: &mut Client, seat: &Seat, object: &Object, call: Family) {
        let effect = if call == Family::Look {
            Effect::Read
        } else {
            Effect::Write
        };
        let ask = ask(object, call);
        let mut process = client.process;
        let doing = async {
            let result = client.ask(seat, ask).await;
            client.fate(call.name(), effect, result, |reply| answer(object, call, reply))
        };
        let _: End<Answer> = object.record(&mut process, seat.number, call, doing).await;
        client.process = process;
    }
}

fn ask(object: &Object, call: Family) -> Ask {
    let (name, id) = (&object.name, object.extra.id);
    match call {
        Family::Found => {
            let body = json!({"id": id, "name": name, "host": "origin.test"});
            Ask::new(Method::POST, "/services?wait=local").json(body)
        }
        Family::End => Ask::new(Method::DELETE, format!("/services/{name}?wait=local")),
        Family::Bear(child) => {
            let mut body = json!({"name": route(name, child), "paths": [format!("/{}", route(name, child))]});
            // Two doors into the same room: below the service, and beside it.
            if child % 2 == 0 {
                return Ask::new(Method::POST, format!("/services/{name}/routes?wait=local")).json(body);
            }
            body["service"] = json!({"id": id});
            Ask::new(Method::POST, "/routes?wait=local").json(body)
        }
        Family::Lose(child) => Ask::new(
            Method::DELETE,
            format!("/routes/{}?wait=local", route(name, child)),
        ),
        Family::Look => Ask::new(
            Method::GET,
            format!("/services/{name}/routes?size=1000&min_revision=0"),
        ),
    }
}

fn route(family: &str, child: u32) -> String {
    format!("{family}-{child}")
}

fn answer(object: &Object, call: Family, reply: &Reply) -> Option<Answer> {
    match (call, reply.status) {
        (Family::Found | Family::Bear(_), 201) | (Family::End | Family::Lose(_), 204) => Some(Answer::Done),
        // Kong: an id that is taken is a 400, a name that is taken a 409; both are here, and either may be told.
        (Family::Found, 400 | 409) | (Family::End, 400) => Some(Answer::Refused),
        (Family::Bear(child), 404) if child % 2 == 0 => Some(Answer::Refused),
        (Family::Bear(child), 400) if child % 2 == 1 => Some(Answer::Refused),
        (Family::Look, 404) => Some(Answer::Children(None)),
        (Family::Look, 200) => children(&object.name, reply).map(|children| Answer::Children(Some(children))),
        _ => None,
    }
}

fn children(family: &str, reply: &Reply) -> Option<u64> {
    let prefix = format!("{family}-");
    let mut children = 0;
    for route in reply.json()["data"].as_array()? {
        let child: u32 = route["name"].as_str()?.strip_prefix(&prefix)?.parse().ok()?;
        children |= 1_u64.checked_shl(child)?;
    }
    Some(children)
}
