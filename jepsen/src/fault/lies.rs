//! Accidents in which nothing breaks and somebody is told something: a node by its kernel, or the leader by its administrator.
//!
//! A node whose sync was refused must not go on as if it had not been: whoever tries the same file again may be told that all is well, though
//! the kernel has thrown the bytes away. So it must stop its store and say so, at once, and go on proxying; that is looked at here, for no
//! client could tell.

use super::{
    Kind,
    nemesis::{Mending, Nemesis, Open},
};
use crate::{
    cluster::Cluster,
    shim::{self, Refusal},
};
use rand::{Rng as _, rngs::StdRng};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Longest wait for a call that can be refused. Every write of a client syncs; a node that is cut off may have none.
const CALL_COMES: Duration = Duration::from_secs(5);
/// How long a node whose sync was refused may take to say so.
const CONFESSION: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

impl Nemesis<'_> {
    pub(super) async fn tell_a_lie(&mut self, open: &mut Open, random: &mut StdRng) {
        match open.kind {
            Kind::ClockJump => self.shift_clock(open, random),
            Kind::SyncFails | Kind::SyncFailsLeader => self.refuse(open, Refusal::Sync).await,
            Kind::WriteFails | Kind::WriteFailsLeader => self.refuse(open, Refusal::Write).await,
            _ => self.move_leader(open, random).await,
        }
    }

    fn shift_clock(&mut self, open: &mut Open, random: &mut StdRng) {
        let (number, seconds) = (open.nodes[0], shim::jump(random));
        let Some(page) = self.cluster.node(number).page() else {
            return;
        };
        let before = page.shifted();
        open.proof = page
            .shift_clock(seconds)
            .map(|()| String::new())
            .map_err(|e| e.to_string());
        open.mending = Some(Mending::Clock {
            number,
            seconds,
            before,
        });
    }

    /// Back to the true time. How it is known that the node saw another one.
    pub(super) fn set_clock_right(&self, number: usize, seconds: i64, before: i64) -> Result<String, String> {
        let page = self
            .cluster
            .node(number)
            .page()
            .ok_or("nobody whispers to this node")?;
        page.shift_clock(0).map_err(|e| e.to_string())?;
        match page.shifted() - before {
            0 => Err("the clock was not read meanwhile".into()),
            readings => Ok(format!("{seconds:+} s in {readings} readings of the clock")),
        }
    }

    async fn refuse(&mut self, open: &mut Open, what: Refusal) {
        let number = open.nodes[0];
        open.proof = self.refuse_one(number, what).await;
        if open.proof.is_ok() {
            open.mending = Some(match what {
                Refusal::Sync => Mending::Restart {
                    number,
                    confessed: confession(self.cluster, number).await,
                },
                Refusal::Write => Mending::Empty(number),
            });
        }
    }

    async fn refuse_one(&self, number: usize, what: Refusal) -> Result<String, String> {
        let page = self
            .cluster
            .node(number)
            .page()
            .ok_or("nobody whispers to this node")?;
        let (before, end) = (page.refused(), Instant::now() + CALL_COMES);
        page.refuse_one(what).map_err(|e| e.to_string())?;
        while page.refused() == before && Instant::now() < end {
            sleep(PAUSE).await;
        }
        page.refuse_none().map_err(|e| e.to_string())?;
        match page.refused() - before {
            0 => Err(format!("no {what:?} came by that could be refused").to_lowercase()),
            calls => Ok(format!("{calls} calls refused")),
        }
    }

    async fn move_leader(&mut self, open: &mut Open, random: &mut StdRng) {
        let Some((leader, _)) = open.leader else { return };
        let others: Vec<usize> = self
            .cluster
            .awake()
            .into_iter()
            .filter(|number| *number != leader)
            .collect();
        if others.is_empty() {
            open.proof = Err("nobody else is awake".into());
            return;
        }
        let drawn = |random: &mut StdRng| others[random.random_range(0..others.len())];
        let (to, door) = (drawn(random), drawn(random));
        open.nodes = vec![leader, to];
        open.proof = self.cluster.transfer_leader(door, to).await;
    }
}

/// Whether a node says that its store has stopped, soon enough.
async fn confession(cluster: &Cluster, number: usize) -> bool {
    let end = Instant::now() + CONFESSION;
    while Instant::now() < end {
        if cluster.has_stopped(number).await {
            return true;
        }
        sleep(PAUSE).await;
    }
    false
}
