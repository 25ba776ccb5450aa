//! The one who makes accidents happen, and mends them.
//!
//! A stunt coordinator: she knows who plays the lead tonight, pulls the rope at the time in the schedule, watches that it really went
//! off, and puts everybody back on stage. If somebody does not get up again that is the finding, and the show is over.

use super::{
    Kind,
    log::{self, Accident, Diary},
    schedule::{Schedule, Step},
};
use crate::{
    cluster::Cluster,
    history::{Nanos, recorder::Clock},
    network::rules::{Link, Rules},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use std::time::Duration;
use tokio::{sync::watch, time::sleep};

/// Heartbeats fail and connections break at this rate; at a tenth TCP mends all before anybody notices.
const LOSS: f64 = 0.3;
/// As between continents, with frames that overtake each other.
const DELAY: (Duration, Duration) = (Duration::from_millis(30), Duration::from_millis(60));

/// Below the 256 MiB that the program keeps free, and enough for it to go on.
const LOW_BYTES: u64 = 128 << 20;
/// How long a process lives on after its disk has died, in milliseconds: not at all, or long enough to acknowledge what is not there.
const AGONY_MS: std::ops::Range<u64> = 0..400;

/// Rounds of the deck that may be dealt after the time is over, for what has not happened yet.
const EXTRA_ROUNDS: usize = 3;

/// What it takes to mend an accident.
#[derive(Debug)]
pub(super) enum Mending {
    Start(Vec<usize>),
    Resume(Vec<usize>),
    Power(Vec<usize>),
    Empty(usize),
    Restart {
        number: usize,
        confessed: bool,
    },
    Clock {
        number: usize,
        seconds: i64,
        before: i64,
    },
    Join {
        machine: usize,
    },
    Remove {
        number: usize,
    },
    Heal,
}

impl Mending {
    /// Wires first: nobody can join or be removed through a cut one. Power before anything that touches a disk.
    fn turn(&self) -> u8 {
        match self {
            Mending::Heal => 0,
            Mending::Power(_) => 1,
            _ => 2,
        }
    }
}

/// An accident that has begun.
pub(super) struct Open {
    pub(super) kind: Kind,
    pub(super) nodes: Vec<usize>,
    began: Nanos,
    pub(super) leader: Option<(usize, u64)>,
    pub(super) proof: Result<String, String>,
    pub(super) mending: Option<Mending>,
}

/// Plays the schedule.
pub struct Nemesis<'c> {
    pub(super) cluster: &'c mut Cluster,
    clock: Clock,
    voters: usize,
    diary: Diary,
}

impl<'c> Nemesis<'c> {
    /// Ready to hurt this cluster of so many voters, and to write down what happens.
    pub fn new(cluster: &'c mut Cluster, clock: Clock, voters: usize, diary: Diary) -> Self {
        Nemesis {
            cluster,
            clock,
            voters,
            diary,
        }
    }

    /// Deals accidents until `until` on the clock and until each of `promised` has happened, or until told to stop. Everything is mended
    /// at the end. What does not happen when its turn comes gets a few more turns.
    ///
    /// # Errors
    /// The cluster did not get up again, with what its nodes say.
    pub async fn play(
        &mut self,
        schedule: Schedule,
        promised: &[Kind],
        until: Duration,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), String> {
        let mut turns_left = promised.len() * EXTRA_ROUNDS;
        for step in schedule {
            let is_late = self.clock.elapsed() >= until;
            let missing = log::missing(promised, &self.diary.all());
            if *stop.borrow() || (is_late && (missing.is_empty() || turns_left == 0)) {
                break;
            }
            if is_late {
                turns_left -= 1;
                if !missing.contains(&step.kind) {
                    continue;
                }
            }
            self.step(step).await?;
            let _ = tokio::time::timeout(step.gap, stop.wait_for(|stop| *stop)).await;
        }
        Ok(())
    }

    async fn step(&mut self, step: Step) -> Result<(), String> {
        let mut random = StdRng::seed_from_u64(step.pick);
        let mut open = vec![self.begin(step.kind, &mut random).await];
        sleep(step.hold / 2).await;
        if let Some(also) = step.also {
            open.push(self.begin(also, &mut random).await);
        }
        sleep(step.hold / 2).await;
        let mut failed = None;
        open.sort_by_key(|open| open.mending.as_ref().map(Mending::turn));
        for mut accident in open {
            if let Err(reason) = self.mend(&mut accident).await {
                failed.get_or_insert(format!("after {}: {reason}", accident.kind.name()));
            }
            self.diary.note(accident.closed(self.clock.now()));
        }
        let whole = self.cluster.wait_whole(self.voters).await;
        let now = self.clock.now();
        let count = 1 + usize::from(step.also.is_some());
        self.diary.whole(count, now);
        match (failed, whole) {
            (Some(reason), _) => Err(reason),
            (None, Err(reason)) => Err(format!("after {}: {reason}", step.kind.name())),
            (None, Ok(_)) => Ok(()),
        }
    }

    async fn begin(&mut self, kind: Kind, random: &mut StdRng) -> Open {
        let leader = self.cluster.leader().await;
        let nodes = self.victims(kind, leader.map(|(number, _)| number), random);
        let began = self.clock.now();
        let mut open = Open {
            kind,
            nodes,
            began,
            leader,
            proof: Err("nobody to hit".into()),
            mending: None,
        };
        if kind.is_of_the_leader() && leader.is_none() {
            open.proof = Err("nobody led".into());
        } else if !open.nodes.is_empty() {
            self.strike(&mut open, random).await;
        }
        open
    }

    /// Who is hit.
    fn victims(&mut self, kind: Kind, leader: Option<usize>, random: &mut StdRng) -> Vec<usize> {
        let mut awake = self.cluster.awake();
        awake.shuffle(random);
        let majority = self.voters / 2 + 1;
        match kind {
            Kind::KillOne
            | Kind::PowerOne
            | Kind::DiskFull
            | Kind::StopOne
            | Kind::PauseOne
            | Kind::Replace
            | Kind::Mute
            | Kind::Deaf
            | Kind::SyncFails
            | Kind::WriteFails
            | Kind::ClockJump => {
                awake.truncate(1);
                awake
            }
            Kind::KillLeader
            | Kind::PowerLeader
            | Kind::DiskLow
            | Kind::StopLeader
            | Kind::PauseLeader
            | Kind::LeaderAlone
            | Kind::LeaderInMajority
            | Kind::SyncFailsLeader
            | Kind::WriteFailsLeader
            | Kind::LeaderTransfer => leader.into_iter().collect(),
            Kind::KillMajority | Kind::PowerMajority | Kind::PauseMajority => {
                awake.truncate(majority);
                awake
            }
            Kind::Halves => {
                awake.truncate(random.random_range(1..=self.voters / 2));
                awake
            }
            Kind::KillAll | Kind::PowerAll | Kind::Learner | Kind::Ring | Kind::Loss | Kind::Delay => awake,
        }
    }

    async fn strike(&mut self, open: &mut Open, random: &mut StdRng) {
        let nodes = open.nodes.clone();
        match open.kind {
            Kind::KillOne | Kind::KillLeader | Kind::KillMajority | Kind::KillAll => {
                let killed = nodes.iter().filter(|number| self.cluster.kill(**number)).count();
                open.proof = counted(killed, nodes.len(), "killed while running");
                open.mending = Some(Mending::Start(nodes));
            }
            Kind::PowerOne | Kind::PowerLeader | Kind::PowerMajority | Kind::PowerAll => {
                let agony = Duration::from_millis(random.random_range(AGONY_MS));
                let off = self.cluster.cut_power(&nodes, agony).await;
                open.proof = counted(off, nodes.len(), "disks off while running");
                open.mending = Some(Mending::Power(nodes));
            }
            Kind::DiskLow | Kind::DiskFull => {
                let left = if open.kind == Kind::DiskLow { LOW_BYTES } else { 0 };
                let filled = self.cluster.fill_disk(nodes[0], left);
                open.proof = counted(usize::from(filled), 1, "disks filled");
                open.mending = Some(Mending::Empty(nodes[0]));
            }
            Kind::StopOne | Kind::StopLeader => {
                let told = self.clock.elapsed();
                let ended = self.cluster.stop(nodes[0]).await;
                let took = (self.clock.elapsed() - told).as_secs_f64();
                open.proof = if ended {
                    Ok(format!("ended by itself after {took:.1} s"))
                } else {
                    Err("did not end when told to".into())
                };
                open.mending = Some(Mending::Start(nodes));
            }
            Kind::PauseOne | Kind::PauseLeader | Kind::PauseMajority => {
                let paused = nodes.iter().filter(|number| self.cluster.pause(**number)).count();
                open.proof = counted(paused, nodes.len(), "stood still");
                open.mending = Some(Mending::Resume(nodes));
            }
            Kind::Replace => self.strike_disk(open).await,
            Kind::Learner => self.bring_learner(open).await,
            Kind::SyncFails
            | Kind::SyncFailsLeader
            | Kind::WriteFails
            | Kind::WriteFailsLeader
            | Kind::ClockJump
            | Kind::LeaderTransfer => self.tell_a_lie(open, random).await,
            _ => self.strike_network(open, random),
        }
    }

    async fn strike_disk(&mut self, open: &mut Open) {
        let victim = open.nodes[0];
        let machine = self.cluster.node(victim).machine();
        let was_there = self.cluster.kill(victim);
        match self.cluster.remove(victim).await {
            Ok(()) if was_there => {
                open.proof = Ok(format!("node {victim} removed, its disk cleared"));
                open.mending = Some(Mending::Join { machine });
            }
            Ok(()) => open.proof = Err("its process was not there".into()),
            Err(error) => {
                open.proof = Err(format!("{error:#}"));
                open.mending = Some(Mending::Start(vec![victim]));
            }
        }
    }

    async fn bring_learner(&mut self, open: &mut Open) {
        open.nodes.clear();
        let Some(machine) = self.cluster.free_machine() else {
            open.proof = Err("no machine is free".into());
            return;
        };
        match self.cluster.join(machine, "learner").await {
            Ok(number) => {
                open.nodes.push(number);
                open.proof = Ok(format!("node {number} joined"));
                open.mending = Some(Mending::Remove { number });
            }
            Err(error) => open.proof = Err(format!("{error:#}")),
        }
    }

    fn strike_network(&mut self, open: &mut Open, random: &mut StdRng) {
        let machine = |number: &usize| self.cluster.node(*number).machine();
        let mut all: Vec<usize> = self.cluster.numbers().iter().map(machine).collect();
        let hit: Vec<usize> = open.nodes.iter().map(machine).collect();
        all.shuffle(random);
        let rest: Vec<usize> = all.iter().copied().filter(|other| !hit.contains(other)).collect();
        let rules = match open.kind {
            Kind::Halves | Kind::LeaderAlone => Rules::split(&[&hit, &rest]),
            Kind::LeaderInMajority => {
                let (with, without) = rest.split_at(self.voters / 2);
                Rules::split(&[&[&hit, with].concat(), without])
            }
            Kind::Mute => Rules::mute(hit[0], &rest),
            Kind::Deaf => Rules::deafen(hit[0], &rest),
            Kind::Ring => Rules::majority_ring(&all),
            Kind::Loss => Rules::all(
                &all,
                Link {
                    loss: LOSS,
                    ..Link::default()
                },
            ),
            _ => Rules::all(
                &all,
                Link {
                    delay: DELAY.0,
                    jitter: DELAY.1,
                    ..Link::default()
                },
            ),
        };
        match &self.cluster.network {
            Some(network) => {
                network.set(rules);
                // Proven when it is mended: by then frames must have met the rules.
                open.proof = Err("not mended yet".into());
                open.mending = Some(Mending::Heal);
            }
            None => open.proof = Err("this run has no wires that can be cut".into()),
        }
    }

    async fn mend(&mut self, open: &mut Open) -> Result<(), String> {
        let words = |error: anyhow::Error| format!("{error:#}");
        match open.mending.take() {
            None => {}
            Some(Mending::Start(nodes)) => {
                for number in nodes {
                    self.cluster.start(number).map_err(words)?;
                }
            }
            Some(Mending::Resume(nodes)) => nodes.into_iter().for_each(|number| self.cluster.resume(number)),
            Some(Mending::Power(nodes)) => {
                for number in nodes {
                    self.cluster.restore_power(number).map_err(words)?;
                }
            }
            Some(Mending::Empty(number)) => self.cluster.empty_disk(number).await.map_err(words)?,
            Some(Mending::Restart { number, confessed }) => {
                self.cluster.kill(number);
                self.cluster.start(number).map_err(words)?;
                if !confessed {
                    return Err(format!("node {number} did not say that its store has stopped"));
                }
            }
            Some(Mending::Clock {
                number,
                seconds,
                before,
            }) => open.proof = self.set_clock_right(number, seconds, before),
            Some(Mending::Join { machine }) => {
                let number = self.cluster.join(machine, "voter").await.map_err(words)?;
                open.nodes.push(number);
            }
            Some(Mending::Remove { number }) => self.cluster.remove(number).await.map_err(words)?,
            Some(Mending::Heal) => {
                if let Some(network) = &self.cluster.network {
                    let frames = network.touched();
                    network.set(Rules::default());
                    open.proof = match frames {
                        0 => Err("no frame met the rules".into()),
                        frames => Ok(format!("{frames} frames dropped or delayed")),
                    };
                }
            }
        }
        Ok(())
    }
}

fn counted(hit: usize, wanted: usize, how: &str) -> Result<String, String> {
    let text = format!("{hit} of {wanted} {how}");
    if hit == wanted { Ok(text) } else { Err(text) }
}

impl Open {
    fn closed(self, now: Nanos) -> Accident {
        Accident {
            kind: self.kind,
            nodes: self.nodes,
            began: self.began,
            ended: now,
            whole: now,
            leader: self.leader,
            proof: self.proof,
        }
    }
}
