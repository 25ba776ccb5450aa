//! Which parts of the report are asked for.
//!
//! A part that fails does not take the others with it: it is named at the end, and the run counts as failed.

use crate::{
    CompareArgs, Subject, churn, connections, document, figure::Report, handshakes, instructions, memory,
    proxy, writes,
};
use anyhow::Result;
use std::path::Path;

/// Measures what was asked for.
pub fn measure(troop: &Path, subject: &Subject, report: &mut Report) {
    match subject {
        Subject::Proxy(args) => part(report, "proxy", |report| proxy::measure(troop, args, report)),
        Subject::Instructions(args) => part(report, "instructions", |report| {
            instructions::measure(troop, args, report)
        }),
        Subject::Writes(args) => part(report, "writes", |report| writes::measure(troop, *args, report)),
        Subject::Memory(args) => part(report, "memory", |report| memory::measure(troop, *args, report)),
        Subject::Document(args) => part(report, "document", |report| {
            document::measure(troop, *args, report)
        }),
        Subject::Churn(args) => part(report, "churn", |report| churn::measure(troop, *args, report)),
        Subject::Handshakes(args) => part(report, "handshakes", |report| {
            handshakes::measure(troop, *args, report)
        }),
        Subject::Connections(args) => part(report, "connections", |report| {
            connections::measure(troop, *args, report)
        }),
        Subject::Compare(args) => everything(troop, args, report),
    }
}

/// The steady ones first.
fn everything(troop: &Path, args: &CompareArgs, report: &mut Report) {
    part(report, "instructions", |report| {
        instructions::measure(troop, &args.instructions, report)
    });
    part(report, "memory", |report| {
        memory::measure(troop, args.memory, report)
    });
    part(report, "proxy", |report| {
        proxy::measure(troop, &args.proxy, report)
    });
    part(report, "writes", |report| {
        writes::measure(troop, args.writes, report)
    });
}

fn part(report: &mut Report, name: &str, measure: impl FnOnce(&mut Report) -> Result<()>) {
    if let Err(error) = measure(report) {
        report.failed(name, &error);
    }
}
