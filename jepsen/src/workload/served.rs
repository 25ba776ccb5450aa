//! What is acknowledged with `wait=all` is served by all, no proxy ever goes back, and traffic flows whatever happens to the cluster.
//!
//! One route per lane answers by itself (`request-termination`), with a message that counts up. A writer raises the number and, when
//! the answer says that all serve it, asks the proxies of those it names at once. (A member that is cut off from the others has no
//! lease and is not waited for, though clients may reach it.) Readers ask the proxies all the time: a node that was up from the
//! question to the answer must answer well, whoever leads, dies or is cut off elsewhere.

use super::{
    Fate, Judgement, Sample, Task, Workload,
    client::{Client, Effect},
    field::Field,
};
use crate::{
    check::Findings,
    cluster::board::Seat,
    history::{Counts, End, Nanos},
    line::{Ask, Line, Reply, Silence},
};
use http::Method;
use serde_json::json;
use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::timeout;

const NAME: &str = "served";
const LANES: u64 = 2;
/// Between two questions of a reader to one node.
const BEAT: Duration = Duration::from_millis(25);
/// A proxied request that terminates at the gateway takes microseconds; what takes this long is broken.
const PROXY_PATIENCE: Duration = Duration::from_secs(3);

/// The workload.
pub struct Served {
    shared: Arc<Shared>,
}

struct Shared {
    field: Field,
    notes: Mutex<Notes>,
}

#[derive(Default)]
struct Notes {
    findings: Findings,
    counts: Counts,
    samples: Vec<Sample>,
    /// Proxied answers.
    proxied: u64,
    /// Of which from nodes that were up all the while.
    owed: u64,
    complete: u64,
    partial: u64,
    /// The highest number each node was seen to serve since its power was last cut, by lane.
    served: HashMap<(usize, u32, u64), (u64, Nanos)>,
    /// Slowest answer of a node that was up.
    slowest: Nanos,
}

impl Served {
    /// Ready to begin.
    pub fn new(field: &Field) -> Self {
        Served {
            shared: Arc::new(Shared {
                field: field.clone(),
                notes: Mutex::default(),
            }),
        }
    }
}

impl Workload for Served {
    fn name(&self) -> &'static str {
        NAME
    }

    fn clients(&self, field: &Field) -> Vec<Task> {
        let task = |lane: u64| -> Task {
            let client = Client::new(field, NAME, lane, LANES);
            let shared = Arc::clone(&self.shared);
            Box::pin(async move { shared.write(client, lane).await })
        };
        (0..LANES).map(task).collect()
    }

    fn finish<'a>(&'a self, _: &'a Field) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async {})
    }

    fn judge(&self) -> Judgement {
        let notes = self.shared.lock();
        let mut findings = notes.findings.clone();
        findings.checked = notes.owed + notes.complete;
        Judgement {
            findings,
            counts: notes.counts,
            samples: notes.samples.clone(),
            remarks: vec![
                format!(
                    "{} proxied answers, {} of them owed by nodes that were up; slowest of those {:.1} ms",
                    notes.proxied,
                    notes.owed,
                    notes.slowest as f64 / 1e6
                ),
                format!("wait=all: {} complete, {} partial", notes.complete, notes.partial),
            ],
            ..Judgement::default()
        }
    }
}

/// A lane that is set up.
struct Lane {
    number: u64,
    plugin: String,
    path: String,
}

/// A writer's lines to one node.
struct Probe {
    proxy: Line,
    admin: Line,
    id: Option<u64>,
}

impl Probe {
    fn of(seat: &Seat) -> Self {
        Probe {
            proxy: Line::to(seat.machine.proxy),
            admin: Line::to(seat.machine.admin),
            id: None,
        }
    }

    /// The node's id, asked for once.
    async fn id(&mut self) -> Option<u64> {
        if self.id.is_none() {
            let ask = Ask::new(Method::GET, "/troop/status");
            let reply = self.admin.ask(ask, PROXY_PATIENCE).await.ok()?;
            self.id = reply.json()["id"].as_u64();
        }
        self.id
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(self: Arc<Self>, mut client: Client, number: u64) {
        let lane = loop {
            if !client.breathe().await {
                return;
            }
            if let Some(lane) = self.set_up(&mut client, number).await {
                break Arc::new(lane);
            }
        };
        // Readers begin when the route is served everywhere, and end with the run.
        let readers = Arc::clone(&self).read(Arc::clone(&lane));
        let readers = tokio::spawn(readers);
        let mut probes = HashMap::new();
        let mut value = 1;
        while client.breathe().await {
            let Some(seat) = client.seat().await else { continue };
            value += 1;
            self.raise(&mut client, &seat, &lane, value, &mut probes).await;
        }
        // It looks at the same signal and ends by itself; a reader that panicked has nothing more to tell.
        let _ = readers.await;
    }

    /// A route without a service that terminates with `v1`, served by all.
    async fn set_up(&self, client: &mut Client, number: u64) -> Option<Lane> {
        let seat = client.seat().await?;
        let name = format!("served-{number}-{}", self.field.number());
        let path = format!("/{name}");
        let route = json!({"name": name, "paths": [path]});
        let made = client
            .ask(&seat, Ask::new(Method::POST, "/routes?wait=all").json(route))
            .await
            .ok()?;
        if made.status != 201 {
            self.field
                .oddities
                .note(format!("making a route: {}", made.summary()));
            return None;
        }
        let plugin = json!({"name": "request-termination", "config": {"status_code": 200, "message": "v1"}});
        let ask = Ask::new(
            Method::POST,
            format!("/routes/{name}/plugins?wait=all&strict=1&timeout=5s"),
        )
        .json(plugin);
        let made = client.ask(&seat, ask).await.ok()?;
        if made.status != 201 {
            self.field
                .oddities
                .note(format!("making a plugin: {}", made.summary()));
            return None;
        }
        Some(Lane {
            number,
            plugin: made.json()["id"].as_str()?.to_owned(),
            path,
        })
    }

    /// Writes the next number; if all are said to serve it, asks all.
    async fn raise(
        &self,
        client: &mut Client,
        seat: &Seat,
        lane: &Lane,
        value: u64,
        probes: &mut HashMap<usize, Probe>,
    ) {
        let body = json!({"config": {"message": format!("v{value}")}});
        let target = format!("/plugins/{}?wait=all&timeout=3s", lane.plugin);
        let began = self.field.clock.now();
        let result = client.ask(seat, Ask::new(Method::PATCH, target).json(body)).await;
        let end = client.fate("raise", Effect::Write, result, |reply| {
            (reply.status == 200).then(|| reply.clone())
        });
        self.count(began, &end);
        let End::Ok(reply) = end else { return };
        if reply.header("x-troop-wait") != Some("complete") {
            self.lock().partial += 1;
            return;
        }
        self.lock().complete += 1;
        let named = served_by(&reply);
        for other in self.field.board.seats() {
            let Some(up) = self.field.board.up_since(other.number) else {
                continue;
            };
            let probe = probes.entry(other.number).or_insert_with(|| Probe::of(&other));
            if !probe.id().await.is_some_and(|id| named.contains(&id)) {
                continue;
            }
            let seen = ask_proxy(&mut probe.proxy, lane)
                .await
                .ok()
                .as_ref()
                .and_then(number_in);
            let was_up = self.field.board.up_since(other.number) == Some(up);
            if let Some(seen) = seen.filter(|seen| *seen < value && was_up) {
                let text = format!(
                    "node {} serves v{seen} after wait=all of v{value} at node {} named it as serving",
                    other.number, seat.number,
                );
                self.violated(lane, text);
            }
        }
    }

    fn count(&self, began: Nanos, end: &End<Reply>) {
        let mut notes = self.lock();
        let (count, fate) = match end {
            End::Ok(_) => (&mut notes.counts.ok, Fate::Ok),
            End::Fail(_) => (&mut notes.counts.fail, Fate::Fail),
            End::Info(_) => (&mut notes.counts.info, Fate::Info),
        };
        *count += 1;
        let took = self.field.clock.now() - began;
        notes.samples.push(Sample {
            at: began,
            took,
            is_write: true,
            fate,
        });
    }

    /// Asks every node in turn, each over a line that stays open, as clients of a gateway do.
    async fn read(self: Arc<Self>, lane: Arc<Lane>) {
        let mut lines: HashMap<usize, Line> = HashMap::new();
        let mut stop = self.field.stop.clone();
        while !self.field.is_over() {
            for seat in self.field.board.seats() {
                // Only nodes that are up: a paused one would hold up the questions to the others.
                let Some(up) = self.field.board.up_since(seat.number) else {
                    continue;
                };
                let line = lines
                    .entry(seat.number)
                    .or_insert_with(|| Line::to(seat.machine.proxy));
                let began = self.field.clock.now();
                let result = ask_proxy(line, &lane).await;
                let is_owed = self.field.board.up_since(seat.number) == Some(up);
                self.hear(&lane, &seat, began, result, is_owed);
            }
            let _ = timeout(BEAT, stop.wait_for(|stop| *stop)).await;
        }
    }

    fn hear(&self, lane: &Lane, seat: &Seat, began: Nanos, result: Result<Reply, Silence>, is_owed: bool) {
        let now = self.field.clock.now();
        let mut faults = Vec::new();
        let key = (seat.number, self.field.board.cuts(seat.number), lane.number);
        let mut notes = self.lock();
        notes.proxied += 1;
        if is_owed {
            notes.owed += 1;
            notes.slowest = notes.slowest.max(now - began);
        }
        match result {
            Ok(reply) => match number_in(&reply) {
                // The last words of a node whose power fails belong to no life.
                Some(_) if !is_owed => {}
                Some(seen) => {
                    let (highest, at) = *notes.served.entry(key).or_insert((seen, now));
                    if seen < highest && began > at {
                        faults.push(format!(
                            "node {} serves v{seen} after it served v{highest}",
                            seat.number
                        ));
                    }
                    if seen > highest {
                        notes.served.insert(key, (seen, now));
                    }
                }
                None if is_owed => faults.push(format!(
                    "node {} is up and answers {}",
                    seat.number,
                    reply.summary()
                )),
                None => {}
            },
            Err(silence) if is_owed => faults.push(format!("node {} is up and {silence}", seat.number)),
            Err(_) => {}
        }
        drop(notes);
        faults.into_iter().for_each(|fault| self.violated(lane, fault));
    }

    fn violated(&self, lane: &Lane, text: String) {
        let now = self.field.clock.now();
        self.lock().findings.violated(NAME, lane.path.clone(), now, text);
    }
}

async fn ask_proxy(line: &mut Line, lane: &Lane) -> Result<Reply, Silence> {
    line.ask(Ask::new(Method::GET, lane.path.clone()), PROXY_PATIENCE)
        .await
}

/// Ids of the nodes that an answer says serve the change.
fn served_by(reply: &Reply) -> Vec<u64> {
    let named = reply.header("x-troop-served-by").unwrap_or_default();
    named.split(',').filter_map(|id| id.trim().parse().ok()).collect()
}

/// The number in a terminated request's message.
fn number_in(reply: &Reply) -> Option<u64> {
    if reply.status != 200 {
        return None;
    }
    reply.json()["message"].as_str()?.strip_prefix('v')?.parse().ok()
}
