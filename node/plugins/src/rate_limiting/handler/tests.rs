//! Who may pass how often, and what is said of it.

use crate::{
    rate_limiting::RateLimiting,
    stage::{Played, Stage, configured, consumer},
};
use serde_json::{Value, json};
use std::sync::Arc;
use troop_plugin_api::{Handler, Identity};

/// Years: no test sees the end of one, save on New Year's Eve.
fn limiter(config: Value) -> Arc<dyn Handler> {
    configured(&RateLimiting::default(), config)
}

fn stage(headers: Vec<(&'static str, &'static str)>) -> Stage {
    Stage {
        target: "/x",
        headers,
        ..Stage::default()
    }
}

fn said(played: &Played, name: &str) -> Option<String> {
    if let Ok(Some(reply)) = &played.verdict {
        let found = reply.headers.iter().find(|(own, _)| own == name);
        return found.map(|(_, value)| value.to_str().expect("text").to_owned());
    }
    played
        .echoed
        .iter()
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.clone())
}

fn check(limiter: &dyn Handler, stage: &Stage, passes: bool) {
    let played = stage.play(limiter);
    assert_eq!(played.refused().is_none(), passes, "{played:?}");
}

#[test]
fn as_many_requests_pass_as_the_limit_says() {
    let limiter = limiter(json!({"year": 2}));
    for (passes, remaining) in [(true, "1"), (true, "0"), (false, "0"), (false, "0")] {
        let played = stage(vec![]).play(&*limiter);
        let refused = (429, "API rate limit exceeded".to_owned());
        assert_eq!(played.refused(), (!passes).then_some(refused));
        assert_eq!(said(&played, "x-ratelimit-limit-year").as_deref(), Some("2"));
        assert_eq!(
            said(&played, "x-ratelimit-remaining-year").as_deref(),
            Some(remaining)
        );
        assert_eq!(said(&played, "ratelimit-remaining").as_deref(), Some(remaining));
        let reset = said(&played, "ratelimit-reset").expect("a reset");
        let retry = (!passes).then_some(reset);
        assert_eq!(said(&played, "retry-after"), retry);
    }
}

#[test]
fn what_one_period_refuses_no_period_counts() {
    let limiter = limiter(json!({"month": 1, "year": 5}));
    check(&*limiter, &stage(vec![]), true);
    for _ in 0..3 {
        let played = stage(vec![]).play(&*limiter);
        assert!(played.refused().is_some());
        assert_eq!(said(&played, "x-ratelimit-remaining-month").as_deref(), Some("0"));
        assert_eq!(said(&played, "x-ratelimit-remaining-year").as_deref(), Some("4"));
        assert_eq!(said(&played, "ratelimit-limit").as_deref(), Some("1"));
    }
}

#[test]
fn counts_are_apart_for_whomever_they_are_for() {
    let known = |id| Stage {
        known: Some(Identity {
            consumer: consumer(id, "c"),
            credential: None,
        }),
        ..stage(vec![])
    };
    let by_consumer = limiter(json!({"year": 1}));
    check(&*by_consumer, &known(1), true);
    check(&*by_consumer, &known(1), false);
    check(&*by_consumer, &known(2), true);
    check(&*by_consumer, &stage(vec![]), true);
    check(&*by_consumer, &stage(vec![]), false);

    let by_header = limiter(json!({"year": 1, "limit_by": "header", "header_name": "x"}));
    check(&*by_header, &stage(vec![("x", "a")]), true);
    check(&*by_header, &stage(vec![("x", "b")]), true);
    check(&*by_header, &stage(vec![("x", "a")]), false);

    let by_path = limiter(json!({"year": 1, "limit_by": "path", "path": "/x"}));
    let other = || Stage {
        target: "/y?x",
        ..stage(vec![])
    };
    check(&*by_path, &stage(vec![]), true);
    check(&*by_path, &other(), true);
    check(&*by_path, &stage(vec![]), false);
    check(&*by_path, &other(), false);
}

#[test]
fn a_changed_configuration_does_not_start_counts_anew() {
    let plugin = RateLimiting::default();
    check(&*configured(&plugin, json!({"year": 1})), &stage(vec![]), true);
    check(&*configured(&plugin, json!({"year": 1})), &stage(vec![]), false);
    check(&*configured(&plugin, json!({"year": 2})), &stage(vec![]), true);
}

#[test]
fn clients_can_be_told_nothing_and_refused_in_other_words() {
    let config = json!({"year": 1, "hide_client_headers": true, "error_code": 420, "error_message": "calm"});
    let limiter = limiter(config);
    assert_eq!(stage(vec![]).play(&*limiter).echoed, []);
    let played = stage(vec![]).play(&*limiter);
    assert_eq!(played.refused(), Some((420, "calm".to_owned())));
    assert_eq!(said(&played, "retry-after"), None);
}

#[test]
fn redis_counts_as_unreachable() {
    let tolerant = limiter(json!({"year": 1, "policy": "redis"}));
    check(&*tolerant, &stage(vec![]), true);
    check(&*tolerant, &stage(vec![]), true);
    let strict = limiter(json!({"year": 1, "policy": "redis", "fault_tolerant": false}));
    assert!(stage(vec![]).play(&*strict).verdict.is_err());
}
