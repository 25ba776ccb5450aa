//! What a document says about itself: the members that begin with an underscore.
//!
//! The cover sheet. It has the format's version, whether values still have to be transformed, remarks for people, and in
//! decK's dialect a few more lines ([`crate::deck`]). It is taken off first; what is left are collections.
//!
//! Kong: a version is text. `_format_version: 3.0` without quotes is a number in YAML and is refused.

use serde_json::Value;
use troop_schema::{Fault, Faults, Record};

/// Kong: versions of the format.
const VERSIONS: [&str; 3] = ["1.1", "2.1", "3.0"];

/// The one that is written, and the only one that needs no migration.
pub(crate) const CURRENT_VERSION: &str = "3.0";

/// The member that says which version it is.
pub(crate) const FORMAT_VERSION: &str = "_format_version";

/// The member that says whether values are as people write them.
pub(crate) const TRANSFORM: &str = "_transform";

/// A cover sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) is_current: bool,
    pub(crate) transform: bool,
}

/// Takes the cover sheet off, and notes what is wrong with it.
pub(crate) fn take(document: &mut Record, faults: &mut Faults) -> Header {
    let version = document.remove(FORMAT_VERSION);
    if let Err(fault) = judge_version(version.as_ref()) {
        faults.set(FORMAT_VERSION, fault);
    }
    let transform = match document.remove(TRANSFORM) {
        None | Some(Value::Null) => true,
        Some(Value::Bool(transform)) => transform,
        Some(_) => {
            faults.set(TRANSFORM, "expected a boolean");
            true
        }
    };
    remarks(document, faults);
    Header {
        is_current: version.is_some_and(|version| version == CURRENT_VERSION),
        transform,
    }
}

/// Takes the remarks for people off a document or a record.
pub(crate) fn remarks(holder: &mut Record, faults: &mut Faults) {
    match holder.remove("_comment") {
        None | Some(Value::Null | Value::String(_)) => {}
        Some(_) => faults.set("_comment", "expected a string"),
    }
    match holder.remove("_ignore") {
        None | Some(Value::Null | Value::Array(_)) => {}
        Some(_) => faults.set("_ignore", "expected an array"),
    }
}

fn judge_version(version: Option<&Value>) -> Result<(), Fault> {
    match version {
        None | Some(Value::Null) => Err("required field missing".into()),
        Some(Value::String(version)) if VERSIONS.contains(&version.as_str()) => Ok(()),
        Some(Value::String(_)) => Err(format!("expected one of: {}", VERSIONS.join(", ")).into()),
        Some(_) => Err("expected a string".into()),
    }
}
