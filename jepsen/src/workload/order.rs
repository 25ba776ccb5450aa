//! One order: somebody stands at every node, writes down its digests, and listens to its events.

use super::{
    Judgement, Task, Workload,
    field::Field,
    stream::{self, Parser},
};
use crate::{
    check::{
        events::{self, Line as ScriptLine, Script},
        order::{self, Sighting},
    },
    cluster::board::Seat,
    history::Counts,
    line::{Ask, Line, ask_once},
};
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;
use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout, timeout_at};

const NAME: &str = "order";
/// Between two looks at all digests.
const LOOK: Duration = Duration::from_millis(150);
const GLANCE: Duration = Duration::from_secs(2);
/// How long a listener stays with one node before he carries his bookmark to another.
const STAY_MS: std::ops::Range<u64> = 500..4_000;
/// How long a node may be silent while it tells its history, and how long all may take to come to one revision.
const CATCH_UP: Duration = Duration::from_secs(30);
/// How often a node may forget some more while it is asked for the beginning.
const FLOORS_MAX: usize = 5;
/// The listener who wanders; scripts of nodes carry their numbers.
const WANDERER: usize = 0;

/// The workload.
pub struct Order {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Notes {
    sightings: Vec<Sighting>,
    scripts: Vec<Script>,
    wandering: Vec<ScriptLine>,
    /// Why something could not be told.
    gaps: Vec<String>,
    violations: Vec<String>,
}

struct Shared {
    field: Field,
    notes: Mutex<Notes>,
}

impl Order {
    /// Ready to begin.
    pub fn new(field: &Field) -> Self {
        Order {
            shared: Arc::new(Shared {
                field: field.clone(),
                notes: Mutex::default(),
            }),
        }
    }
}

impl Workload for Order {
    fn name(&self) -> &'static str {
        NAME
    }

    fn clients(&self, _: &Field) -> Vec<Task> {
        let (looker, listener) = (Arc::clone(&self.shared), Arc::clone(&self.shared));
        vec![
            Box::pin(async move { looker.look().await }),
            Box::pin(async move { listener.wander().await }),
        ]
    }

    fn finish<'a>(&'a self, _: &'a Field) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(self.shared.last_look())
    }

    fn judge(&self) -> Judgement {
        let notes = self.shared.lock();
        let mut findings = order::check(&notes.sightings);
        let mut scripts = notes.scripts.clone();
        scripts.push(Script {
            node: WANDERER,
            lines: notes.wandering.clone(),
        });
        findings.add(events::check(&scripts));
        notes
            .violations
            .iter()
            .for_each(|text| findings.violated("order", "end of the run", 0, text));
        notes
            .gaps
            .iter()
            .for_each(|text| findings.undecided("order", "end of the run", text));
        let looks = notes.sightings.len() as u64;
        let told = notes.scripts.first().map_or(0, |script| script.lines.len());
        Judgement {
            findings,
            counts: Counts {
                ok: looks,
                ..Counts::default()
            },
            remarks: vec![format!(
                "{looks} digests, {told} events told by each node, {} on the way",
                notes.wandering.len()
            )],
            ..Judgement::default()
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self) {
        let mut lines: HashMap<usize, Line> = HashMap::new();
        let mut stop = self.field.stop.clone();
        while !self.field.is_over() {
            for seat in self.field.board.seats() {
                // A node that is down is not worth the wait; a paused one would hold up the others.
                if self.field.board.up_since(seat.number).is_none() {
                    continue;
                }
                let line = lines
                    .entry(seat.number)
                    .or_insert_with(|| Line::to(seat.machine.admin));
                if let Some(sighting) = self.sight(&seat, line).await {
                    self.lock().sightings.push(sighting);
                }
            }
            let _ = timeout(LOOK, stop.wait_for(|stop| *stop)).await;
        }
    }

    /// What a node says of itself. A node whose power fails answers for some moments more, of things that its disk no longer takes; what a
    /// node said while its life changed is nobody's word.
    async fn sight(&self, seat: &Seat, line: &mut Line) -> Option<Sighting> {
        let board = &self.field.board;
        let (life, cuts) = (board.up_since(seat.number)?, board.cuts(seat.number));
        let reply = line
            .ask(Ask::new(Method::GET, "/troop/digest"), GLANCE)
            .await
            .ok()?;
        let same = (board.up_since(seat.number), board.cuts(seat.number)) == (Some(life), cuts);
        let document = reply.json();
        same.then_some(Sighting {
            at: self.field.clock.now(),
            node: seat.number,
            start: u32::try_from(life).unwrap_or(u32::MAX),
            cuts,
            revision: document["revision"].as_u64()?,
            digest: document["digest"].as_str()?.to_owned(),
            chain: document["chain"].as_str()?.to_owned(),
        })
    }

    /// One listener who goes from node to node with a bookmark: what he has in the end must have neither gap nor repetition.
    async fn wander(&self) {
        let mut random = StdRng::seed_from_u64(self.field.seed);
        let mut bookmark = 0;
        while !self.field.is_over() {
            let seats = self.field.board.seats();
            if let Some(seat) = seats.get(random.random_range(0..seats.len().max(1))) {
                let stay = Duration::from_millis(random.random_range(STAY_MS));
                let heard = listen(seat, bookmark, Until::Time(Instant::now() + stay)).await;
                bookmark = heard.reached;
                self.lock().wandering.extend(heard.told);
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// A last event is made, all nodes must come to it with equal digests, and tell everything up to it.
    async fn last_look(&self) {
        let Some(last) = self.last_event().await else {
            self.lock().gaps.push("no last event could be made".into());
            return;
        };
        for seat in self.field.board.seats() {
            let heard = listen_to_the_end(&seat, last).await;
            let mut notes = self.lock();
            if heard.reached < last {
                notes.violations.push(format!(
                    "node {} told events up to {} and not to {last}",
                    seat.number, heard.reached
                ));
            }
            notes.scripts.push(Script {
                node: seat.number,
                lines: heard.told,
            });
        }
        self.agree(Instant::now() + CATCH_UP).await;
    }

    async fn last_event(&self) -> Option<u64> {
        let until = Instant::now() + CATCH_UP;
        while Instant::now() < until {
            for seat in self.field.board.seats() {
                let body = json!({"name": format!("last-{}", self.field.number()), "host": "origin.test"});
                let ask = Ask::new(Method::POST, "/services?wait=all").json(body);
                if let Ok(reply) = ask_once(seat.machine.admin, ask, GLANCE * 3).await
                    && let Some(revision) = reply.revision().filter(|_| reply.status == 201)
                {
                    return Some(revision);
                }
            }
            sleep(LOOK).await;
        }
        None
    }

    async fn agree(&self, until: Instant) {
        loop {
            let mut round = Vec::new();
            for seat in self.field.board.seats() {
                round.extend(self.sight(&seat, &mut Line::to(seat.machine.admin)).await);
            }
            self.lock().sightings.extend(round.iter().cloned());
            let first = round.first().map(|sighting| sighting.revision);
            let complete = round.len() == self.field.board.seats().len();
            if complete && round.iter().all(|sighting| Some(sighting.revision) == first) {
                return;
            }
            if Instant::now() > until {
                self.lock()
                    .violations
                    .push(format!("the nodes do not come to one revision: {round:?}"));
                return;
            }
            sleep(LOOK).await;
        }
    }
}

/// How long to listen.
#[derive(Clone, Copy)]
enum Until {
    Time(Instant),
    /// To this revision, as long as something is told.
    Revision(u64),
}

impl Until {
    /// When to give up, if nothing more is told from now on.
    fn deadline(self) -> Instant {
        match self {
            Until::Time(time) => time,
            Until::Revision(_) => Instant::now() + CATCH_UP,
        }
    }

    fn is_over(self, reached: u64) -> bool {
        matches!(self, Until::Revision(last) if reached >= last)
    }
}

/// What a listener brings home.
struct Heard {
    /// In whole revisions.
    told: Vec<ScriptLine>,
    /// How far that goes.
    reached: u64,
    /// The first revision the node still knows, if it has forgotten what was asked for.
    floor: Option<u64>,
}

/// All that a node still knows. It may forget some more between being asked and answering.
async fn listen_to_the_end(seat: &Seat, last: u64) -> Heard {
    let mut bookmark = 0;
    for _ in 0..FLOORS_MAX {
        let heard = listen(seat, bookmark, Until::Revision(last)).await;
        match heard.floor {
            Some(floor) => bookmark = floor.saturating_sub(1),
            None => return heard,
        }
    }
    listen(seat, bookmark, Until::Revision(last)).await
}

/// Listens to a node from a bookmark on.
async fn listen(seat: &Seat, bookmark: u64, until: Until) -> Heard {
    let mut heard = Heard {
        told: Vec::new(),
        reached: bookmark,
        floor: None,
    };
    let mut line = Line::to(seat.machine.admin);
    let ask = Ask::new(Method::GET, format!("/events?since={bookmark}"));
    let Ok(Ok(answer)) = timeout_at(until.deadline(), line.open_stream(ask)).await else {
        return heard;
    };
    let status = answer.status();
    let mut body = answer.into_body();
    if status == StatusCode::GONE {
        heard.floor = floor(body).await;
        return heard;
    }
    if status != StatusCode::OK {
        return heard;
    }
    let (mut parser, mut open) = (Parser::default(), Vec::new());
    let mut deadline = until.deadline();
    while !until.is_over(heard.reached) {
        let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await else {
            break;
        };
        let Some(piece) = frame.data_ref() else { continue };
        for message in parser.feed(piece) {
            // That the connection lives is not news.
            deadline = until.deadline();
            open.extend(stream::line(&message));
            if let Some(id) = message.id {
                heard.reached = id;
                heard.told.append(&mut open);
            }
        }
    }
    heard
}

/// The first revision that a node says it still knows.
async fn floor(body: hyper::body::Incoming) -> Option<u64> {
    let bytes = timeout(GLANCE, body.collect()).await.ok()?.ok()?.to_bytes();
    serde_json::from_slice::<serde_json::Value>(&bytes).ok()?["floor"].as_u64()
}
