//! The report for people.

use super::{Report, percentile_ms};
use crate::fault::log::{Accident, tally};
use std::fmt::Write as _;

/// Violations shown in full; a broken promise is often broken thousands of times.
const VIOLATIONS_MAX: usize = 50;

/// The page.
pub fn write(report: &Report) -> String {
    let mut page = String::new();
    head(report, &mut page);
    violations(report, &mut page);
    workloads(report, &mut page);
    faults(report, &mut page);
    logs(report, &mut page);
    // A line that scripts can find: the last.
    let _ = writeln!(page, "\n{}", report.last_line());
    page
}

// Writing to a string does not fail; `let _ =` says so below.

fn head(report: &Report, page: &mut String) {
    let setting = &report.setting;
    let _ = writeln!(
        page,
        "# {} nodes, {} minutes, seed {}: {}\n",
        setting.nodes,
        setting.minutes,
        setting.seed,
        report.outcome().word()
    );
    let _ = writeln!(
        page,
        "![Latency of operations with faults marked](timeline.svg)\n"
    );
    let wires = if setting.with_network {
        "networks of their own"
    } else {
        "one loopback"
    };
    let _ = writeln!(
        page,
        "Program: {}. Nodes have {wires}; a snapshot every {} entries, {} entries kept behind it; clients pause {} ms on average. \
         The run took {:.0} s.\n",
        setting.version,
        setting.snapshot_every,
        setting.log_keep,
        setting.pace_ms,
        report.elapsed.as_secs_f64()
    );
    for reason in &report.invalid {
        let _ = writeln!(page, "* **Invalid**: {reason}");
    }
    for unknown in report.unknowns() {
        let _ = writeln!(
            page,
            "* **Undecided** ({}): {}: {}",
            unknown.checker, unknown.subject, unknown.text
        );
    }
}

fn violations(report: &Report, page: &mut String) {
    let violations = report.violations();
    let _ = writeln!(page, "\n## Violations: {}\n", violations.len());
    for violation in violations.iter().take(VIOLATIONS_MAX) {
        let at = violation.at as f64 / 1e9;
        let _ = writeln!(
            page,
            "* {at:.3} s, {}, {}: {}",
            violation.checker, violation.subject, violation.text
        );
    }
    if violations.len() > VIOLATIONS_MAX {
        let _ = writeln!(
            page,
            "* and {} more in `report.json`",
            violations.len() - VIOLATIONS_MAX
        );
    }
}

fn workloads(report: &Report, page: &mut String) {
    let _ = writeln!(page, "\n## Workloads\n");
    let _ = writeln!(
        page,
        "| workload | ok | failed | unknown fate | checked | write p50, p99 ms | read p50, p99 ms | |"
    );
    let _ = writeln!(page, "|---|--:|--:|--:|--:|--:|--:|---|");
    for (name, judgement) in &report.judgements {
        let of = |writes: bool, percent| {
            percentile_ms(
                judgement
                    .samples
                    .iter()
                    .filter(|sample| sample.is_write == writes),
                percent,
            )
        };
        let _ = writeln!(
            page,
            "| {name} | {} | {} | {} | {} | {:.1}, {:.1} | {:.1}, {:.1} | {} |",
            judgement.counts.ok,
            judgement.counts.fail,
            judgement.counts.info,
            judgement.findings.checked,
            of(true, 50),
            of(true, 99),
            of(false, 50),
            of(false, 99),
            judgement.remarks.join("; ")
        );
    }
}

fn faults(report: &Report, page: &mut String) {
    let _ = writeln!(page, "\n## Faults\n\nEach kind and how often it happened:\n");
    for (kind, times) in tally(&report.accidents) {
        let _ = writeln!(page, "* {}: {times}", kind.name());
    }
    let _ = writeln!(
        page,
        "\n*Silence* is the longest time without an acknowledged write that touches the fault.\n"
    );
    let _ = writeln!(
        page,
        "| began | lasted | whole after | fault | nodes | leader (term) | silence | proof |"
    );
    let _ = writeln!(page, "|--:|--:|--:|---|---|---|--:|---|");
    for accident in &report.accidents {
        let _ = writeln!(page, "{}", row(report, accident));
    }
}

fn row(report: &Report, accident: &Accident) -> String {
    let seconds = |nanos: u64| nanos as f64 / 1e9;
    let leader = accident
        .leader
        .map(|(number, term)| format!("{number} ({term})"))
        .unwrap_or_default();
    let nodes: Vec<String> = accident.nodes.iter().map(usize::to_string).collect();
    let proof = match &accident.proof {
        Ok(proof) => proof.clone(),
        Err(reason) => format!("**did not happen**: {reason}"),
    };
    let silence = report
        .silence(accident)
        .map(|silence| format!("{:.2} s", silence.as_secs_f64()))
        .unwrap_or_default();
    format!(
        "| {:.1} s | {:.1} s | {:.1} s | {} | {} | {leader} | {silence} | {proof} |",
        seconds(accident.began),
        seconds(accident.ended - accident.began),
        seconds(accident.whole - accident.ended),
        accident.kind.name(),
        nodes.join(" "),
    )
}

fn logs(report: &Report, page: &mut String) {
    if report.log_lines.is_empty() {
        return;
    }
    let _ = writeln!(page, "\n## From the nodes' logs\n\n```");
    for line in &report.log_lines {
        let _ = writeln!(page, "{line}");
    }
    let _ = writeln!(page, "```");
}
