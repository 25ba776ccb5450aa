//! Unique names: many clients create consumers of one username, each with an id of its own, and delete them again.

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
    model::slot::{Answer, Slot},
};
use http::Method;
use rand::Rng as _;
use serde_json::json;
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};
use uuid::Uuid;

const NAME: &str = "names";
const LANES: usize = 2;
const CLIENTS: u64 = 4;
const OPERATIONS: u64 = 300;

/// The object's extra: the id that was last seen to own the name, for whoever wants to free it.
type Object = Target<Slot, Mutex<Option<u64>>>;

/// The workload.
pub struct Names {
    shared: Arc<Shared>,
}

struct Shared {
    field: Field,
    lanes: Lanes<Slot, Mutex<Option<u64>>>,
}

impl Names {
    /// Ready to begin.
    pub fn new(field: &Field) -> Self {
        Names {
            shared: Arc::new(Shared {
                field: field.clone(),
                lanes: Lanes::new(LANES),
            }),
        }
    }
}

impl Workload for Names {
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
            let findings = wgl::check::<Slot>(name, None, history, wgl::BUDGET);
            if !findings.is_clean() {
                judgement
                    .files
                    .push((format!("{NAME}-{name}.edn"), edn::write(history)));
            }
            judgement.findings.add(findings);
            stream::sample(history, |call| !matches!(call, Slot::Look), &mut judgement);
        }
        let keyed = histories.iter().map(|(name, history)| (name.as_str(), history));
        judgement
            .files
            .push((format!("{NAME}.edn"), edn::write_keyed(keyed)));
        judgement.remarks.push(format!("{} names", histories.len()));
        judgement
    }
}

impl Shared {
    async fn live(&self, mut client: Client, lane: usize) {
        while client.breathe().await {
            let Some(seat) = client.seat().await else { continue };
            let fresh = async {
                let name = format!("name-{}", self.field.number());
                Some(Target::new(self.field.clock, name, OPERATIONS, Mutex::new(None)))
            };
            let Some(object) = self.lanes.target(lane, fresh).await else {
                continue;
            };
            let owner = *object.extra.lock().unwrap_or_else(PoisonError::into_inner);
            let call = match (client.random.random_range(0..6), owner) {
                (0..=1, Some(owner)) => Slot::Free(owner),
                (0..=3, _) => Slot::Take(self.field.number()),
                _ => Slot::Look,
            };
            self.play(&mut client, &seat, &object, call).await;
        }
    }

    async fn play(&self, client: &mut Client, seat: &Seat, object: &Object, call: Slot) {
        let name = &object.name;
        let (ask, effect) = match call {
            Slot::Take(id) => {
                let body = json!({"id": uuid(id), "username": name});
                (
                    Ask::new(Method::POST, "/consumers?wait=local").json(body),
                    Effect::Write,
                )
            }
            Slot::Free(id) => (
                Ask::new(Method::DELETE, format!("/consumers/{}?wait=local", uuid(id))),
                Effect::Write,
            ),
            Slot::Look => (
                Ask::new(Method::GET, format!("/consumers/{name}?min_revision=0")),
                Effect::Read,
            ),
        };
        let mut process = client.process;
        let doing = async {
            let result = client.ask(seat, ask).await;
            client.fate(call.name(), effect, result, |reply| answer(call, reply))
        };
        let end = object.record(&mut process, seat.number, call, doing).await;
        client.process = process;
        let mut owner = object.extra.lock().unwrap_or_else(PoisonError::into_inner);
        match (call, end) {
            (Slot::Take(id), End::Ok(Answer::Done) | End::Info(_)) => *owner = Some(id),
            (Slot::Look, End::Ok(Answer::Owner(seen))) => *owner = seen,
            _ => {}
        }
    }
}

fn uuid(id: u64) -> Uuid {
    // Version and variant as Kong's check of ids wants them; the number is in the low half.
    Uuid::from_u64_pair(0x7472_6f6f_7000_4000, 0x8000_0000_0000_0000 | id)
}

fn number(id: &str) -> Option<u64> {
    let (high, low) = id.parse::<Uuid>().ok()?.as_u64_pair();
    (high == 0x7472_6f6f_7000_4000).then_some(low & 0x3fff_ffff_ffff_ffff)
}

fn answer(call: Slot, reply: &Reply) -> Option<Answer> {
    match (call, reply.status) {
        (Slot::Take(_), 201) | (Slot::Free(_), 204) => Some(Answer::Done),
        (Slot::Take(_), 409) => Some(Answer::Taken),
        (Slot::Look, 404) => Some(Answer::Owner(None)),
        (Slot::Look, 200) => Some(Answer::Owner(Some(number(reply.json()["id"].as_str()?)?))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_survives_being_an_id() {
        for id in [0, 1, 77, 1 << 40] {
            assert_eq!(number(&uuid(id).to_string()), Some(id));
        }
        assert_eq!(number("00000000-0000-4000-8000-000000000001"), None);
    }
}
