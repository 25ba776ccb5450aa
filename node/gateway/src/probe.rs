//! Probes: asking peers how they are, instead of waiting for a client to find out.
//!
//! A night nurse on her round. Those who are well are looked in on now and then, those who are ill more often or less, as the doctor ordered; each
//! answer goes on the chart. She sees a limited number of patients at a time, and the rounds of different wards do not begin at
//! the same minute, lest all lights go on at once.
//!
//! A round belongs to one edition of an upstream and ends with it; the next edition begins its own. All of it happens on the control
//! runtime: a peer that takes its time never holds up a request.
//!
//! The catch: every node asks for itself, so a peer is asked as many times as there are nodes. That is wanted: whether a peer can be reached
//! is a matter of who asks.

mod question;

use crate::{
    peer::tls::PeerTls,
    plan::{checks::Active, upstream::Upstream},
};
use futures_util::{StreamExt, stream};
use rand::Rng;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{
    sync::Semaphore,
    time::{MissedTickBehavior, interval_at},
};
use troop_balancer::Seat;

/// The first round of an edition begins within this time: a change of targets must not put off probes by a whole interval.
const FIRST_ROUND_WITHIN: Duration = Duration::from_secs(1);

/// What probes are sent with.
pub(crate) struct Prober {
    tls: Arc<PeerTls>,
    /// Probes of all upstreams in flight.
    rooms: Semaphore,
}

/// Whom a round looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Peers that are up.
    Up,
    /// Peers that are down.
    Down,
}

impl Prober {
    /// At most `probes_max` at a time.
    pub fn new(tls: Arc<PeerTls>, probes_max: usize) -> Arc<Self> {
        Arc::new(Prober {
            tls,
            rooms: Semaphore::new(probes_max),
        })
    }

    /// Makes rounds until the edition is no longer current.
    pub async fn make_rounds(self: Arc<Self>, upstream: Weak<Upstream>, side: Side) {
        let Some(every) = upstream.upgrade().and_then(|held| held.interval(side)) else {
            return;
        };
        let soon = every.min(FIRST_ROUND_WITHIN);
        let first = tokio::time::Instant::now() + soon.mul_f64(rand::rng().random());
        let mut ticks = interval_at(first, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(held) = upstream.upgrade().filter(|held| held.is_current()) else {
                return;
            };
            self.make_round(&held, side).await;
        }
    }

    async fn make_round(&self, upstream: &Arc<Upstream>, side: Side) {
        let Some(active) = &upstream.checks.active else {
            return;
        };
        let seats = upstream.seats_on(side);
        stream::iter(&seats)
            .for_each_concurrent(active.concurrency, |seat| self.look_at(upstream, active, seat))
            .await;
    }

    async fn look_at(&self, upstream: &Upstream, active: &Active, seat: &Seat) {
        let Ok(_room) = self.rooms.acquire().await else {
            return;
        };
        let report = question::ask(active, &seat.peer, upstream, &self.tls).await;
        if let Some(report) = report.filter(|_| upstream.is_current()) {
            upstream.report(&seat.vitals, report, &active.reading.limits);
        }
    }
}

impl Upstream {
    /// How often peers of this side are looked at, if at all.
    pub fn interval(&self, side: Side) -> Option<Duration> {
        let active = self.checks.active.as_ref()?;
        match side {
            Side::Up => active.while_up,
            Side::Down => active.while_down,
        }
    }

    /// Peers of this side. Kong: those without weight are not looked at.
    fn seats_on(&self, side: Side) -> Vec<Seat> {
        let wanted = |seat: &&Seat| {
            let is_up = seat.vitals.health.load().is_up();
            seat.peer.weight > 0 && is_up == (side == Side::Up)
        };
        self.rota().seats().iter().filter(wanted).cloned().collect()
    }
}
