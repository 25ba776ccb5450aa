//! `/debug/node/log-level`: the log's level while the process runs.

use super::Door;
use crate::{
    admin::Admin,
    answer::{self, Reply},
    call::Call,
    problem::Failure,
};
use http::{Method, StatusCode};
use std::time::Duration;

pub(super) const DOORS: &[Door] = &[
    ("/debug/node/log-level", Method::GET, |admin, call| {
        Box::pin(get(admin, call))
    }),
    ("/debug/node/log-level/{log_level}", Method::PUT, |admin, call| {
        Box::pin(put(admin, call))
    }),
];

/// Kong: nginx's words.
const LEVELS: [&str; 8] = [
    "debug", "info", "notice", "warn", "error", "crit", "alert", "emerg",
];

/// Kong: a changed level falls back after a minute unless the request says otherwise.
const SPAN: Duration = Duration::from_secs(60);

async fn get(admin: &Admin, _: &Call) -> Reply {
    Ok(answer::message(
        StatusCode::OK,
        &format!("log level: {}", admin.facts.log_level()),
    ))
}

async fn put(admin: &Admin, call: &Call) -> Reply {
    let level = call.param(0);
    if !LEVELS.contains(&level) {
        return Err(Failure::bad(format!("unknown log level: {level}")));
    }
    let span = span(call.query.get("timeout"))?;
    if admin.facts.log_level() == level {
        return Ok(answer::message(
            StatusCode::OK,
            &format!("log level is already {level}"),
        ));
    }
    let changed = admin.facts.set_log_level(level, span);
    changed.map_err(|reason| Failure::other(StatusCode::NOT_IMPLEMENTED, reason))?;
    Ok(answer::message(StatusCode::OK, "log level changed"))
}

/// Kong: whole seconds, rounded up.
fn span(text: Option<&str>) -> Result<Duration, Failure> {
    let Some(seconds) = text.and_then(|text| text.parse::<f64>().ok()) else {
        return Ok(SPAN);
    };
    let rounded = seconds.ceil();
    let span = Duration::try_from_secs_f64(rounded);
    span.map_err(|_| Failure::bad("timeout must be greater than or equal to 0"))
}
