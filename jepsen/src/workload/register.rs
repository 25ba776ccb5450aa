//! Registers: a service whose tag is the value, written, read and swapped through every node.
//!
//! `PATCH` writes, `PATCH` with `If-Match` swaps, `GET` reads. Swaps start from a value and its `ETag` that a client of the lane saw
//! last, so that many succeed and many come too late.
//!
//! Beside the lanes stands a crowd that only reads, at all nodes, so that somebody asks at the very moment a node wakes up or loses its
//! office. The search for an order could not bear so many; the crowd's answers are held against the clock by their revisions.

use super::{
    Judgement, Task, Workload,
    client::{Client, Effect},
    field::Field,
    lanes::{Lanes, Target},
    stream,
};
use crate::{
    check::{
        revisions::{self, Quote},
        wgl,
    },
    cluster::board::Seat,
    history::{Call as _, End, edn},
    line::{Ask, Reply},
    model::register::{Answer, Register},
};
use http::Method;
use rand::Rng as _;
use serde_json::json;
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

const NAME: &str = "register";
/// Lanes, clients at each, operations per object: what the search for an order can bear.
const LANES: usize = 2;
const CLIENTS: u64 = 5;
const OPERATIONS: u64 = 400;
/// Clients that only read.
const CROWD: u64 = 12;

/// What the lane's clients last saw in it, with the revision that put it there.
type LastSeen = Mutex<(u64, u64)>;
type Object = Target<Register, Extra>;

struct Extra {
    initial: u64,
    last_seen: LastSeen,
}

/// The workload.
pub struct Registers {
    shared: Arc<Shared>,
}

struct Shared {
    field: Field,
    lanes: Lanes<Register, Extra>,
    quotes: Mutex<Vec<Quote>>,
}

impl Registers {
    /// Ready to begin.
    pub fn new(field: &Field) -> Self {
        let lanes = Lanes::new(LANES);
        Registers {
            shared: Arc::new(Shared {
                field: field.clone(),
                lanes,
                quotes: Mutex::default(),
            }),
        }
    }
}

impl Workload for Registers {
    fn name(&self) -> &'static str {
        NAME
    }

    fn clients(&self, field: &Field) -> Vec<Task> {
        let players = LANES as u64 * CLIENTS;
        let clients = players + CROWD;
        let task = |number: u64| -> Task {
            let client = Client::new(field, NAME, number, clients);
            let shared = Arc::clone(&self.shared);
            if number >= players {
                return Box::pin(async move { shared.watch(client).await });
            }
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
        for (target, (name, history)) in self.shared.lanes.all().iter().zip(&histories) {
            let findings = wgl::check::<Register>(name, target.extra.initial, history, wgl::BUDGET);
            if !findings.is_clean() {
                judgement
                    .files
                    .push((format!("{NAME}-{name}.edn"), edn::write(history)));
            }
            judgement.findings.add(findings);
            stream::sample(history, |call| !matches!(call, Register::Read), &mut judgement);
        }
        let quotes = self.shared.quotes.lock().unwrap_or_else(PoisonError::into_inner);
        judgement.findings.add(revisions::check(&quotes));
        let keyed = histories.iter().map(|(name, history)| (name.as_str(), history));
        judgement
            .files
            .push((format!("{NAME}.edn"), edn::write_keyed(keyed)));
        judgement.remarks.push(format!(
            "{} registers, {} revisions quoted",
            histories.len(),
            quotes.len()
        ));
        judgement
    }
}

impl Shared {
    async fn live(&self, mut client: Client, lane: usize) {
        while client.breathe().await {
            let Some(seat) = client.seat().await else { continue };
            let set_up = self.set_up(&mut client, &seat);
            let Some(object) = self.lanes.target(lane, set_up).await else {
                continue;
            };
            let (from, at) = *object
                .extra
                .last_seen
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let call = match client.random.random_range(0..4) {
                0 | 1 => Register::Read,
                2 => Register::Write(self.field.number()),
                _ => Register::Cas {
                    from,
                    to: self.field.number(),
                },
            };
            self.play(&mut client, &seat, &object, call, at).await;
        }
    }

    /// One of the crowd.
    async fn watch(&self, mut client: Client) {
        while client.breathe().await {
            let (Some(seat), Some(object)) = (client.seat().await, self.lanes.newest()) else {
                continue;
            };
            let invoked = self.field.clock.now();
            let ask = Ask::new(Method::GET, format!("/services/{}?wait=local", object.name));
            let result = client.ask(&seat, ask).await;
            let said = result.as_ref().ok().cloned();
            let end = client.fate("read", Effect::Read, result, |reply| {
                answer(Register::Read, reply)
            });
            if let (End::Ok(answer), Some(reply)) = (end, said) {
                let who = format!(
                    "read by number {} of the crowd at node {}",
                    client.number, seat.number
                );
                self.learn(&object, invoked, Register::Read, answer, &reply, who);
            }
        }
    }

    /// A new register, if the answer says so. One whose making is unknown is left alone.
    async fn set_up(&self, client: &mut Client, seat: &Seat) -> Option<Object> {
        let value = self.field.number();
        let name = format!("register-{value}");
        let body = json!({"name": name, "host": "origin.test", "tags": [tag(value)]});
        let ask = Ask::new(Method::POST, "/services?wait=local").json(body);
        let reply = client
            .ask(seat, ask)
            .await
            .ok()
            .filter(|reply| reply.status == 201)?;
        let extra = Extra {
            initial: value,
            last_seen: Mutex::new((value, reply.etag()?)),
        };
        Some(Target::new(self.field.clock, name, OPERATIONS, extra))
    }

    async fn play(&self, client: &mut Client, seat: &Seat, object: &Object, call: Register, at: u64) {
        let target = format!("/services/{}?wait=local", object.name);
        let ask = match call {
            Register::Read => Ask::new(Method::GET, target),
            Register::Write(value) => Ask::new(Method::PATCH, target).json(json!({"tags": [tag(value)]})),
            Register::Cas { to, .. } => {
                let ask = Ask::new(Method::PATCH, target).json(json!({"tags": [tag(to)]}));
                ask.header("if-match", format!("\"{at}\""))
            }
        };
        let effect = if call == Register::Read {
            Effect::Read
        } else {
            Effect::Write
        };
        let invoked = self.field.clock.now();
        let (mut process, mut said) = (client.process, None);
        let doing = async {
            let result = client.ask(seat, ask).await;
            said = result.as_ref().ok().cloned();
            client.fate(call.name(), effect, result, |reply| answer(call, reply))
        };
        let end = object.record(&mut process, seat.number, call, doing).await;
        client.process = process;
        if let (End::Ok(answer), Some(reply)) = (end, said) {
            let who = format!(
                "{} by process {} at node {}",
                call.name(),
                client.process.id(),
                seat.number
            );
            self.learn(object, invoked, call, answer, &reply, who);
        }
    }

    /// What the answer tells about the present value, for swaps to come and for the checker of revisions.
    fn learn(
        &self,
        object: &Object,
        invoked: u64,
        call: Register,
        answer: Answer,
        reply: &Reply,
        who: String,
    ) {
        let value = match (call, answer) {
            (_, Answer::Differs) => return,
            (Register::Read, Answer::Value(value))
            | (Register::Write(value), _)
            | (Register::Cas { to: value, .. }, _) => value,
            (Register::Read, Answer::Done) => return,
        };
        let (Some(revision), Some(changed)) = (reply.revision(), reply.etag()) else {
            self.field.oddities.note(format!(
                "{}: an answer without its revision: {}",
                call.name(),
                reply.summary()
            ));
            return;
        };
        {
            let mut last_seen = object
                .extra
                .last_seen
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if changed > last_seen.1 {
                *last_seen = (value, changed);
            }
        }
        let quote = Quote {
            invoked,
            ended: self.field.clock.now(),
            revision,
            is_write: call != Register::Read,
            value: Some((object.name.clone(), changed, value)),
            who,
        };
        self.quotes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(quote);
    }
}

fn tag(value: u64) -> String {
    format!("v{value}")
}

fn answer(call: Register, reply: &Reply) -> Option<Answer> {
    match (call, reply.status) {
        (Register::Read, 200) => {
            let tags = reply.json()["tags"].clone();
            let value = tags[0].as_str()?.strip_prefix('v')?.parse().ok()?;
            Some(Answer::Value(value))
        }
        (Register::Write(_) | Register::Cas { .. }, 200) => Some(Answer::Done),
        (Register::Cas { .. }, 412) => Some(Answer::Differs),
        _ => None,
    }
}
