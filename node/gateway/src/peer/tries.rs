//! The order of tries, whatever vehicle they take: pick a peer, hand it out, hear what became of it, and judge whether another follows.
//!
//! A dispatcher who sends one courier after the other. How a courier travels (`attempt.rs` on a connection of HTTP/1.1, `call.rs` on a stream of
//! HTTP/2) is not his affair; whom to send it to, and when to stop, is nobody's but his.

use super::{
    attempt::{Failed, Means, Outgoing, Trail, may_try_again},
    pick::{Picked, Picker, tls_key},
    pool::PeerKey,
};
use crate::{
    plan::{Plan, compile::Service},
    rescue::Rescue,
};
use std::time::Instant;

/// The tries of one exchange.
pub(super) struct Tries<'a, 'p> {
    picker: Picker<'p>,
    retries_left: u32,
    service: &'p Service,
    outgoing: &'a Outgoing<'a>,
    means: &'a Means<'a>,
    trail: &'a mut Trail,
}

/// One of them.
pub(super) struct Attempt<'p> {
    pub picked: Picked<'p>,
    pub key: PeerKey,
    /// When it began.
    pub sent_at: Instant,
}

impl<'a, 'p> Tries<'a, 'p> {
    /// Before the first.
    pub fn new(
        plan: &'p Plan,
        service: &'p Service,
        outgoing: &'a Outgoing<'a>,
        means: &'a Means<'a>,
        trail: &'a mut Trail,
    ) -> Self {
        let mut picker = Picker::new(plan, service, &outgoing.traits);
        trail.cookie = picker.cookie.take();
        Tries {
            picker,
            retries_left: service.retries,
            service,
            outgoing,
            means,
            trail,
        }
    }

    /// Picks the next peer.
    pub async fn next(&mut self) -> Result<Attempt<'p>, Rescue> {
        let picked = self.picker.next(self.means).await?;
        let sent_at = Instant::now();
        self.trail.picked_at = Some(sent_at);
        let host = self.outgoing.host.unwrap_or(&picked.host);
        let key = PeerKey {
            address: picked.address,
            tls: tls_key(self.service, host, picked.badge.as_ref()),
        };
        Ok(Attempt { picked, key, sent_at })
    }

    /// The `Host` that the peer is sent.
    pub fn host<'h>(&self, attempt: &'h Attempt<'p>) -> &'h str
    where
        'a: 'h,
    {
        self.outgoing.host.unwrap_or(&attempt.picked.host)
    }

    /// It answered.
    pub fn answered(&self, attempt: &Attempt<'_>, status: u16) {
        let took = attempt.sent_at.elapsed();
        self.picker
            .answered(&attempt.picked, status, took, self.means.worker);
    }

    /// It did not. Returns if another try may follow.
    pub fn failed(&mut self, attempt: &Attempt<'_>, failed: &Failed, can_repeat: bool) -> Result<(), Rescue> {
        let (picked, worker) = (&attempt.picked, self.means.worker);
        self.picker.failed(picked, &failed.error);
        self.trail.note_failure(picked.address, &failed.error, worker);
        tracing::debug!(peer = %picked.address, error = %failed.error, "a try failed");
        if !may_try_again(failed, self.outgoing.method, can_repeat) || self.retries_left == 0 {
            return Err(failed.rescue());
        }
        self.retries_left -= 1;
        worker.page.retries.up();
        Ok(())
    }
}
