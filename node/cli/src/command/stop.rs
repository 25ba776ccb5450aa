//! `troop stop`: says it once, then waits until nobody answers any more.
//!
//! The catch: "stopping" is not "stopped". A script that goes on to move the data directory needs the
//! second, so the command knocks until the door stays shut.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::json;

use super::print;
use crate::failure::Failure;
use crate::grammar::Target;
use crate::http::Question;

/// Between two knocks: soon enough for a script, seldom enough to cost the node nothing.
const KNOCK_INTERVAL: Duration = Duration::from_millis(100);

pub(super) fn run(target: &Target, output: &mut dyn Write) -> Result<(), Failure> {
    let started = Instant::now();
    target.post("/troop/stop", &json!({}))?;
    while answers(target) {
        if started.elapsed() >= target.timeout {
            return Err(Failure::StillRunning {
                address: target.admin.clone(),
                waited: target.timeout,
            });
        }
        std::thread::sleep(KNOCK_INTERVAL);
    }
    print(
        target.output,
        &json!({"stopped": true}),
        |_| "stopped\n".to_owned(),
        output,
    )
}

/// A node that is slow still holds its port; only one that cannot be reached is gone.
fn answers(target: &Target) -> bool {
    let knock = Question {
        method: "GET",
        path: "/troop/health",
        body: None,
    };
    match target.ask(knock) {
        Err(Failure::Unreachable { source, .. }) => source.kind() == std::io::ErrorKind::TimedOut,
        Ok(_) | Err(_) => true,
    }
}
