//! Health checks of an upstream, compiled: what is listened for in the traffic, and what is asked on purpose.
//!
//! Kong: whether an upstream is watched at all follows from the figures: an interval or a failure limit other than zero. A limit on passive
//! successes alone watches nobody, since there is nothing it could bring back.

use super::record::{ActiveRecord, ChecksRecord, HealthyRecord, UnhealthyRecord, UpstreamRecord};
use std::time::Duration;
use troop_balancer::{
    Algorithm, Rule,
    health::{Limits, StatusRule},
};

/// Shortest pause between two probes of a peer: faster ones tell nothing new and are a load of their own.
const INTERVAL_MIN: Duration = Duration::from_millis(100);

/// What reports mean.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Which statuses say what.
    pub statuses: StatusRule,
    /// How much of it counts.
    pub limits: Limits,
}

/// All checks of an upstream.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// How the traffic is read.
    pub passive: Reading,
    /// Whether it is read at all.
    pub listens: bool,
    /// What is asked, if anything.
    pub active: Option<Active>,
    /// Whether anybody's health is watched.
    pub on: bool,
}

/// What is asked on purpose.
#[derive(Debug)]
pub(crate) struct Active {
    pub reading: Reading,
    pub question: Question,
    /// Between two probes of a peer that is up; none when such are not asked.
    pub while_up: Option<Duration>,
    /// Between two probes of one that is down.
    pub while_down: Option<Duration>,
    pub timeout: Duration,
    pub concurrency: usize,
}

/// How a peer is asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Whether it takes connections.
    Connect,
    /// For a path.
    Http {
        path: String,
        headers: Vec<(String, String)>,
        tls: Option<ProbeTls>,
    },
    /// By the health protocol of gRPC.
    Grpc { tls: Option<ProbeTls> },
}

/// How a probe with TLS shakes hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProbeTls {
    /// The name to ask for, if it is not the peer's own.
    pub sni: Option<String>,
    pub verify: bool,
}

impl Checks {
    /// Of a record.
    pub fn of(record: &ChecksRecord) -> Checks {
        let passive = reading(&record.passive.healthy, &record.passive.unhealthy);
        let active = Active::of(&record.active);
        let limits = passive.limits;
        let fails = limits.tcp_failures > 0 || limits.timeouts > 0 || limits.http_failures > 0;
        let probes = record.active.healthy.interval > 0.0 || record.active.unhealthy.interval > 0.0;
        Checks {
            listens: fails || limits.successes > 0,
            passive,
            active,
            on: fails || probes,
        }
    }
}

fn reading(healthy: &HealthyRecord, unhealthy: &UnhealthyRecord) -> Reading {
    Reading {
        statuses: StatusRule::new(&healthy.http_statuses, &unhealthy.http_statuses),
        limits: Limits {
            successes: healthy.successes,
            http_failures: unhealthy.http_failures,
            tcp_failures: unhealthy.tcp_failures,
            timeouts: unhealthy.timeouts,
        },
    }
}

impl Active {
    /// None when nobody is to be asked.
    fn of(record: &ActiveRecord) -> Option<Active> {
        let while_up = interval(record.healthy.interval);
        let while_down = interval(record.unhealthy.interval);
        if while_up.is_none() && while_down.is_none() {
            return None;
        }
        Some(Active {
            reading: reading(&record.healthy, &record.unhealthy),
            question: Question::of(record),
            while_up,
            while_down,
            timeout: seconds(record.timeout).max(INTERVAL_MIN),
            concurrency: usize::try_from(record.concurrency).unwrap_or(usize::MAX).max(1),
        })
    }
}

impl Question {
    fn of(record: &ActiveRecord) -> Question {
        let tls = matches!(record.r#type.as_str(), "https" | "grpcs").then(|| ProbeTls {
            sni: record.https_sni.clone(),
            verify: record.https_verify_certificate,
        });
        match record.r#type.as_str() {
            "tcp" => Question::Connect,
            "grpc" | "grpcs" => Question::Grpc { tls },
            _ => Question::Http {
                path: record.http_path.clone(),
                headers: lines(record),
                tls,
            },
        }
    }
}

fn lines(record: &ActiveRecord) -> Vec<(String, String)> {
    let all = record.headers.iter().flatten();
    all.flat_map(|(name, values)| values.iter().map(|value| (name.clone(), value.clone())))
        .collect()
}

fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or_default()
}

fn interval(number: f64) -> Option<Duration> {
    Some(seconds(number))
        .filter(|span| !span.is_zero())
        .map(|span| span.max(INTERVAL_MIN))
}

/// The house rule of an upstream with so many targets.
pub(crate) fn rule(record: &UpstreamRecord, targets: usize) -> Rule {
    Rule {
        algorithm: match record.algorithm.as_str() {
            "consistent-hashing" => Algorithm::ConsistentHashing { slots: record.slots },
            "least-connections" => Algorithm::LeastConnections,
            "latency" => Algorithm::Latency,
            _ => Algorithm::RoundRobin,
        },
        threshold: record.healthchecks.threshold,
        checks: Checks::of(&record.healthchecks).on,
        targets,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn checks(record: Value) -> Checks {
        Checks::of(&serde_json::from_value(record).expect("a record"))
    }

    fn check(record: Value, on: bool, listens: bool, probes: bool) {
        let found = checks(record.clone());
        let seen = (found.on, found.listens, found.active.is_some());
        assert_eq!(seen, (on, listens, probes), "{record}");
    }

    #[test]
    fn figures_other_than_zero_switch_checks_on() {
        check(json!({}), false, false, false);
        check(
            json!({"passive": {"unhealthy": {"tcp_failures": 1}}}),
            true,
            true,
            false,
        );
        check(
            json!({"passive": {"healthy": {"successes": 1}}}),
            false,
            true,
            false,
        );
        check(json!({"active": {"healthy": {"interval": 1}}}), true, false, true);
        check(
            json!({"active": {"unhealthy": {"interval": 0.5}}}),
            true,
            false,
            true,
        );
        check(
            json!({"active": {"unhealthy": {"http_failures": 3}}}),
            false,
            false,
            false,
        );
    }

    #[test]
    fn the_type_says_how_a_peer_is_asked() {
        let question = |kind: &str| {
            let active =
                json!({"type": kind, "healthy": {"interval": 1}, "https_sni": "a.test", "http_path": "/h"});
            checks(json!({"active": active})).active.expect("probes").question
        };
        let tls = || {
            Some(ProbeTls {
                sni: Some("a.test".into()),
                verify: false,
            })
        };
        let http = |tls| Question::Http {
            path: "/h".into(),
            headers: Vec::new(),
            tls,
        };
        assert_eq!(question("tcp"), Question::Connect);
        assert_eq!(question("http"), http(None));
        assert_eq!(question("https"), http(tls()));
        assert_eq!(question("grpc"), Question::Grpc { tls: None });
        assert_eq!(question("grpcs"), Question::Grpc { tls: tls() });
    }

    #[test]
    fn intervals_have_a_floor() {
        let active = json!({"healthy": {"interval": 0.001}, "unhealthy": {"interval": 2.5}});
        let active = checks(json!({"active": active})).active.expect("probes");
        assert_eq!(active.while_up, Some(INTERVAL_MIN));
        assert_eq!(active.while_down, Some(Duration::from_millis(2_500)));
    }
}
