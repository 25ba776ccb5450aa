//! Looking at the counts before the peer is asked, at its answer for what it costs, and counting that when it is over.
//!
//! The peer names the cost in a field of its answer: `sms=1, video=2`. Until it has answered nobody knows it, so what is on its way
//! counts for nothing and a burst overshoots by as many requests as are under way.

use crate::{
    config::{Config, wrong},
    limits::{
        By, Count, Counting, Footing, Owner, Quota, Shelf,
        counters::{Counters, Key},
        shown,
    },
};
use http::HeaderName;
use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};
use troop_plugin_api::{
    Exchange, Failure, Handler, LogRecord, Misconfigured, Phases, Reply, Response, Setup, Shared, Step,
    Verdict,
};
use troop_schema::Record;

pub(super) const PLUGIN: &str = "response-ratelimiting";

/// Under which the counts wait for the answer, and the costs for the end.
const USAGE: &str = PLUGIN;
const COSTS: &str = "response-ratelimiting costs";

/// One configured instance.
pub(super) struct Limiter {
    counting: Counting,
    header: HeaderName,
    limits: Vec<Limit>,
    by: By,
    blocks: bool,
    hides: bool,
}

/// One thing that is limited.
struct Limit {
    name: String,
    quota: Quota,
    remaining: HeaderName,
}

/// One thing's counts as they were when the request came.
#[derive(Clone)]
struct Usage {
    at: usize,
    periods: Vec<Used>,
}

#[derive(Clone)]
struct Used {
    key: Key,
    limit: f64,
    left: f64,
    limit_field: HeaderName,
    left_field: HeaderName,
}

impl Limiter {
    /// Parses a configuration.
    pub fn configure(setup: &Setup<'_>, shelf: &Shelf) -> Result<Self, Misconfigured> {
        let config = Config(setup.config);
        let header = config.text("header_name").unwrap_or("x-kong-limit");
        let limits = setup.config.get("limits").and_then(|limits| limits.as_object());
        let limits = limits.ok_or_else(|| wrong("limits", "missing"))?;
        let counting = Counting::configure(&config, shelf, PLUGIN)?;
        let limit = |(name, quota): (&String, &Value)| {
            let owner = Owner {
                plugin: PLUGIN,
                scope: setup.scope,
                limit: name,
            };
            Limit::configure(quota.as_object(), &counting.counters, &owner)
        };
        Ok(Limiter {
            limits: limits.iter().map(limit).collect::<Result<_, _>>()?,
            counting,
            header: HeaderName::try_from(header).map_err(|_| wrong("header_name", "not a header name"))?,
            by: By::configure(&config)?,
            blocks: config.flag("block_on_first_violation")?,
            hides: config.flag("hide_client_headers")?,
        })
    }

    fn look(&self, exchange: &mut Exchange<'_>) -> Result<Verdict, Failure> {
        if let Footing::Lenient = self.counting.footing()? {
            return Ok(Verdict::Continue);
        }
        let identifier = self.by.identifier(exchange);
        let now_s = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let mut usage = Vec::with_capacity(self.limits.len());
        for (at, limit) in self.limits.iter().enumerate() {
            let counts = limit.quota.counts(&identifier, now_s);
            let periods: Vec<Used> = counts
                .iter()
                .map(|count| self.used(limit, count))
                .collect::<Result<_, _>>()?;
            if self.blocks && periods.iter().any(|used| used.left <= 0.0) {
                let message = format!("API rate limit exceeded for '{}'", limit.name);
                return Ok(Reply::error(429, message).into());
            }
            usage.push(Usage { at, periods });
        }
        drop(identifier);
        exchange.shared.put(USAGE, usage);
        Ok(Verdict::Continue)
    }

    fn used(&self, limit: &Limit, count: &Count<'_>) -> Result<Used, Failure> {
        let field = |kind| {
            let name = format!(
                "x-ratelimit-{kind}-{}-{}",
                limit.name,
                count.allowance.period.name()
            );
            HeaderName::try_from(name)
                .map_err(|e| Failure::caused_by("a limit's name is not fit for a header", e))
        };
        Ok(Used {
            key: count.key,
            limit: count.allowance.limit,
            left: count.left(self.counting.counters.read(count.key)).max(0.0),
            limit_field: field("limit")?,
            left_field: field("remaining")?,
        })
    }

    fn costs(&self, response: &Response<'_>) -> Vec<u32> {
        let mut costs = vec![0; self.limits.len()];
        response.each_header(self.header.as_str(), &mut |value| {
            for (name, cost) in read_costs(&String::from_utf8_lossy(value)) {
                if let Some(at) = self.limits.iter().position(|limit| limit.name == name) {
                    costs[at] = cost;
                }
            }
        });
        costs
    }
}

impl Limit {
    fn configure(
        quota: Option<&Record>,
        counters: &Counters,
        owner: &Owner<'_>,
    ) -> Result<Self, Misconfigured> {
        let remaining = HeaderName::try_from(format!("x-ratelimit-remaining-{}", owner.limit));
        let quota = quota.ok_or_else(|| wrong("limits", "not a record"))?;
        Ok(Limit {
            name: owner.limit.to_owned(),
            quota: Quota::read(quota, counters, owner),
            remaining: remaining.map_err(|_| wrong("limits", "a name is not fit for a header"))?,
        })
    }
}

/// `a=1, b=2`. Kong: what is no number counts nothing.
fn read_costs(text: &str) -> impl Iterator<Item = (&str, u32)> {
    text.split(',').filter_map(|piece| {
        let (name, cost) = piece.split_once('=')?;
        Some((name.trim(), cost.trim().parse().ok()?))
    })
}

impl Handler for Limiter {
    fn phases(&self) -> Phases {
        Phases::ACCESS | Phases::HEADER_FILTER | Phases::LOG
    }

    fn access<'a>(&'a self, exchange: &'a mut Exchange<'_>) -> Step<'a> {
        Step::Done(self.look(exchange))
    }

    fn header_filter(&self, shared: &mut Shared, response: &mut Response<'_>) -> Result<(), Failure> {
        let Some(usage) = shared.take::<Vec<Usage>>(USAGE) else {
            return Ok(());
        };
        let costs = self.costs(response);
        let mut exceeded = false;
        for Usage { at, periods } in &usage {
            let cost = f64::from(costs[*at]);
            // Kong: this one is told even to clients from whom the others are hidden.
            let least = periods.iter().map(|used| used.left).fold(f64::INFINITY, f64::min);
            response.set_header(self.limits[*at].remaining.clone(), shown(least));
            for used in periods {
                if !self.hides {
                    response.set_header(used.limit_field.clone(), shown(used.limit));
                    response.set_header(used.left_field.clone(), shown(used.left - cost));
                }
                exceeded |= cost > 0.0 && used.left <= 0.0;
            }
        }
        response.remove_header(self.header.clone());
        if exceeded {
            response.answer_instead(429);
        } else {
            let due = usage.iter().flat_map(|Usage { at, periods }| {
                let cost = costs[*at];
                periods.iter().map(move |used| (used.key, cost))
            });
            shared.put(COSTS, due.collect::<Vec<(Key, u32)>>());
        }
        Ok(())
    }

    fn log(&self, record: &LogRecord<'_>) {
        for (key, cost) in record.shared.get::<Vec<(Key, u32)>>(COSTS).into_iter().flatten() {
            if *cost > 0 {
                self.counting.counters.add(*key, *cost);
            }
        }
    }
}

#[cfg(test)]
mod tests;
