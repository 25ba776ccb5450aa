//! `troop version`: ours, and the Kong release whose Admin API is spoken.

use std::io::Write;

use serde_json::json;

use super::print;
use crate::failure::Failure;
use crate::grammar::Output;

/// Kong's release whose interfaces the gateway offers.
const KONG: &str = "3.9.1";

pub(super) fn run(form: Output, output: &mut dyn Write) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let document = json!({"version": version, "kong": KONG});
    print(
        form,
        &document,
        |_| format!("troop {version} (Admin API of Kong {KONG})\n"),
        output,
    )
}
