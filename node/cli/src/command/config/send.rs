//! A list of changes carried to a node, load after load.
//!
//! Nothing of it is visible before the last word. If anything goes wrong on the way, the node is told that nobody comes back.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use serde_json::{Value, json};
use troop_declarative::{Change, ChangeSet, ChangeStep};

use crate::failure::Failure;
use crate::grammar::Target;

/// Changes in one load, and about how many bytes of them: well below what the Admin API takes.
const LOAD_MAX_CHANGES: usize = 1_000;
const LOAD_MAX_BYTES: usize = 2 << 20;
/// The last word of a large list takes its time; a shorter `--timeout` does not cut it off.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(180);

/// Has the changes made, if nothing changed after `since`. The revision that made them.
pub(super) fn send(
    target: &Target,
    since: u64,
    changes: &ChangeSet,
    errors: &mut dyn Write,
) -> Result<u64, Failure> {
    let opened = target.post("/troop/changes", &json!({"revision": since}))?;
    let id = opened["id"]
        .as_str()
        .ok_or_else(|| target.strange("it opened a change set without an id"))?;
    let path = format!("/troop/changes/{id}");
    let sent = carry(target, &path, changes.changes(), errors);
    if let Err(failure) = sent {
        // Best effort: the node finds out by itself that nobody comes back.
        let _ = target.delete(&path);
        return Err(failure);
    }
    let patient = Target {
        timeout: target.timeout.max(COMMIT_TIMEOUT),
        ..target.clone()
    };
    let made = patient.post(&format!("{path}/commit"), &json!({}))?;
    let revision = made["revision"].as_u64();
    revision.ok_or_else(|| target.strange("it made the changes and does not say at which revision"))
}

fn carry(target: &Target, path: &str, changes: &[Change], errors: &mut dyn Write) -> Result<(), Failure> {
    // Only people want to see it move.
    let is_watched = std::io::stderr().is_terminal() && changes.len() > LOAD_MAX_CHANGES;
    let (mut load, mut bytes) = (Vec::new(), 0);
    for (at, change) in changes.iter().enumerate() {
        let line = line(change);
        bytes += line.to_string().len();
        load.push(line);
        if load.len() == LOAD_MAX_CHANGES || bytes >= LOAD_MAX_BYTES || at + 1 == changes.len() {
            target.post(path, &json!({"changes": std::mem::take(&mut load)}))?;
            bytes = 0;
            if is_watched {
                write!(errors, "\rsent {} of {} changes", at + 1, changes.len())?;
                errors.flush()?;
            }
        }
    }
    if is_watched {
        writeln!(errors)?;
    }
    Ok(())
}

fn line(change: &Change) -> Value {
    let after = match &change.step {
        ChangeStep::Create { after } | ChangeStep::Update { after, .. } => Value::Object(after.clone()),
        ChangeStep::Delete { .. } => Value::Null,
    };
    json!({"entity": change.entity, "id": change.id.to_string(), "after": after})
}
