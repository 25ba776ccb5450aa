//! Counting a request, or refusing it.
//!
//! Kong looks at the counts, lets the request pass, and counts it afterwards, so that a burst overshoots. Here counting and
//! looking are one step: a request is counted in each of its periods, and if one of them is full it is taken back everywhere. What is
//! refused is not counted, as there.

use crate::{
    config::{Config, wrong},
    limits::{Allowance, By, Count, Counting, Footing, Owner, Quota, Shelf, period::Period, shown},
};
use http::{HeaderName, HeaderValue};
use std::time::{SystemTime, UNIX_EPOCH};
use troop_plugin_api::{
    Exchange, Failure, Handler, Misconfigured, Phases, Reply, Response, Setup, Shared, Step, Verdict,
};

pub(super) const PLUGIN: &str = "rate-limiting";

/// Under which the fields wait for the response.
const FIELDS: &str = PLUGIN;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// One configured instance.
pub(super) struct Limiter {
    counting: Counting,
    quota: Quota,
    by: By,
    hides: bool,
    status: u16,
    message: String,
}

type Fields = Vec<(HeaderName, HeaderValue)>;

impl Limiter {
    /// Parses a configuration.
    pub fn configure(setup: &Setup<'_>, shelf: &Shelf) -> Result<Self, Misconfigured> {
        let config = Config(setup.config);
        let status = config.number("error_code").unwrap_or(429.0);
        let counting = Counting::configure(&config, shelf, PLUGIN)?;
        let owner = Owner {
            plugin: PLUGIN,
            scope: setup.scope,
            limit: "",
        };
        Ok(Limiter {
            quota: Quota::read(setup.config, &counting.counters, &owner),
            counting,
            by: By::configure(&config)?,
            hides: config.flag("hide_client_headers")?,
            // Kong takes any number; what is no status of an error cannot be sent.
            status: if (400.0..600.0).contains(&status) {
                status as u16
            } else {
                429
            },
            message: config
                .text("error_message")
                .ok_or_else(|| wrong("error_message", "missing"))?
                .to_owned(),
        })
    }

    fn count(&self, exchange: &mut Exchange<'_>) -> Result<Verdict, Failure> {
        if let Footing::Lenient = self.counting.footing()? {
            return Ok(Verdict::Continue);
        }
        let now_s = now_s();
        let counts = self.quota.counts(&self.by.identifier(exchange), now_s);
        let (left, full) = self.counted(&counts);
        if full.is_none() {
            let fields = self.fields(&counts, &left, now_s);
            exchange.shared.put(FIELDS, fields);
            return Ok(Verdict::Continue);
        }
        let mut reply = Reply::error(self.status, self.message.clone());
        reply.headers = self.fields(&counts, &left, now_s);
        if let Some((_, reset)) = reply.headers.iter().find(|(name, _)| *name == RESET) {
            let reset = reset.clone();
            reply.headers.push((http::header::RETRY_AFTER, reset));
        }
        Ok(reply.into())
    }

    /// What is left in each period, and the first one that is full. If one is, nothing was counted.
    fn counted(&self, counts: &[Count<'_>]) -> (Vec<f64>, Option<usize>) {
        let mut left = Vec::with_capacity(counts.len());
        for (at, count) in counts.iter().enumerate() {
            let after = count.left(self.counting.counters.add(count.key, 1));
            if after < 0.0 {
                for counted in &counts[..=at] {
                    self.counting.counters.take_back(counted.key, 1);
                }
                let read = |count: &Count<'_>| count.left(self.counting.counters.read(count.key));
                let mut left: Vec<f64> = counts.iter().map(read).collect();
                left[at] = 0.0;
                return (left, Some(at));
            }
            left.push(after);
        }
        (left, None)
    }

    /// Kong: the period with the least left is told apart; of equals, the longest.
    fn fields(&self, counts: &[Count<'_>], left: &[f64], now_s: u64) -> Fields {
        if self.hides {
            return Vec::new();
        }
        let mut fields = Vec::with_capacity(2 * counts.len() + 4);
        let mut tightest: Option<(&Count<'_>, f64, HeaderValue)> = None;
        for (count, left) in counts.iter().zip(left) {
            let Allowance {
                period, shown: limit, ..
            } = count.allowance;
            let remaining = shown(*left);
            fields.push((limit_of(*period), limit.clone()));
            fields.push((remaining_of(*period), remaining.clone()));
            // Periods come from the shortest to the longest, so an equal one is longer.
            if tightest.as_ref().is_none_or(|(_, least, _)| left <= least) {
                tightest = Some((count, *left, remaining));
            }
        }
        if let Some((count, _, remaining)) = tightest {
            let passed = now_s - count.key.window;
            let reset = count.allowance.period.length_s().saturating_sub(passed).max(1);
            fields.push((LIMIT, count.allowance.shown.clone()));
            fields.push((REMAINING, remaining));
            fields.push((RESET, HeaderValue::from(reset)));
        }
        fields
    }
}

fn now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// A name per period, made once: making one costs more than all else about it.
macro_rules! names {
    ($($function:ident: $second:literal $minute:literal $hour:literal $day:literal $month:literal $year:literal;)+) => { $(
        fn $function(period: Period) -> HeaderName {
            const SECOND: HeaderName = HeaderName::from_static($second);
            const MINUTE: HeaderName = HeaderName::from_static($minute);
            const HOUR: HeaderName = HeaderName::from_static($hour);
            const DAY: HeaderName = HeaderName::from_static($day);
            const MONTH: HeaderName = HeaderName::from_static($month);
            const YEAR: HeaderName = HeaderName::from_static($year);
            match period {
                Period::Second => SECOND,
                Period::Minute => MINUTE,
                Period::Hour => HOUR,
                Period::Day => DAY,
                Period::Month => MONTH,
                Period::Year => YEAR,
            }
        }
    )+ };
}
names! {
    limit_of: "x-ratelimit-limit-second" "x-ratelimit-limit-minute" "x-ratelimit-limit-hour"
        "x-ratelimit-limit-day" "x-ratelimit-limit-month" "x-ratelimit-limit-year";
    remaining_of: "x-ratelimit-remaining-second" "x-ratelimit-remaining-minute" "x-ratelimit-remaining-hour"
        "x-ratelimit-remaining-day" "x-ratelimit-remaining-month" "x-ratelimit-remaining-year";
}

impl Handler for Limiter {
    fn phases(&self) -> Phases {
        Phases::ACCESS | Phases::HEADER_FILTER
    }

    fn access<'a>(&'a self, exchange: &'a mut Exchange<'_>) -> Step<'a> {
        Step::Done(self.count(exchange))
    }

    fn header_filter(&self, shared: &mut Shared, response: &mut Response<'_>) -> Result<(), Failure> {
        for (name, value) in shared.take::<Fields>(FIELDS).into_iter().flatten() {
            response.set_header(name, value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
