//! What the two rate-limiting plugins share: periods, counters, whom a count is for, the fields of their configurations.

pub(crate) mod counters;
mod marks;
pub(crate) mod period;
pub(crate) mod redis;
pub(crate) mod tally;

use crate::config::{Config, wrong};
use counters::{Counters, Key};
use http::{HeaderName, HeaderValue};
use period::Period;
use serde_json::Value;
use siphasher::sip::SipHasher13;
use std::{
    borrow::Cow,
    hash::Hasher,
    sync::{Arc, OnceLock},
};
use tally::Tally;
use troop_plugin_api::{Exchange, Failure, Misconfigured, Scope};
use troop_schema::{Field, Record};
use uuid::Uuid;

/// A plugin's counters, made when the first instance needs them: whoever only asks for schemas has none.
#[derive(Clone, Default)]
pub(crate) struct Shelf {
    own: Arc<OnceLock<Arc<Counters>>>,
    tally: Arc<Tally>,
}

impl Shelf {
    /// With the tally that this node keeps with the others.
    pub fn with(tally: &Arc<Tally>) -> Self {
        Shelf {
            own: Arc::default(),
            tally: Arc::clone(tally),
        }
    }

    /// The counters of a policy.
    pub fn counters(&self, policy: Policy) -> Arc<Counters> {
        match policy {
            Policy::Cluster => self.tally.counters(),
            Policy::Local | Policy::Unreachable => Arc::clone(self.own.get_or_init(Arc::default)),
        }
    }

    /// The tally kept with the other nodes.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// What this node's own counters take up, and what they may take up.
    pub fn memory_bytes(&self) -> (u64, u64) {
        let used = self.own.get().map_or(0, |counters| counters.used_bytes());
        (used, counters::TOTAL_BYTES)
    }
}

/// Where an instance counts, and whether it can.
pub(crate) struct Counting {
    pub counters: Arc<Counters>,
    policy: Policy,
    tally: Arc<Tally>,
    fault_tolerant: bool,
}

/// How to go on before anything is counted.
pub(crate) enum Footing {
    /// Count.
    Firm,
    /// Kong: what cannot be counted passes.
    Lenient,
}

impl Counting {
    /// Reads `policy` and `fault_tolerant`.
    pub fn configure(
        config: &Config<'_>,
        shelf: &Shelf,
        plugin: &'static str,
    ) -> Result<Self, Misconfigured> {
        let policy = Policy::configure(config, plugin);
        Ok(Counting {
            counters: shelf.counters(policy),
            policy,
            tally: Arc::clone(shelf.tally()),
            fault_tolerant: config.flag("fault_tolerant")?,
        })
    }

    /// Kong: without `fault_tolerant` a request is refused while the counts cannot be known; with it, it passes. A node that
    /// hears no majority of the others knows its own counts still, and holds to those.
    pub fn footing(&self) -> Result<Footing, Failure> {
        match self.policy {
            Policy::Unreachable if self.fault_tolerant => Ok(Footing::Lenient),
            Policy::Unreachable => Err(Failure::new(
                "the counts are kept in Redis, which cannot be reached",
            )),
            Policy::Cluster if !self.fault_tolerant && self.tally.is_cut_off() => Err(Failure::new(
                "the counts of the other nodes are not known: no majority of them answers",
            )),
            Policy::Cluster | Policy::Local => Ok(Footing::Firm),
        }
    }
}

/// Where counts are kept, as Kong names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// On this node.
    Local,
    /// On each node, which tell each other.
    Cluster,
    /// In Redis, which this gateway does not speak: as if the server could not be reached.
    Unreachable,
}

impl Policy {
    /// Reads `policy`.
    pub fn configure(config: &Config<'_>, plugin: &'static str) -> Self {
        match config.text("policy") {
            Some("redis") => {
                tracing::warn!(
                    plugin,
                    "the policy redis is not supported: its server counts as unreachable"
                );
                Policy::Unreachable
            }
            Some("cluster") => Policy::Cluster,
            _ => Policy::Local,
        }
    }
}

/// Whom a count is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Consumer,
    Credential,
    Address,
    Service,
    Header(HeaderName),
    Path(String),
}

impl By {
    /// Reads `limit_by` and the fields that belong to it.
    pub fn configure(config: &Config<'_>) -> Result<Self, Misconfigured> {
        Ok(match config.text("limit_by") {
            Some("credential") => By::Credential,
            Some("ip") => By::Address,
            Some("service") => By::Service,
            Some("header") => {
                let name = config
                    .text("header_name")
                    .and_then(|name| HeaderName::try_from(name).ok());
                By::Header(name.ok_or_else(|| wrong("header_name", "not a header name"))?)
            }
            Some("path") => By::Path(config.text("path").unwrap_or_default().to_owned()),
            _ => By::Consumer,
        })
    }

    /// Kong: what is not known falls back to the client's address.
    pub fn identifier<'a>(&'a self, exchange: &'a Exchange<'_>) -> Cow<'a, [u8]> {
        let identity = exchange.identity();
        let found = match self {
            By::Address => None,
            By::Consumer => identity.map(|known| known.consumer.id_text.as_bytes().into()),
            By::Credential => {
                let credential = identity.and_then(|known| known.credential.as_deref());
                credential.map(|credential| credential.id_text.as_bytes().into())
            }
            By::Service => {
                let service = exchange.facts.service;
                service.map(|service| service.id.to_string().into_bytes().into())
            }
            By::Header(name) => exchange.request.header(name.as_str()).map(Cow::Owned),
            By::Path(path) => (exchange.request.raw_path() == path).then(|| path.as_bytes().into()),
        };
        found.unwrap_or_else(|| exchange.facts.client.address.to_string().into_bytes().into())
    }
}

/// A limit for each of some periods.
pub(crate) struct Quota(Vec<Allowance>);

/// So much in a period.
pub(crate) struct Allowance {
    pub period: Period,
    pub limit: f64,
    /// The limit as headers show it.
    pub shown: HeaderValue,
    /// The names of its counts but for their end, which says whom they are for.
    name: SipHasher13,
}

impl Quota {
    /// Reads the fields named after the periods.
    pub fn read(config: &Record, counters: &Counters, owner: &Owner<'_>) -> Self {
        let allowance = |period: Period| {
            let limit = config.get(period.name())?.as_f64()?;
            Some(Allowance {
                period,
                limit,
                shown: shown(limit),
                name: counters.begin_name(|name| owner.write(period, name)),
            })
        };
        Quota(Period::ALL.into_iter().filter_map(allowance).collect())
    }

    /// The counts of whoever is called that, at this time.
    pub fn counts(&self, identifier: &[u8], now_s: u64) -> Vec<Count<'_>> {
        let count = |allowance| Count::of(allowance, identifier, now_s);
        self.0.iter().map(count).collect()
    }
}

/// Whose counts they are.
pub(crate) struct Owner<'a> {
    pub plugin: &'static str,
    /// Kong: of the instance, not of the request.
    pub scope: Scope,
    /// The name of the limit, where there are several.
    pub limit: &'a str,
}

impl Owner<'_> {
    /// Every node must write the same, whatever it was built with, so each piece is spelled out; texts end with a byte that no
    /// text has.
    fn write(&self, period: Period, name: &mut SipHasher13) {
        for id in [self.scope.route, self.scope.service, self.scope.consumer] {
            name.write(id.unwrap_or(Uuid::nil()).as_bytes());
        }
        for text in [self.plugin, self.limit, period.name()] {
            name.write(text.as_bytes());
            name.write(&[0xff]);
        }
    }
}

/// One count and its limit.
pub(crate) struct Count<'a> {
    pub allowance: &'a Allowance,
    pub key: Key,
}

impl<'a> Count<'a> {
    fn of(allowance: &'a Allowance, identifier: &[u8], now_s: u64) -> Self {
        let mut name = allowance.name;
        name.write(identifier);
        let period = allowance.period;
        Count {
            allowance,
            key: Key {
                name: Key::named(&name),
                window: period.start_s(now_s),
                ends_s: period.end_s(now_s),
            },
        }
    }

    /// What is left after `used`.
    pub fn left(&self, used: u32) -> f64 {
        self.allowance.limit - f64::from(used)
    }
}

/// Fields of the periods.
pub(crate) fn fields() -> Vec<(&'static str, Field)> {
    let above_zero = || Field::number().gt(0);
    Period::ALL
        .into_iter()
        .map(|period| (period.name(), above_zero()))
        .collect()
}

/// Kong: a longer period cannot have a lower limit. `the` is how the sentence begins.
pub(crate) fn grows(config: &Value, the: &str) -> Result<(), String> {
    let limits = Period::ALL
        .into_iter()
        .filter_map(|period| Some((period.name(), config.get(period.name())?.as_f64()?)));
    let limits: Vec<_> = limits.collect();
    for (at, (longer, limit)) in limits.iter().enumerate() {
        if let Some((shorter, more)) = limits[..at].iter().find(|(_, shorter)| limit < shorter) {
            return Err(format!(
                "{the} limit for {longer}({limit:.1}) cannot be lower than the limit for {shorter}({more:.1})"
            ));
        }
    }
    Ok(())
}

/// A limit as headers show it. Nearly all are whole, and those are written without asking how many digits a fraction needs.
pub(crate) fn shown(number: f64) -> HeaderValue {
    let number = number.max(0.0);
    if number.fract() == 0.0 && number < WHOLE_MAX {
        HeaderValue::from(number as u64)
    } else {
        HeaderValue::try_from(number.to_string()).expect("invariant: a number is fit for a header")
    }
}

/// Every whole number below it is one that a fraction can be told from.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_shown_as_they_are_written() {
        for (number, text) in [(5.0, "5"), (-1.0, "0"), (0.5, "0.5"), (1e16, "10000000000000000")] {
            assert_eq!(shown(number), text);
        }
    }

    #[test]
    fn a_longer_period_cannot_have_a_lower_limit() {
        assert_eq!(
            grows(&json!({"second": 1, "hour": 1, "day": null}), "The"),
            Ok(())
        );
        assert_eq!(
            grows(&json!({"second": 5, "minute": 1}), "The"),
            Err("The limit for minute(1.0) cannot be lower than the limit for second(5.0)".to_owned())
        );
    }
}
