//! `/debug/node/log-level` and `/debug/cluster/log-level`: the level of the log while the process runs, here or everywhere.

use super::Door;
use crate::{
    admin::Admin,
    answer::{self, Reply},
    call::Call,
    log_turn::LogTurn,
    problem::Failure,
};
use http::{Method, StatusCode};
use std::time::Duration;
use troop_catalog::Planned;
use troop_schema::Record;
use troop_txn::Op;

pub(super) const DOORS: &[Door] = &[
    ("/debug/node/log-level", Method::GET, |admin, call| {
        Box::pin(get(admin, call))
    }),
    ("/debug/node/log-level/{log_level}", Method::PUT, |admin, call| {
        Box::pin(put(admin, call))
    }),
    (
        "/debug/cluster/log-level/{log_level}",
        Method::PUT,
        |admin, call| Box::pin(put_everywhere(admin, call)),
    ),
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
    let LogTurn { level, span } = &turn(call)?;
    if admin.facts.log_level() == *level {
        return Ok(answer::message(
            StatusCode::OK,
            &format!("log level is already {level}"),
        ));
    }
    let changed = admin.facts.set_log_level(level, *span);
    changed.map_err(|reason| Failure::other(StatusCode::NOT_IMPLEMENTED, reason))?;
    Ok(answer::message(StatusCode::OK, "log level changed"))
}

/// Every node hears it, this one like the others.
async fn put_everywhere(admin: &Admin, call: &Call) -> Reply {
    let turn = turn(call)?;
    let word = Op::Emit {
        channel: LogTurn::CHANNEL.to_owned(),
        data: turn.to_bytes().into(),
        not_before_ms: None,
    };
    let planned = || Planned {
        ops: vec![word.clone()],
        ..Planned::of_record(Record::new())
    };
    admin.change(call, |_, _| Ok(Some(planned()))).await?;
    Ok(answer::message(StatusCode::OK, "log level changed"))
}

fn turn(call: &Call) -> Result<LogTurn, Failure> {
    let level = call.param(0);
    if !LEVELS.contains(&level) {
        return Err(Failure::bad(format!("unknown log level: {level}")));
    }
    Ok(LogTurn {
        level: level.to_owned(),
        span: span(call.query.get("timeout"))?,
    })
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
