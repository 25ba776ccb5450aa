//! A call that is over: what those hear who keep books.
//!
//! The access log gets a line for every call, also for one that nobody expected; plugins hear of those that found a route they belong to.

use super::call::{Call, Fate, HungUp, Routed};
use crate::{access_log::SessionPen, plan::compile::Service};
use std::{borrow::Cow, time::Instant};
use troop_plugin_api::{Matched, Phases, SessionRecord};
use troop_telemetry::SessionLine;

/// Kong: what a call that was put through is logged as.
const PUT_THROUGH: u16 = 200;

/// The figures of a call that is over.
struct Bill {
    status: u16,
    /// Until a peer was reached.
    connect_ms: Option<u32>,
    session_ms: u32,
    started_at_ms: u64,
}

impl Call {
    /// Tells those who log.
    pub fn ended(&self, routed: Option<&Routed>, fate: &Fate, hung_up: Option<&HungUp>) {
        if let Some(reason) = hung_up {
            tracing::debug!(client = %self.client, destination = ?self.destination, %reason, "a session was not put through");
        }
        let pen = self.worker.pens.sessions.as_ref();
        let told = routed.filter(|routed| routed.chain.has(Phases::SESSION_LOG));
        if pen.is_none() && told.is_none() {
            return;
        }
        let bill = self.bill(fate, hung_up);
        if let Some(pen) = pen {
            self.write_line(pen, &bill, routed, fate);
        }
        if let Some(routed) = told {
            self.tell(&bill, routed, fate);
        }
    }

    fn bill(&self, fate: &Fate, hung_up: Option<&HungUp>) -> Bill {
        let until = |end: Instant| {
            let millis = end.saturating_duration_since(self.started).as_millis();
            u32::try_from(millis).unwrap_or(u32::MAX)
        };
        Bill {
            status: hung_up.map_or(PUT_THROUGH, HungUp::status),
            connect_ms: fate.reached.map(until),
            session_ms: until(Instant::now()),
            started_at_ms: self.worker.unix_us_at(self.started) / 1_000,
        }
    }

    fn write_line(&self, pen: &SessionPen, bill: &Bill, routed: Option<&Routed>, fate: &Fate) {
        let route = routed.map(|routed| called(routed.route.matched()));
        let service = routed.and_then(|routed| routed.route.service.as_deref());
        let service = service.map(|service| called(service.matched()));
        pen.write(&SessionLine {
            remote: self.client,
            remote_port: self.source.map_or(0, |source| source.port()),
            at_ms: bill.started_at_ms,
            protocol: self.transport.as_str(),
            status: bill.status,
            sent_bytes: fate.passed.sent,
            received_bytes: fate.passed.received,
            session_ms: bill.session_ms,
            server: self.destination,
            connection: self.number,
            sni: self.heard.sni.as_deref(),
            peer: fate.trail.tries.last().map(|tried| tried.peer),
            connect_ms: bill.connect_ms,
            route: route.as_deref(),
            service: service.as_deref(),
        });
    }

    fn tell(&self, bill: &Bill, routed: &Routed, fate: &Fate) {
        let record = SessionRecord {
            client: self.client,
            port: self.destination.map_or(0, |destination| destination.port()),
            sni: self.heard.sni.as_deref(),
            status: bill.status,
            received_bytes: fate.passed.received,
            sent_bytes: fate.passed.sent,
            gateway_ms: bill.connect_ms.unwrap_or(bill.session_ms),
            session_ms: bill.session_ms,
            started_at_ms: bill.started_at_ms,
            tries: &fate.trail.tries,
            route: routed.route.matched(),
            service: routed.route.service.as_deref().map(Service::matched),
        };
        for link in routed.chain.of(Phases::SESSION_LOG) {
            link.handler.session_log(&record);
        }
    }
}

/// An entity's name, or its id.
fn called(entity: Matched<'_>) -> Cow<'_, str> {
    match entity.name {
        Some(name) => name.into(),
        None => entity.id.to_string().into(),
    }
}
