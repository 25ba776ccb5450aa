//! Sending again, forgetting nothing: the machine and its sessions in a world of lost, doubled and late letters.
//!
//! A puppet theatre of the cluster on one thread. Raft is played by its promise alone: there is one log, and a leader that loses its
//! office loses what was not committed. Everything around it is as bad as a seed makes it: proposals and answers are dropped, doubled and
//! delayed, leaders change, nodes fall back to what they had synced, or get their state from another. A node that was asked sends its
//! request again and again under one id until an answer comes, as the product's forwarding does.
//!
//! Then: each request happened at most once, all its answers were the same and true, and all nodes came to the same state by the same
//! way. That the theatre can see a wrong play is shown by giving each repetition a name of its own.

use bytes::Bytes;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::collections::BTreeSet;
use troop_txn::{
    EventBody, Guard, Image, Key, Op, Outcome, Overlay, RequestId, Table, Txn,
    image::MemoryImage,
    machine::{self, Notes},
};

const NODES: usize = 3;
const REQUESTS: usize = 14;
const KEYS: u8 = 3;
/// Long enough for all requests; after it the world turns kind, so that all answers come.
const STORM_TICKS: u64 = 250;
const CALM_TICKS: u64 = 150;
/// How often an unanswered request is sent again.
const RESEND_TICKS: u64 = 12;
const SEEDS: u64 = 2_000;

#[derive(Clone)]
enum Letter {
    Proposal { request: usize, txn: Txn },
    Answer { request: usize, outcome: Outcome },
}

struct Envelope {
    due: u64,
    letter: Letter,
}

#[derive(Clone, Default)]
struct Node {
    image: MemoryImage,
    applied: usize,
}

struct Request {
    txn: Txn,
    sent: u64,
    answers: Vec<Outcome>,
}

struct World {
    random: StdRng,
    tick: u64,
    /// What Raft has committed: with the request that each entry came from.
    log: Vec<(usize, Txn)>,
    /// What the leader has taken and not committed.
    tail: Vec<(usize, Txn)>,
    leader: usize,
    nodes: Vec<Node>,
    synced: Vec<Node>,
    wires: Vec<Envelope>,
    requests: Vec<Request>,
    /// The planted bug: a repetition is a new request.
    renames: bool,
    renamed: u64,
}

impl World {
    fn new(seed: u64, renames: bool) -> Self {
        World {
            random: StdRng::seed_from_u64(seed),
            tick: 0,
            log: Vec::new(),
            tail: Vec::new(),
            leader: 0,
            nodes: vec![Node::default(); NODES],
            synced: vec![Node::default(); NODES],
            wires: Vec::new(),
            requests: Vec::new(),
            renames,
            renamed: 0,
        }
    }

    fn play(mut self) -> Self {
        for tick in 0..STORM_TICKS + CALM_TICKS {
            self.tick = tick;
            let is_storm = tick < STORM_TICKS;
            if is_storm && self.requests.len() < REQUESTS && self.random.random_bool(0.15) {
                self.ask();
            }
            if is_storm {
                self.misfortune();
            }
            self.send_again();
            self.deliver();
            self.commit();
            self.apply();
        }
        self
    }

    /// A client asks a node, which plans on its own, perhaps old, state.
    fn ask(&mut self) {
        let number = self.requests.len();
        let planner = self.random.random_range(0..NODES);
        let key = Key::record("things", &[self.random.random_range(0..KEYS)]);
        let seen = machine::row(&self.nodes[planner].image, &key).expect("an image in memory can be read");
        let guards = match (self.random.random_range(0..3), seen) {
            (0, _) => Vec::new(),
            (_, Some(row)) => vec![Guard::RevisionIs {
                key: key.clone(),
                revision: row.modified,
            }],
            (_, None) => vec![Guard::Absent(key.clone())],
        };
        let mark = Bytes::copy_from_slice(&(number as u64).to_be_bytes());
        let txn = Txn {
            request: RequestId {
                client: 1,
                sequence: number as u64,
            },
            guards,
            ops: vec![
                Op::Put {
                    key,
                    value: mark.clone(),
                },
                Op::Emit {
                    channel: "marks".into(),
                    data: mark,
                    not_before_ms: None,
                },
            ],
            ensures: Vec::new(),
            stamped_at_ms: self.tick,
            actor: "client".into(),
        };
        self.requests.push(Request {
            txn: txn.clone(),
            sent: self.tick,
            answers: Vec::new(),
        });
        self.post(Letter::Proposal { request: number, txn });
    }

    fn send_again(&mut self) {
        for number in 0..self.requests.len() {
            let request = &mut self.requests[number];
            if !request.answers.is_empty() || self.tick < request.sent + RESEND_TICKS {
                continue;
            }
            request.sent = self.tick;
            let mut txn = request.txn.clone();
            if self.renames {
                self.renamed += 1;
                txn.request.client = 1 + u128::from(self.renamed);
            }
            self.post(Letter::Proposal { request: number, txn });
        }
    }

    fn post(&mut self, letter: Letter) {
        let is_storm = self.tick < STORM_TICKS;
        if is_storm && self.random.random_bool(0.25) {
            return;
        }
        let copies = if is_storm && self.random.random_bool(0.15) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let delay = self.random.random_range(1..if is_storm { 40 } else { 3 });
            self.wires.push(Envelope {
                due: self.tick + delay,
                letter: letter.clone(),
            });
        }
    }

    fn deliver(&mut self) {
        let now = self.tick;
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.wires)
            .into_iter()
            .partition(|envelope| envelope.due <= now);
        self.wires = later;
        for envelope in due {
            match envelope.letter {
                Letter::Proposal { request, txn } => self.tail.push((request, txn)),
                Letter::Answer { request, outcome } => self.requests[request].answers.push(outcome),
            }
        }
    }

    fn misfortune(&mut self) {
        if self.random.random_bool(0.04) {
            // A new leader has what was committed, and perhaps the start of the rest.
            let kept = self.random.random_range(0..=self.tail.len());
            self.tail.truncate(kept);
            self.leader = self.random.random_range(0..NODES);
        }
        let victim = self.random.random_range(0..NODES);
        if self.random.random_bool(0.1) {
            self.synced[victim] = self.nodes[victim].clone();
        } else if self.random.random_bool(0.04) {
            self.nodes[victim] = self.synced[victim].clone();
        } else if self.random.random_bool(0.04) {
            let giver = self.random.random_range(0..NODES);
            if self.nodes[giver].applied > self.nodes[victim].applied {
                self.nodes[victim] = self.nodes[giver].clone();
                self.synced[victim] = self.nodes[giver].clone();
            }
        }
    }

    fn commit(&mut self) {
        if !self.tail.is_empty() && self.random.random_bool(0.3) {
            let count = self.random.random_range(1..=self.tail.len());
            self.log.extend(self.tail.drain(..count));
        }
    }

    /// Each node applies some of what is committed; the one that leads answers.
    fn apply(&mut self) {
        for number in 0..NODES {
            let behind = self.log.len() - self.nodes[number].applied;
            let steps = if self.tick < STORM_TICKS {
                self.random.random_range(0..=behind)
            } else {
                behind
            };
            for _ in 0..steps {
                let at = self.nodes[number].applied;
                let (request, txn) = self.log[at].clone();
                let outcome = apply_one(&mut self.nodes[number].image, at, &txn);
                self.nodes[number].applied += 1;
                if number == self.leader {
                    self.post(Letter::Answer { request, outcome });
                }
            }
        }
    }

    /// What is wrong in the end.
    fn faults(&self) -> Vec<String> {
        let mut straight = MemoryImage::default();
        for (at, (_, txn)) in self.log.iter().enumerate() {
            apply_one(&mut straight, at, txn);
        }
        let mut faults = Vec::new();
        for (number, node) in self.nodes.iter().enumerate() {
            if node.image != straight {
                faults.push(format!(
                    "node {number}: {:?} instead of {:?}",
                    notes(&node.image),
                    notes(&straight)
                ));
            }
        }
        let marks = marks(&straight);
        for (number, request) in self.requests.iter().enumerate() {
            let happened: Vec<u64> = marks
                .iter()
                .filter(|(_, mark)| *mark == number as u64)
                .map(|(revision, _)| *revision)
                .collect();
            if let Some(fault) = request.fault(&happened) {
                faults.push(format!("request {number}: {fault}"));
            }
        }
        faults
    }
}

impl Request {
    /// `happened` has the revisions at which it took effect.
    fn fault(&self, happened: &[u64]) -> Option<String> {
        let told: BTreeSet<String> = self.answers.iter().map(|answer| format!("{answer:?}")).collect();
        if happened.len() > 1 {
            return Some(format!("happened at {happened:?}"));
        }
        if told.len() > 1 {
            return Some(format!("was told {told:?}"));
        }
        match (self.answers.first()?, happened) {
            (Outcome::Applied(revision), [at]) if revision.get() == *at => None,
            (Outcome::Refused { .. }, []) => None,
            (told, happened) => Some(format!("was told {told:?} and happened at {happened:?}")),
        }
    }
}

fn apply_one(image: &mut MemoryImage, at: usize, txn: &Txn) -> Outcome {
    let mut batch = Overlay::new(image);
    let outcome = machine::apply(&mut batch, at as u64 + 1, txn).expect("an image in memory can be read");
    let changes = batch.into_changes();
    image.write(changes);
    outcome
}

fn notes(image: &MemoryImage) -> Notes {
    machine::notes(image).expect("an image in memory can be read")
}

/// Revision and mark of every broadcast in the history.
fn marks(image: &MemoryImage) -> Vec<(u64, u64)> {
    let pairs = image
        .scan(Table::Events, &[], None, usize::MAX)
        .expect("an image in memory can be read");
    let mark = |(key, bytes): &(Bytes, Bytes)| {
        let event = machine::decode_event(key, bytes).expect("the machine wrote it");
        match event.body {
            EventBody::Broadcast { data, .. } => {
                let mark = data[..].try_into().expect("marks have eight bytes");
                Some((event.revision.get(), u64::from_be_bytes(mark)))
            }
            EventBody::Crud { .. } => None,
        }
    };
    pairs.iter().filter_map(mark).collect()
}

#[test]
fn each_request_happens_at_most_once_and_all_nodes_agree_whatever_the_seed() {
    let mut answered = 0;
    for seed in 0..SEEDS {
        let world = World::new(seed, false).play();
        let faults = world.faults();
        assert!(faults.is_empty(), "seed {seed}: {faults:#?}");
        answered += world
            .requests
            .iter()
            .filter(|request| !request.answers.is_empty())
            .count();
    }
    // A theatre in which nothing happens is always at peace.
    assert!(answered as u64 > SEEDS * 10, "{answered}");
}

#[test]
fn a_repetition_under_another_name_is_seen_to_happen_twice() {
    let caught = (0..200)
        .filter(|seed| !World::new(*seed, true).play().faults().is_empty())
        .count();
    assert!(caught > 100, "{caught} of 200");
}
