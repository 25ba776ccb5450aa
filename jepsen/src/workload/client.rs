//! One client: a name that is retired when an answer stays out, a home node, a random mind, a pace.

use super::field::Field;
use crate::{
    cluster::board::Seat,
    history::{End, recorder::Process},
    line::{Ask, Line, Reply, Silence},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::{collections::HashMap, time::Duration};
use tokio::time::sleep;

/// How long a client waits for an answer: longer than a node tries to find a quorum (5 s), so that its own words are heard.
pub const PATIENCE: Duration = Duration::from_millis(6_500);
/// Every so manieth client has no home and asks any node: somebody must see one node lag behind another. Not all may, for a node that
/// stands still holds whoever asks it, and soon nobody would be left to see the others at work.
const WANDERER: u64 = 4;
/// After a call that did not go through, so that a dead node is not asked thousands of times.
const SULK: Duration = Duration::from_millis(100);

/// A client.
pub struct Client {
    /// Its number among the clients of the workload.
    pub number: u64,
    /// Its name in the record.
    pub process: Process,
    /// Its mind.
    pub random: StdRng,
    field: Field,
    lines: HashMap<usize, Line>,
    /// Whether the node last asked was up all the while, and so owed a good answer.
    was_up: bool,
}

/// What is done and what is not, by the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A lost answer leaves nothing open.
    Read,
    /// A lost answer leaves it open whether it was done.
    Write,
}

impl Client {
    /// Client number `number` of `clients` of the workload `workload`.
    pub fn new(field: &Field, workload: &str, number: u64, clients: u64) -> Self {
        let salt = workload.bytes().fold(number, |salt, byte| {
            salt.wrapping_mul(257).wrapping_add(u64::from(byte))
        });
        Client {
            number,
            process: Process::first(number, clients),
            random: StdRng::seed_from_u64(field.seed ^ salt),
            field: field.clone(),
            lines: HashMap::new(),
            was_up: false,
        }
    }

    /// The node to ask next.
    pub async fn seat(&mut self) -> Option<Seat> {
        let seats = self.field.board.seats();
        if seats.is_empty() {
            sleep(SULK).await;
            return None;
        }
        let wanders = self.number % WANDERER == WANDERER - 1;
        let at = if wanders {
            self.random.random_range(0..seats.len())
        } else {
            self.number as usize % seats.len()
        };
        Some(seats[at].clone())
    }

    /// Asks a node's Admin API.
    ///
    /// # Errors
    /// [`Silence`].
    pub async fn ask(&mut self, seat: &Seat, ask: Ask) -> Result<Reply, Silence> {
        // A wiped node's successor lives at the same address: lines belong to numbers.
        let line = self
            .lines
            .entry(seat.number)
            .or_insert_with(|| Line::to(seat.machine.admin));
        let up = self.field.board.up_since(seat.number);
        let result = line.ask(ask, PATIENCE).await;
        self.was_up = up.is_some() && self.field.board.up_since(seat.number) == up;
        if matches!(result, Err(Silence::NotSent(_))) {
            sleep(SULK).await;
        }
        result
    }

    /// What an answer, or the want of one, says about the fate of an operation. `lawful` reads the answers that the API promises.
    pub fn fate<A>(
        &self,
        what: &str,
        effect: Effect,
        result: Result<Reply, Silence>,
        lawful: impl FnOnce(&Reply) -> Option<A>,
    ) -> End<A> {
        let open = |reason: String| match effect {
            Effect::Read => End::Fail(reason),
            Effect::Write => End::Info(reason),
        };
        let reply = match result {
            Ok(reply) => reply,
            Err(Silence::NotSent(reason)) => return End::Fail(format!("not sent: {reason}")),
            Err(silence) => return open(silence.to_string()),
        };
        if let Some(answer) = lawful(&reply) {
            return End::Ok(answer);
        }
        match reply.status {
            // The product's word that nothing was changed; checkers hold it to that.
            503 => End::Fail(reply.summary()),
            504 => open(reply.summary()),
            _ => {
                if self.was_up {
                    self.field.oddities.note(format!("{what}: {}", reply.summary()));
                }
                open(reply.summary())
            }
        }
    }

    /// A breath between two operations. False when it is time to stop.
    pub async fn breathe(&mut self) -> bool {
        let pause = self.field.pace.mul_f64(self.random.random_range(0.0..2.0));
        let mut stop = self.field.stop.clone();
        let _ = tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await;
        !self.field.is_over()
    }
}
